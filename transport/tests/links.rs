//! Two endpoints on loopback.

mod common;

use braidcast_transport::Class;
use common::{Node, QUIC, TCP, config, pattern};

/// Frames of many sizes, each in two pieces, from both ends at once.
async fn frames_pass_both_ways(listen: &str) {
    let sizes = [0, 1, 100, 64 << 10, (1 << 20) + 7, 3, 5 << 20, 127, 128];
    let mut settings = config(&[listen], &[]);
    settings.send_window_bytes = 16 << 20;
    let mut a = Node::with(settings).await;
    let mut settings = config(&[listen], &[a.address()]);
    settings.send_window_bytes = 16 << 20;
    let mut b = Node::with(settings).await;
    let links = (a.up().await.link, b.up().await.link);
    for (node, link) in [(&a, links.0), (&b, links.1)] {
        for &size in &sizes {
            let frame = pattern(size);
            let chunks = vec![frame.slice(..size / 3), frame.slice(size / 3..)];
            node.transport.send(link, Class::Data, chunks).unwrap();
        }
    }
    for node in [&mut a, &mut b] {
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
