//! Listening, dialing and staying connected.

#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, clippy::print_stdout, reason = "a test")]

mod common;

use std::{
    io::Write,
    net::{TcpStream, UdpSocket},
    time::Duration,
};

use braidcast_transport::{Class, DownCause, Event, Keypair, Multiaddr, StartError, Transport};
use common::{Node, PATIENCE, QUIC, TCP, config, pattern, within};

/// An address nobody listens on at the moment.
fn free(kind: &str) -> Multiaddr {
    let port = match kind {
        TCP => std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port(),
        _ => UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port(),
    };
    let own = if kind == TCP { format!("/tcp/{port}") } else { format!("/udp/{port}/quic-v1") };
    format!("/ip4/127.0.0.1{own}").parse().unwrap()
}

/// Starts a node on a given address with a given identity.
async fn start_as(identity: &Keypair, address: &Multiaddr) -> Node {
    let mut settings = config(&[], &[]);
    settings.identity = identity.clone();
    settings.listen = vec![address.clone()];
    Node::with(settings).await
}

async fn expect_exchange(a: &mut Node, b: &mut Node) {
    let (up_a, up_b) = (a.up().await, b.up().await);
    a.transport.send(up_a.link, Class::Control, vec![pattern(10)]).unwrap();
    b.transport.send(up_b.link, Class::Data, vec![pattern(20)]).unwrap();
    assert_eq!((a.frame().await, b.frame().await), (pattern(20), pattern(10)));
}

#[tokio::test]
async fn a_bootstrap_peer_may_start_later_and_restart() {
    for kind in [TCP, QUIC] {
        let (identity, address) = (Keypair::generate_ed25519(), free(kind));
        let full = address.clone().with_p2p(identity.public().to_peer_id()).unwrap();
        let mut settings = config(&[], &[full]);
        // Over UDP nothing tells that nobody is there.
        settings.connection_timeout = Duration::from_secs(1);
        let mut dialer = Node::with(settings).await;
        for _ in 0..2 {
            let failed = |event| matches!(event, Event::DialFailed { .. }).then_some(());
            dialer.find("failed dial", failed).await;
        }
        for _ in 0..3 {
            let mut listener = start_as(&identity, &address).await;
            expect_exchange(&mut listener, &mut dialer).await;
            within(listener.transport.shutdown(PATIENCE)).await;
            let (_, cause) = dialer.down().await;
            assert!(matches!(cause, DownCause::ConnectionLost { .. }), "{cause}");
        }
    }
}

#[tokio::test]
async fn our_own_address_in_the_bootstrap_list_is_skipped() {
    let mut other = Node::start(&[TCP], &[]).await;
    let identity = Keypair::generate_ed25519();
    let own = free(TCP).with_p2p(identity.public().to_peer_id()).unwrap();
    let mut settings = config(&[], &[own, other.address()]);
    settings.identity = identity;
    let mut node = Node::with(settings).await;
    let up = other.up().await;
    assert_eq!(up.peer, node.transport.local_peer_id());
    let first = |event| match event {
        Event::LinkUp { peer, .. } => Some(peer),
        Event::DialFailed { reason, .. } => panic!("{reason}"),
        _ => None,
    };
    assert_eq!(node.find("link-up", first).await, other.transport.local_peer_id());
}

#[tokio::test]
async fn our_own_address_without_an_id_is_dropped_when_it_is_recognised() {
    let address = free(QUIC);
    let mut settings = config(&[], std::slice::from_ref(&address));
    settings.listen = vec![address];
    let mut node = Node::with(settings).await;
    let failed = |event| matches!(event, Event::DialFailed { .. }).then_some(());
    node.find("failed dial", failed).await;
}

#[tokio::test]
async fn two_nodes_that_dial_each_other_have_one_link() {
    for kinds in [[TCP, TCP], [QUIC, QUIC], [TCP, QUIC]] {
        let mut a = Node::start(&[kinds[0]], &[]).await;
        let mut b = Node::start(&[kinds[1]], &[]).await;
        a.transport.dial(b.address()).unwrap();
        b.transport.dial(a.address()).unwrap();
        expect_exchange(&mut a, &mut b).await;
        let mut downs = 0;
        within(a.transport.shutdown(PATIENCE)).await;
        while let Some(event) = within(a.events.recv()).await {
            assert!(!matches!(event, Event::LinkUp { .. }), "a second link: {event:?}");
            downs += u32::from(matches!(event, Event::LinkDown { .. }));
        }
        assert_eq!(downs, 1);
        b.down().await;
    }
}

#[tokio::test]
async fn a_failed_dial_is_reported_once_and_not_repeated() {
    let mut node = Node::start(&[], &[]).await;
    let address = free(TCP);
    node.transport.dial(address.clone()).unwrap();
    let Event::DialFailed { peer, addresses, reason } = node.next().await else { panic!() };
    assert_eq!((peer, addresses), (None, vec![address]));
    assert!(reason.contains("refused"), "{reason}");
}

#[tokio::test]
async fn an_impossible_listen_address_is_named() {
    let taken = Node::start(&[TCP, QUIC], &[]).await;
    let mut bad = taken.transport.listen_addrs();
    assert_eq!(bad.len(), 2);
    bad.push("/ip4/192.0.2.1/tcp/0".parse().unwrap());
    bad.push("/ip4/192.0.2.1/udp/0/quic-v1".parse().unwrap());
    bad.push("/ip4/127.0.0.1/sctp/5".parse().unwrap());
    for address in bad {
        let mut settings = config(&[TCP, QUIC], &[]);
        settings.listen.push(address.clone());
        let error = Transport::start(settings).await.map(|_| ()).unwrap_err();
        assert!(error.to_string().contains(&address.to_string()), "{error}");
        assert!(matches!(error, StartError::Listen { address: named, .. } if named == address));
    }
}

#[tokio::test]
async fn a_configuration_that_makes_no_sense_is_refused() {
    let mut settings = config(&[], &[]);
    settings.protocols.clear();
    assert!(matches!(Transport::start(settings).await, Err(StartError::NoProtocols)));
    let mut settings = config(&[], &[]);
    settings.protocols.push("no-slash".to_owned());
    assert!(matches!(Transport::start(settings).await, Err(StartError::Protocol { .. })));
    let mut settings = config(&[], &[]);
    settings.frame_bytes_max = 0;
    assert!(matches!(
        Transport::start(settings).await,
        Err(StartError::OutOfRange { field: "frame_bytes_max", .. })
    ));
    let mut settings = config(&[], &[]);
    settings.idle_timeout = Duration::ZERO;
    assert!(matches!(Transport::start(settings).await, Err(StartError::NoTime { field: "idle_timeout" })));
}

#[tokio::test]
async fn all_interfaces_are_listed() {
    let node = Node::start(&["/ip4/0.0.0.0/tcp/0", "/ip4/0.0.0.0/udp/0/quic-v1"], &[]).await;
    let all = node.transport.listen_addrs();
    for part in ["/tcp/", "/quic-v1"] {
        assert!(all.iter().any(|a| a.to_string().contains(part)), "{all:?}");
    }
    assert!(all.iter().all(|a| !a.to_string().contains("/0.0.0.0/")), "{all:?}");
}

#[tokio::test]
async fn garbage_on_the_sockets_hurts_nobody() {
    let mut a = Node::start(&[TCP, QUIC], &[]).await;
    let mut b = Node::start(&[], &[a.address()]).await;
    let listening = a.transport.listen_addrs();
    let find = |part: &str| listening.iter().find(|l| l.to_string().contains(part)).unwrap().clone();
    let port = |part| find(part).to_string().split('/').nth(4).unwrap().parse::<u16>().unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut streams = Vec::new();
    for size in [0, 1, 20, 300, 1200, 60_000] {
        let mut tcp = TcpStream::connect(("127.0.0.1", port("/tcp/"))).unwrap();
        let _ = tcp.write_all(&pattern(size));
        streams.push(tcp);
        udp.send_to(&pattern(size), ("127.0.0.1", port("/udp/"))).unwrap();
    }
    expect_exchange(&mut a, &mut b).await;
    let mut c = Node::start(&[], &[]).await;
    c.transport.dial(find("/udp/")).unwrap();
    expect_exchange(&mut a, &mut c).await;
}

#[tokio::test]
async fn connections_beyond_the_limit_are_refused() {
    let mut settings = config(&[QUIC], &[]);
    settings.connections_max = 1;
    let mut a = Node::with(settings).await;
    let mut b = Node::start(&[], &[a.address()]).await;
    expect_exchange(&mut a, &mut b).await;
    let c = Node::start(&[], &[a.address()]).await;
    // A free place is taken by whoever comes first; until then `c` keeps trying in vain.
    within(b.transport.shutdown(PATIENCE)).await;
    assert_eq!(a.up().await.peer, c.transport.local_peer_id());
}

#[tokio::test]
async fn names_are_resolved() {
    let mut a = Node::start(&[TCP, QUIC], &[]).await;
    for listening in a.transport.listen_addrs() {
        let named = listening.to_string().replace("/ip4/127.0.0.1/", "/dns4/localhost/");
        let named = named.parse::<Multiaddr>().unwrap().with_p2p(a.transport.local_peer_id()).unwrap();
        let mut b = Node::start(&[], &[named]).await;
        expect_exchange(&mut a, &mut b).await;
    }
}
