//! An endpoint against a peer whose every stream is in the test's hands.

#![allow(clippy::wildcard_enum_match_arm, reason = "tests pick one event out of many")]

use std::{io, time::Duration};

use bytes::Bytes;
use futures::{AsyncReadExt, AsyncWriteExt, FutureExt, StreamExt};
use libp2p::{
    Multiaddr, PeerId, Stream,
    swarm::{
        ConnectionId, SwarmEvent,
        dial_opts::{DialOpts, PeerCondition},
    },
};

use crate::{
    Class, Config, DownCause, Event, EventReceiver, Keypair, LinkId, Transport,
    bridge::{BridgeEvent, News},
    quic::{Outbound, SIDE_FRAME_BYTES_MAX, side},
    stack::{self, BehaviourEvent, Stack},
};

/// The bare stack of an endpoint without a driver.
struct Puppet {
    stack: Stack,
    peer: PeerId,
    address: Multiaddr,
}

impl Puppet {
    async fn dial(&mut self) -> ConnectionId {
        let opts = DialOpts::peer_id(self.peer)
            .addresses(vec![self.address.clone()])
            .condition(PeerCondition::Always)
            .build();
        let connection = opts.connection_id();
        self.stack.swarm.dial(opts).unwrap();
        self.until(|event| match event {
            SwarmEvent::ConnectionEstablished { connection_id, .. } => {
                (connection_id == connection).then_some(())
            }
            _ => None,
        })
        .await;
        connection
    }

    async fn accept(&mut self) -> Stream {
        self.until(|event| match event {
            SwarmEvent::Behaviour(BehaviourEvent::Bridge(BridgeEvent {
                news: News::Accepted { stream },
                ..
            })) => Some(stream),
            _ => None,
        })
        .await
    }

    async fn open(&mut self, connection: ConnectionId) -> Stream {
        self.stack.swarm.behaviour_mut().bridge.open(self.peer, connection);
        self.until(|event| match event {
            SwarmEvent::Behaviour(BehaviourEvent::Bridge(BridgeEvent {
                news: News::Opened { stream, .. },
                ..
            })) => Some(stream),
            _ => None,
        })
        .await
    }

    async fn closed(&mut self) {
        self.until(|event| matches!(event, SwarmEvent::ConnectionClosed { .. }).then_some(())).await;
    }

    async fn until<T>(&mut self, mut pick: impl FnMut(SwarmEvent<BehaviourEvent>) -> Option<T>) -> T {
        let search = async {
            loop {
                if let Some(found) = pick(self.stack.swarm.select_next_some().await) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, search).await.expect("in time")
    }
}

struct Node {
    transport: Transport,
    events: EventReceiver,
}

impl Node {
    async fn until<T>(&mut self, mut pick: impl FnMut(Event) -> Option<T>) -> T {
        let search = async {
            loop {
                if let Some(found) = pick(self.events.recv().await.unwrap()) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, search).await.expect("in time")
    }

    async fn up(&mut self) -> (LinkId, Option<LinkId>) {
        self.until(|event| match event {
            Event::LinkUp { link, continues, .. } => Some((link, continues)),
            _ => None,
        })
        .await
    }

    async fn down(&mut self) -> (LinkId, DownCause) {
        self.until(|event| match event {
            Event::LinkDown { link, cause } => Some((link, cause)),
            _ => None,
        })
        .await
    }

    /// Waits for the loss of a stream. Over QUIC it shows at a write only, hence the sending.
    async fn lose(&mut self, link: LinkId) {
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        let search = async {
            loop {
                tokio::select! {
                    _ = tick.tick() => {
                        let hello = vec![Bytes::from_static(b"hello")];
                        let _ = self.transport.send(link, Class::Control, hello);
                    }
                    event = self.events.recv() => if let Some(Event::LinkDown { link: down, .. }) = event {
                        assert_eq!(down, link);
                        return;
                    },
                }
            }
        };
        tokio::time::timeout(PATIENCE, search).await.expect("in time");
    }

    async fn frame(&mut self) -> Bytes {
        self.until(|event| match event {
            Event::Frame { bytes, .. } => Some(bytes),
            _ => None,
        })
        .await
    }
}

async fn node_and_puppet(listen: &str) -> (Node, Puppet) {
    let mut config = Config::new(Keypair::generate_ed25519());
    config.listen = vec![listen.parse().unwrap()];
    let (transport, events) = Transport::start(config).await.unwrap();
    let (peer, address) = (transport.local_peer_id(), transport.listen_addrs()[0].clone());
    let stack = stack::build(&Config::new(Keypair::generate_ed25519())).unwrap();
    (Node { transport, events }, Puppet { stack, peer, address })
}

#[tokio::test]
async fn a_second_inbound_stream_replaces_the_first() {
    for listen in [TCP, QUIC] {
        let (mut node, mut puppet) = node_and_puppet(listen).await;
        let connection = puppet.dial().await;
        let _inbound = puppet.accept().await;
        let mut first = puppet.open(connection).await;
        first.write_all(b"\x03one").await.unwrap();
        first.flush().await.unwrap();
        assert_eq!(node.frame().await, "one");
        let mut byte = [0];
        assert!(first.read(&mut byte).now_or_never().is_none(), "the node closed its write half");
        let mut second = puppet.open(connection).await;
        second.write_all(b"\x03two").await.unwrap();
        second.flush().await.unwrap();
        assert_eq!(node.frame().await, "two");
        // The first is gone, whatever its end looks like.
        let end = tokio::time::timeout(PATIENCE, first.read(&mut byte)).await.expect("in time");
        assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    }
}

#[tokio::test]
async fn a_lost_outbound_stream_is_opened_four_times_again() {
    for listen in [TCP, QUIC] {
        let (mut node, mut puppet) = node_and_puppet(listen).await;
        puppet.dial().await;
        let mut earlier = None;
        for _ in 0..5 {
            let stream = puppet.accept().await;
            let (link, continues) = node.up().await;
            assert_eq!(continues, earlier);
            drop(stream);
            if link.number() == 4 {
                tokio::join!(node.lose(link), puppet.closed());
            } else {
                node.lose(link).await;
            }
            earlier = Some(link);
        }
        // Five streams were lost: the node has closed the connection.
        assert!(puppet.stack.swarm.connected_peers().next().is_none());
    }
}

#[tokio::test]
async fn a_spare_connection_takes_over() {
    for listen in [TCP, QUIC] {
        let (mut node, mut puppet) = node_and_puppet(listen).await;
        let first = puppet.dial().await;
        let _stream = puppet.accept().await;
        let (link, _) = node.up().await;
        let second = puppet.dial().await;
        let mut outbound = puppet.open(second).await;
        outbound.write_all(b"\x03one").await.unwrap();
        outbound.flush().await.unwrap();
        assert_eq!(node.frame().await, "one", "frames arrive over any connection");
        puppet.stack.swarm.close_connection(first);
        let _stream = puppet.accept().await;
        let (down, cause) = node.down().await;
        assert_eq!(down, link);
        assert!(matches!(cause, DownCause::ConnectionLost { .. }), "{cause}");
        let (new, continues) = node.up().await;
        assert_eq!(continues, Some(link));
        outbound.write_all(b"\x03two").await.unwrap();
        outbound.flush().await.unwrap();
        assert_eq!(node.frame().await, "two");
        assert!(node.transport.room(new) > 0);
    }
}

#[tokio::test]
async fn a_bad_length_prefix_is_malformed() {
    let (mut node, mut puppet) = node_and_puppet(QUIC).await;
    let connection = puppet.dial().await;
    let _inbound = puppet.accept().await;
    let mut stream = puppet.open(connection).await;
    stream.write_all(&[0xff; 12]).await.unwrap();
    stream.flush().await.unwrap();
    let (_, cause) = node.down().await;
    assert_eq!(cause, DownCause::Malformed(crate::FrameFault::BadLength));
    puppet.closed().await;
}

#[tokio::test]
async fn frames_go_on_streams_of_their_own_once_the_peer_reads_those() {
    let (mut node, mut puppet) = node_and_puppet(QUIC).await;
    puppet.dial().await;
    let mut first = puppet.accept().await;
    let (link, _) = node.up().await;
    let send = |class, text: &'static str| node.transport.send(link, class, vec![text.into()]).unwrap();
    send(Class::Data, "head");
    send(Class::Unordered, "body");
    let mut both = [0; 10];
    first.read_exact(&mut both).await.unwrap();
    assert_eq!(&both, b"\x04head\x04body");
    let side = puppet.stack.quic.inbound(puppet.peer, &puppet.address).unwrap();
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    let taken = async {
        loop {
            tokio::select! {
                _ = tick.tick() => send(Class::Unordered, "aside"),
                stream = side.accept() => break side::read(stream.unwrap(), 100).await.unwrap(),
            }
        }
    };
    let taken = tokio::time::timeout(PATIENCE, taken).await.expect("in time");
    assert_eq!(taken, Some((1, Bytes::from("aside"))), "behind the head, and behind nothing else");
}

/// A puppet that may send on streams beside the first one, of which the node has read a frame.
async fn node_and_sending_puppet() -> (Node, Puppet, [Stream; 2], Outbound) {
    let (mut node, mut puppet) = node_and_puppet(QUIC).await;
    let connection = puppet.dial().await;
    let inbound = puppet.accept().await;
    let mut first = puppet.open(connection).await;
    first.write_all(b"\x03one").await.unwrap();
    first.flush().await.unwrap();
    assert_eq!(node.frame().await, "one");
    let outbound = puppet.stack.quic.outbound(puppet.peer, &puppet.address).unwrap();
    (node, puppet, [first, inbound], outbound)
}

/// Sends it on a stream of its own, as soon as that is granted.
async fn send_aside(outbound: &mut Outbound, barrier: u64, frame: impl Into<Bytes>) -> io::Result<()> {
    let granted = async {
        loop {
            match outbound.open() {
                Some(stream) => break stream,
                None => tokio::task::yield_now().await,
            }
        }
    };
    let stream = tokio::time::timeout(PATIENCE, granted).await.expect("in time");
    outbound.send(stream, barrier, &[frame.into()]).await
}

#[tokio::test]
async fn a_frame_on_its_own_stream_waits_for_what_it_needs() {
    let (mut node, _puppet, [mut first, _inbound], mut outbound) = node_and_sending_puppet().await;
    send_aside(&mut outbound, 2, "needs two").await.unwrap();
    send_aside(&mut outbound, 1, "needs one").await.unwrap();
    assert_eq!(node.frame().await, "needs one");
    first.write_all(b"\x03two").await.unwrap();
    first.flush().await.unwrap();
    assert_eq!(node.frame().await, "two");
    assert_eq!(node.frame().await, "needs two");
}

#[tokio::test]
async fn a_name_stands_for_the_only_connection_to_a_peer() {
    let (_node, mut puppet) = node_and_puppet(QUIC).await;
    puppet.dial().await;
    let find = |puppet: &Puppet, address: &str| {
        puppet.stack.quic.outbound(puppet.peer, &address.parse().unwrap()).is_some()
    };
    let own = puppet.address.to_string();
    assert!(find(&puppet, &own));
    assert!(find(&puppet, "/dns4/node.example/udp/7070/quic-v1"));
    for other in ["/ip4/127.0.0.1/udp/9/quic-v1", "/dns4/node.example/tcp/7070"] {
        assert!(!find(&puppet, other), "{other}");
    }
    puppet.dial().await;
    assert!(find(&puppet, &own));
    assert!(!find(&puppet, "/dns4/node.example/udp/7070/quic-v1"), "which of the two?");
}

#[tokio::test]
async fn an_over_long_frame_on_its_own_stream_ends_the_link() {
    for more in [1, 100_000] {
        let (mut node, mut puppet, _streams, mut outbound) = node_and_sending_puppet().await;
        // The node may hang up before all of it has been sent.
        let _sent = send_aside(&mut outbound, 0, vec![0; SIDE_FRAME_BYTES_MAX + more]).await;
        let (_, cause) = node.down().await;
        let bytes = SIDE_FRAME_BYTES_MAX as u64 + 1;
        let fault = crate::FrameFault::TooLong { bytes, bytes_max: SIDE_FRAME_BYTES_MAX };
        assert_eq!(cause, DownCause::Malformed(fault));
        puppet.closed().await;
    }
}

const TCP: &str = "/ip4/127.0.0.1/tcp/0";
const QUIC: &str = "/ip4/127.0.0.1/udp/0/quic-v1";
const PATIENCE: Duration = Duration::from_secs(10);
