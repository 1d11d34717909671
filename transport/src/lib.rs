//! Authenticated libp2p links (QUIC, TCP+Noise+Yamux) that move opaque frames.

mod bootstrap;
mod bridge;
mod config;
mod driver;
mod error;
mod event;
mod frame;
mod inbox;
mod peers;
mod pump;
mod queue;
mod quic;
mod stack;
mod transport;

pub use libp2p::{Multiaddr, PeerId};
pub use libp2p_identity::Keypair;

pub use self::{
    config::{Config, Congestion, GOSSIP_PROTOCOLS},
    error::{DialError, SendError, StartError},
    event::{DownCause, Event, FrameFault, LinkId, Origin},
    inbox::EventReceiver,
    queue::{CONTROL_QUEUE_BYTES_MAX, Class, FRAME_COST_MIN},
    transport::Transport,
};
