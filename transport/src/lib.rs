//! Authenticated libp2p links (QUIC, TCP+Noise+Yamux) that move opaque frames.
//!
//! A *link* is what there is between us and one peer: a way to send frames to it, in order where the
//! sender does not say otherwise ([`Class`]), and the frames that come from it. Below are
//! connections, which libp2p's swarm makes and authenticates, and on them two one-way streams as
//! `GossipSub` wants them: each side opens one and writes only there. Between nodes of ours over
//! QUIC, frames of [`Class::Unordered`] have streams of their own beside it. A link loses no frame
//! while it is up; when its stream or connection is lost it goes down, and a new stream or a spare
//! connection makes a new link.
//!
//! ```text
//!  Transport (handle)          EventReceiver
//!    | send, room                ^ events, one ordered queue
//!    v                           |
//!  SendQueue --> writer task     reader task      driver task: swarm, dials, ends of links
//!                    |               ^                | streams, once negotiated
//!                    v               |                v
//!              outbound stream   inbound stream     bridge behaviour
//! ```
//!
//! What is held at most, and where the number is: control frames per link
//! ([`CONTROL_QUEUE_BYTES_MAX`]), data per link ([`Config::send_window_bytes`] and one frame),
//! received frames per peer ([`Config::receive_window_bytes`] and one frame of
//! [`Config::frame_bytes_max`]). A consumer that does not take its events stops the reading.
//!
//! ```
//! use braidcast_transport::{Class, Config, Event, Keypair, Transport};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(async {
//! let mut config = Config::new(Keypair::generate_ed25519());
//! config.listen = vec!["/ip4/127.0.0.1/udp/0/quic-v1".parse()?];
//! let (alice, mut at_alice) = Transport::start(config).await?;
//!
//! let mut config = Config::new(Keypair::generate_ed25519());
//! config.bootstrap = alice.listen_addrs();
//! let (bob, mut at_bob) = Transport::start(config).await?;
//!
//! while let Some(event) = at_bob.recv().await {
//!     if let Event::LinkUp { link, .. } = event {
//!         bob.send(link, Class::Data, vec!["hello ".into(), "alice".into()])?;
//!         break;
//!     }
//! }
//! while let Some(event) = at_alice.recv().await {
//!     if let Event::Frame { bytes, .. } = event {
//!         assert_eq!(bytes, "hello alice");
//!         break;
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).expect("two endpoints on loopback");
//! ```

mod bootstrap;
mod bridge;
mod config;
mod driver;
mod echo;
mod error;
mod event;
mod frame;
mod frame_pool;
mod inbox;
mod peers;
mod pump;
mod queue;
mod quic;
mod record;
mod stack;
mod tcp;
mod transport;
mod uplink;
mod waiters;

#[cfg(test)]
mod puppet_tests;

pub use libp2p::{Multiaddr, PeerId};
pub use libp2p_identity::Keypair;

pub use self::{
    bootstrap::peer_of,
    config::{Config, Congestion, GOSSIP_PROTOCOLS},
    error::{DialError, SendError, StartError},
    event::{DownCause, Event, FrameFault, LinkId, Origin, remote_ip},
    frame::{FRAME_START_BYTES, FRAME_START_BYTES_MIN},
    inbox::EventReceiver,
    queue::{CONTROL_QUEUE_BYTES_MAX, Class, FRAME_COST_MIN},
    record::{RecordFault, record_addresses},
    transport::Transport,
};
