//! Networks of more than two implementations.

use std::collections::BTreeSet;

use braidcast_interop::wire::Batch;
use braidcast_runtime_tokio::Mode;

use crate::foreign::{Foreign, Setup};
use crate::kind::Kind;
use crate::ours::Ours;
use crate::{batch, listen};

/// A node of either sort.
enum Member {
    Ours(Box<Ours>),
    Foreign(Box<Foreign>),
}

impl Member {
    async fn ours(mode: Mode) -> Self {
        Self::Ours(Box::new(Ours::start(mode, listen::tcp).await))
    }

    /// `None` if it is not installed.
    async fn foreign(kind: Kind) -> Option<Self> {
        Some(Self::Foreign(Box::new(Foreign::start(kind, &Setup::new(listen::tcp)).await?)))
    }

    fn peer(&self) -> &str {
        match self {
            Self::Ours(ours) => &ours.peer,
            Self::Foreign(foreign) => &foreign.peer,
        }
    }

    fn address(&self) -> &str {
        match self {
            Self::Ours(ours) => &ours.address,
            Self::Foreign(foreign) => &foreign.address,
        }
    }

    async fn connect(&mut self, address: &str) {
        match self {
            Self::Ours(ours) => ours.connect(address).await,
            Self::Foreign(foreign) => foreign.connect(address).await,
        }
    }

    /// Waits until it has a neighbour in its mesh; if it does not tell, until it knows that it joined the topic.
    async fn meshed(&mut self, peer: &str) {
        match self {
            Self::Ours(ours) => ours.until("its mesh", |ours| ours.seen.mesh.contains(peer)).await,
            Self::Foreign(foreign) if foreign.kind.tells_mesh() => {
                foreign.until("its mesh", |seen| seen.mesh.contains(peer)).await;
            }
            Self::Foreign(_) => self.joined(peer).await,
        }
    }

    /// Waits until it knows that a neighbour has joined the topic.
    async fn joined(&mut self, peer: &str) {
        match self {
            Self::Ours(ours) => ours.until("its topic", |ours| ours.seen.subscribed.contains(peer)).await,
            Self::Foreign(foreign) => foreign.until("its topic", |seen| seen.subscribed.contains(peer)).await,
        }
    }

    async fn publish(&mut self, batch: &Batch) {
        match self {
            Self::Ours(ours) => ours.publish(batch).await,
            Self::Foreign(foreign) => foreign.publish(batch).await,
        }
    }

    async fn has_all(&mut self, hashes: &[String]) {
        match self {
            Self::Ours(ours) => ours.until("messages", |ours| ours.seen.has_all(hashes)).await,
            Self::Foreign(foreign) => foreign.until("messages", |seen| seen.has_all(hashes)).await,
        }
    }

    fn assert_each_once(&self, hashes: &BTreeSet<String>) {
        match self {
            Self::Ours(ours) => ours.seen.assert_each_once("ours", hashes),
            Self::Foreign(foreign) => foreign.seen.assert_each_once(&format!("{:?}", foreign.kind), hashes),
        }
    }
}

/// Links two nodes and waits until each knows that the other has joined the topic.
async fn link(members: &mut [Member], from: usize, to: usize) {
    let address = members[to].address().to_owned();
    members[from].connect(&address).await;
    for (one, other) in [(from, to), (to, from)] {
        let peer = members[other].peer().to_owned();
        members[one].joined(&peer).await;
    }
}

/// Everybody publishes in turn; each message comes exactly once to everybody else.
async fn all_to_all(members: &mut [Member], sizes: &[usize]) {
    let mut expected = vec![BTreeSet::new(); members.len()];
    for publisher in 0..members.len() {
        for size in sizes {
            let batch = batch(*size, 3);
            members[publisher].publish(&batch).await;
            for (at, member) in members.iter_mut().enumerate().filter(|(at, _)| *at != publisher) {
                member.has_all(&batch.hashes()).await;
                expected[at].extend(batch.hashes());
            }
        }
    }
    for (member, expected) in members.iter().zip(&expected) {
        member.assert_each_once(expected);
    }
}

/// A line in which every foreign node stands between two of ours: what passes it was forwarded by it.
#[tokio::test]
async fn messages_pass_a_chain_of_unlike_nodes() {
    let mut chain = vec![Member::ours(Mode::Gossipsub).await];
    for kind in Kind::ALL {
        if let Some(foreign) = Member::foreign(kind).await {
            chain.extend([foreign, Member::ours(Mode::Gossipsub).await]);
        }
    }
    for at in 1..chain.len() {
        link(&mut chain, at, at - 1).await;
        for (one, other) in [(at, at - 1), (at - 1, at)] {
            let peer = chain[other].peer().to_owned();
            chain[one].meshed(&peer).await;
        }
    }
    all_to_all(&mut chain, &[1 << 10, 100_000]).await;
}

/// Three coded nodes, two plain ones of ours and two foreign ones, each linked with all others.
#[tokio::test]
async fn coded_and_plain_nodes_share_a_topic() {
    let mut members = Vec::new();
    for mode in [Mode::Optimum, Mode::Optimum, Mode::Optimum, Mode::Gossipsub, Mode::Gossipsub] {
        members.push(Member::ours(mode).await);
    }
    for kind in [Kind::Rust, Kind::Js3] {
        members.extend(Member::foreign(kind).await);
    }
    for from in 1..members.len() {
        for to in 0..from {
            link(&mut members, from, to).await;
        }
    }
    all_to_all(&mut members, &[1 << 10, 20_000, 200_000]).await;
}
