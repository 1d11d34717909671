//! Two endpoints on loopback: what a link promises.

#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, clippy::print_stdout, reason = "a test")]

mod common;

use std::time::Duration;

use braidcast_transport::{
    CONTROL_QUEUE_BYTES_MAX, Class, DownCause, Event, FRAME_START_BYTES, FRAME_START_BYTES_MIN, FrameFault,
    Origin, SendError, Transport,
};
use bytes::Bytes;
use common::{Node, PATIENCE, QUIC, TCP, config, pattern, within};

/// Two linked nodes and their links; the second has dialed the first.
async fn pair(listen: &str, change: impl Fn(&mut braidcast_transport::Config)) -> [(Node, common::Up); 2] {
    let mut settings = config(&[listen], &[]);
    change(&mut settings);
    let mut a = Node::with(settings).await;
    let mut settings = config(&[listen], &[a.address()]);
    change(&mut settings);
    let mut b = Node::with(settings).await;
    let (up_a, up_b) = (a.up().await, b.up().await);
    [(a, up_a), (b, up_b)]
}

/// Frames of many sizes, each in two pieces, from both ends at once.
async fn frames_pass_both_ways(listen: &str) {
    let sizes = [0, 1, 100, 64 << 10, (1 << 20) + 7, 3, 5 << 20, 127, 128];
    let mut nodes = pair(listen, |c| c.send_window_bytes = 16 << 20).await;
    for (node, up) in &nodes {
        for &size in &sizes {
            let frame = pattern(size);
            let chunks = vec![frame.slice(..size / 3), frame.slice(size / 3..)];
            node.transport.send(up.link, Class::Data, chunks).unwrap();
        }
    }
    for (node, _) in &mut nodes {
        for &size in &sizes {
            assert!(node.frame().await == pattern(size), "frame of {size} bytes");
        }
    }
}

#[tokio::test]
async fn frames_of_all_sizes_pass_both_ways_over_tcp() {
    frames_pass_both_ways(TCP).await;
}

#[tokio::test]
async fn frames_of_all_sizes_pass_both_ways_over_quic() {
    frames_pass_both_ways(QUIC).await;
}

#[tokio::test]
async fn a_link_says_who_and_how() {
    for listen in [TCP, QUIC] {
        let [(a, up_a), (b, up_b)] = pair(listen, |_| {}).await;
        assert_eq!(up_a.peer, b.transport.local_peer_id());
        assert_eq!(up_b.peer, a.transport.local_peer_id());
        assert_eq!((up_a.origin, up_b.origin), (Origin::Accepted, Origin::Dialed));
        assert_eq!((up_a.protocol.as_str(), up_b.protocol.as_str()), ("/meshsub/1.3.0", "/meshsub/1.3.0"));
        assert_eq!(up_b.address, a.address());
        assert_eq!((up_a.continues, up_b.continues), (None, None));
    }
}

#[tokio::test]
async fn secp256k1_identities_link() {
    let [(mut a, _), (b, up_b)] =
        pair(QUIC, |c| c.identity = libp2p::identity::Keypair::generate_secp256k1()).await;
    b.transport.send(up_b.link, Class::Control, vec![Bytes::from_static(b"hello")]).unwrap();
    assert_eq!(a.frame().await, "hello");
}

#[tokio::test]
async fn control_overtakes_queued_data() {
    for listen in [TCP, QUIC] {
        let [(mut a, _), (b, up)] = pair(listen, |c| c.send_window_bytes = 4 << 20).await;
        for number in 0..20 {
            b.transport.send(up.link, Class::Data, vec![pattern(100_000 + number)]).unwrap();
        }
        for number in 0..3 {
            b.transport.send(up.link, Class::Control, vec![pattern(100 + number)]).unwrap();
        }
        let expected = (100..103).chain(100_000..100_020);
        for size in expected {
            assert_eq!(a.frame().await.len(), size);
        }
    }
}

#[tokio::test]
async fn unordered_frames_come_after_the_data_before_them() {
    for listen in [TCP, QUIC] {
        let [(mut a, _), (b, up)] = pair(listen, |c| c.send_window_bytes = 16 << 20).await;
        // Data of sizes 0, 1, .., and after each of it three frames whose last byte says which data they follow.
        for number in 0..50_usize {
            b.transport.send(up.link, Class::Data, vec![pattern(number)]).unwrap();
            for size in [1000, 10_000, 300_000].into_iter().take(if number % 10 == 0 { 3 } else { 2 }) {
                let chunks = vec![pattern(size), Bytes::from(vec![number as u8])];
                b.transport.send(up.link, Class::Unordered, chunks).unwrap();
            }
        }
        let (mut data, mut unordered) = (0, 0);
        while (data, unordered) != (50, 105) {
            let frame = a.frame().await;
            if frame.len() < 1000 {
                assert!(frame == pattern(data), "{listen}: data {data}");
                data += 1;
            } else {
                let follows = usize::from(frame[frame.len() - 1]);
                assert!(follows < data, "{listen}: before data {follows}, behind {data}");
                assert!(frame[..frame.len() - 1] == pattern(frame.len() - 1));
                unordered += 1;
            }
        }
    }
}

#[tokio::test]
async fn an_over_long_frame_is_reported_and_ends_the_link() {
    for listen in [TCP, QUIC] {
        let [(mut a, up_a), (mut b, up_b)] = pair(listen, |c| c.frame_bytes_max = 1000).await;
        b.transport.send(up_b.link, Class::Data, vec![pattern(1000)]).unwrap();
        b.transport.send(up_b.link, Class::Data, vec![pattern(1001)]).unwrap();
        assert_eq!(a.frame().await.len(), 1000);
        let expected = FrameFault::TooLong { bytes: 1001, bytes_max: 1000 };
        let fault = a
            .find("malformed", |event| match event {
                Event::Malformed { link, fault } => Some((link, fault)),
                _ => None,
            })
            .await;
        assert_eq!(fault, (up_a.link, expected));
        assert_eq!(a.down().await, (up_a.link, DownCause::Malformed(expected)));
        let (link, cause) = b.down().await;
        assert_eq!(link, up_b.link);
        assert!(matches!(cause, DownCause::ConnectionLost { .. }), "{cause}");
    }
}

#[tokio::test]
async fn a_long_frame_is_announced_by_its_first_bytes() {
    for listen in [TCP, QUIC] {
        let [(mut a, up_a), (b, up_b)] = pair(listen, |c| c.send_window_bytes = 1 << 20).await;
        for size in [FRAME_START_BYTES_MIN - 1, FRAME_START_BYTES_MIN * 10] {
            b.transport.send(up_b.link, Class::Data, vec![pattern(size)]).unwrap();
        }
        let mut next = async || {
            a.find("frame or its start", |event| match event {
                Event::FrameStart { link, bytes } => Some((link, bytes, false)),
                Event::Frame { link, bytes } => Some((link, bytes, true)),
                _ => None,
            })
            .await
        };
        assert_eq!(next().await, (up_a.link, pattern(FRAME_START_BYTES_MIN - 1), true), "{listen}");
        let long = pattern(FRAME_START_BYTES_MIN * 10);
        assert_eq!(next().await, (up_a.link, long.slice(..FRAME_START_BYTES), false), "{listen}");
        assert_eq!(next().await, (up_a.link, long, true), "{listen}");
    }
}

#[tokio::test]
async fn room_is_exact_and_a_last_frame_may_overshoot() {
    let [(mut a, _), (mut b, up)] = pair(TCP, |c| c.send_window_bytes = 10_000).await;
    assert_eq!(b.writable().await, 10_000, "the whole window at link-up");
    let send = |transport: &Transport, size| transport.send(up.link, Class::Data, vec![pattern(size)]);
    send(&b.transport, 9_000).unwrap();
    assert_eq!(b.transport.room(up.link), 1_000);
    b.transport.send(up.link, Class::Control, vec![pattern(5_000)]).unwrap();
    assert_eq!(b.transport.room(up.link), 1_000, "control has its own bound");
    send(&b.transport, 50_000).unwrap();
    assert_eq!(b.transport.room(up.link), 0);
    let full = SendError::Full { link: up.link, bytes_queued: 59_000 };
    assert_eq!(send(&b.transport, 1), Err(full));
    while b.writable().await < 10_000 {}
    assert_eq!(b.transport.room(up.link), 10_000);
    for size in [5_000, 9_000, 50_000] {
        assert_eq!(a.frame().await.len(), size);
    }
}

/// The peer's application stops reading: the sender is stopped after a bounded number of bytes,
/// and goes on when the application does.
async fn a_stalled_reader_stops_the_sender(listen: &str) {
    const WINDOW: usize = 256 << 10;
    let [(mut a, _), (mut b, up)] = pair(listen, |c| {
        c.receive_window_bytes = 128 << 10;
        c.send_window_bytes = WINDOW;
    })
    .await;
    let frame = pattern(64 << 10);
    let mut sent = 0;
    loop {
        while b.transport.room(up.link) > 0 {
            b.transport.send(up.link, Class::Data, vec![frame.clone()]).unwrap();
            sent += 1;
        }
        // The one wait for something *not* to happen.
        if tokio::time::timeout(Duration::from_millis(500), b.writable()).await.is_err() {
            break;
        }
        assert!(sent * frame.len() < 32 << 20, "{sent} frames went into a peer that reads nothing");
    }
    println!("{listen}: stopped after {} KiB", (sent * frame.len()) >> 10);
    for number in 0..sent {
        assert!(a.frame().await == frame, "frame {number}");
    }
    while b.writable().await < WINDOW {}
}

#[tokio::test]
async fn a_stalled_reader_stops_the_sender_over_tcp() {
    a_stalled_reader_stops_the_sender(TCP).await;
}

#[tokio::test]
async fn a_stalled_reader_stops_the_sender_over_quic() {
    a_stalled_reader_stops_the_sender(QUIC).await;
}

#[tokio::test]
async fn control_that_is_not_read_ends_the_link() {
    let [(_a, _), (mut b, up)] = pair(QUIC, |c| c.receive_window_bytes = 1000).await;
    let refused = loop {
        let sent = b.transport.send(up.link, Class::Control, vec![pattern(100_000)]);
        if let Err(error) = sent {
            break error;
        }
        tokio::task::yield_now().await;
    };
    assert!(matches!(refused, SendError::ControlOverflow { .. }), "{refused}");
    let (link, cause) = b.down().await;
    assert_eq!(link, up.link);
    let DownCause::ControlOverflow { bytes, bytes_max } = cause else { panic!("{cause}") };
    assert!(bytes <= bytes_max && bytes_max == CONTROL_QUEUE_BYTES_MAX);
}

#[tokio::test]
async fn close_gives_its_reason_back_and_drops_what_is_queued() {
    for listen in [TCP, QUIC] {
        let [(mut a, up_a), (mut b, up_b)] = pair(listen, |_| {}).await;
        b.transport.close(up_b.link, "test");
        let closed = SendError::Closed { link: up_b.link };
        assert_eq!(b.transport.send(up_b.link, Class::Data, vec![pattern(1)]), Err(closed));
        assert_eq!(b.transport.room(up_b.link), 0);
        assert_eq!(b.down().await, (up_b.link, DownCause::Closed { reason: "test".into() }));
        assert_eq!(a.down().await.0, up_a.link);
        // `a` is a bootstrap peer of `b`, so there is a new link, with a new id.
        assert!(b.up().await.link > up_b.link);
    }
}

#[tokio::test]
async fn shutdown_delivers_what_is_queued() {
    for listen in [TCP, QUIC] {
        let [(mut a, up_a), (mut b, up_b)] = pair(listen, |c| c.send_window_bytes = 8 << 20).await;
        for class in [Class::Data, Class::Unordered].into_iter().cycle().take(100) {
            b.transport.send(up_b.link, class, vec![pattern(50_000)]).unwrap();
        }
        let transport = b.transport.clone();
        let down = tokio::spawn(async move { transport.shutdown(PATIENCE).await });
        let mut frames = 0;
        let cause = a
            .find("link-down", |event| match event {
                Event::Frame { .. } => {
                    frames += 1;
                    None
                }
                Event::LinkDown { link, cause } => Some((link, cause)),
                _ => None,
            })
            .await;
        assert_eq!((frames, cause.0), (100, up_a.link), "{listen}: {}", cause.1);
        within(down).await.unwrap();
        assert_eq!(b.down().await, (up_b.link, DownCause::Shutdown));
        assert!(within(b.events.recv()).await.is_none(), "nothing comes after the end");
    }
}

#[tokio::test]
async fn shutdown_gives_up_on_a_peer_that_does_not_read() {
    let [(_a, _), (mut b, up)] = pair(QUIC, |c| c.receive_window_bytes = 1000).await;
    b.transport.send(up.link, Class::Data, vec![pattern(8 << 20)]).unwrap();
    b.transport.send(up.link, Class::Data, vec![pattern(8 << 20)]).unwrap_err();
    within(b.transport.shutdown(Duration::from_millis(200))).await;
    assert_eq!(b.down().await, (up.link, DownCause::Shutdown));
}

#[tokio::test]
async fn stats_are_reported() {
    for listen in [TCP, QUIC] {
        let [(mut a, up), _b] = pair(listen, |c| c.ping_interval = Duration::from_millis(50)).await;
        for _ in 0..3 {
            let (link, rtt) = a
                .find("stats", |event| match event {
                    Event::Stats { link, rtt, .. } => Some((link, rtt)),
                    _ => None,
                })
                .await;
            assert_eq!(link, up.link);
            assert!(rtt > Duration::ZERO && rtt < PATIENCE);
        }
    }
}
