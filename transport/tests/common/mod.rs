//! A node under test: an endpoint whose events are awaited with a timeout, never slept for.

#![allow(dead_code, reason = "every test binary uses its own part of this")]

use std::time::Duration;

use braidcast_transport::{
    Config, DownCause, Event, EventReceiver, Keypair, LinkId, Multiaddr, Origin, PeerId, Transport,
};
use bytes::Bytes;

pub(crate) const TCP: &str = "/ip4/127.0.0.1/tcp/0";
pub(crate) const QUIC: &str = "/ip4/127.0.0.1/udp/0/quic-v1";

/// Far longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Node {
    pub(crate) transport: Transport,
    pub(crate) events: EventReceiver,
}

/// What a `LinkUp` said.
#[derive(Debug)]
pub(crate) struct Up {
    pub(crate) link: LinkId,
    pub(crate) peer: PeerId,
    pub(crate) origin: Origin,
    pub(crate) protocol: String,
    pub(crate) address: Multiaddr,
    pub(crate) continues: Option<LinkId>,
}

/// A configuration with a new identity and short pauses.
pub(crate) fn config(listen: &[&str], bootstrap: &[Multiaddr]) -> Config {
    let mut config = Config::new(Keypair::generate_ed25519());
    config.listen = listen.iter().map(|a| a.parse().unwrap()).collect();
    config.bootstrap = bootstrap.to_vec();
    config.backoff_min = Duration::from_millis(20);
    config.backoff_max = Duration::from_millis(200);
    config
}

impl Node {
    pub(crate) async fn start(listen: &[&str], bootstrap: &[Multiaddr]) -> Self {
        Self::with(config(listen, bootstrap)).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let (transport, events) = Transport::start(config).await.unwrap();
        Self { transport, events }
    }

    /// The first listen address, with our id.
    pub(crate) fn address(&self) -> Multiaddr {
        self.transport.listen_addrs()[0].clone().with_p2p(self.transport.local_peer_id()).unwrap()
    }

    pub(crate) async fn next(&mut self) -> Event {
        within(self.events.recv()).await.expect("the endpoint runs")
    }

    /// The first event that `pick` takes; the ones before are dropped.
    pub(crate) async fn find<T>(&mut self, what: &str, mut pick: impl FnMut(Event) -> Option<T>) -> T {
        let mut passed = Vec::new();
        let search = async {
            loop {
                let event = self.events.recv().await.expect("the endpoint runs");
                if passed.len() < 50 {
                    passed.push(format!("{event:?}"));
                }
                if let Some(found) = pick(event) {
                    return found;
                }
            }
        };
        let found = tokio::time::timeout(PATIENCE, search).await;
        found.unwrap_or_else(|_| panic!("no {what} after {passed:?}"))
    }

    pub(crate) async fn up(&mut self) -> Up {
        self.find("link-up", |event| match event {
            Event::LinkUp { link, peer, origin, protocol, address, continues } => {
                Some(Up { link, peer, origin, protocol, address, continues })
            }
            _ => None,
        })
        .await
    }

    pub(crate) async fn down(&mut self) -> (LinkId, DownCause) {
        self.find("link-down", |event| match event {
            Event::LinkDown { link, cause } => Some((link, cause)),
            _ => None,
        })
        .await
    }

    pub(crate) async fn frame(&mut self) -> Bytes {
        self.find("frame", |event| match event {
            Event::Frame { bytes, .. } => Some(bytes),
            _ => None,
        })
        .await
    }

    pub(crate) async fn writable(&mut self) -> usize {
        self.find("writable", |event| match event {
            Event::Writable { bytes, .. } => Some(bytes),
            _ => None,
        })
        .await
    }
}

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("in time")
}

/// `size` bytes that depend on their position and on `size`.
pub(crate) fn pattern(size: usize) -> Bytes {
    (0..size).map(|i| (i ^ (i >> 8) ^ size) as u8).collect::<Vec<u8>>().into()
}
