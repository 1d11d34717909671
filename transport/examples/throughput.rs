//! How fast one link moves frames in one direction on loopback.
//!
//! `cargo run --release -p braidcast-transport --example throughput`

#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use std::time::Instant;

use braidcast_transport::{Class, Config, Event, EventReceiver, Keypair, Transport};
use bytes::Bytes;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    for listen in ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"] {
        for (size, total) in
            [(100, 20 << 20), (1 << 10, 100 << 20), (16 << 10, 500 << 20), (1 << 20, 500 << 20)]
        {
            let seconds = measure(listen, size, total / size).await?;
            let rate = total as f64 / seconds / 1e6;
            println!(
                "{listen} frames of {size:>7} B: {rate:7.1} MB/s, {:9.0} frames/s",
                total as f64 / size as f64 / seconds
            );
        }
    }
    Ok(())
}

async fn measure(listen: &str, size: usize, count: usize) -> Result<f64, Box<dyn std::error::Error>> {
    let mut config = Config::new(Keypair::generate_ed25519());
    config.listen = vec![listen.parse()?];
    let (receiver, received) = Transport::start(config).await?;
    let mut config = Config::new(Keypair::generate_ed25519());
    config.bootstrap = receiver.listen_addrs();
    let (sender, events) = Transport::start(config).await?;
    let begin = Instant::now();
    let task = tokio::spawn(send(sender, events, Bytes::from(vec![7; size]), count));
    receive(received, count).await;
    task.await?;
    Ok(begin.elapsed().as_secs_f64())
}

async fn receive(mut events: EventReceiver, mut count: usize) {
    while count > 0 {
        if let Some(Event::Frame { .. }) = events.recv().await {
            count -= 1;
        }
    }
}

async fn send(transport: Transport, mut events: EventReceiver, frame: Bytes, mut count: usize) {
    while count > 0 {
        let Some(Event::Writable { link, .. }) = events.recv().await else { continue };
        while count > 0 && transport.send(link, Class::Data, vec![frame.clone()]).is_ok() {
            count -= 1;
        }
    }
    // The receiver has everything before the sender may go.
    while let Some(event) = events.recv().await {
        if matches!(event, Event::LinkDown { .. }) {
            break;
        }
    }
}
