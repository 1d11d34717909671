//! One node of ours and one foreign node.

use std::collections::BTreeSet;
use std::time::Duration;

use braidcast_interop::wire::Command;
use braidcast_runtime_tokio::{Identity, Mode, Settings};

use crate::foreign::{Foreign, Setup};
use crate::kind::Kind;
use crate::ours::Ours;
use crate::{TOPIC, batch, listen};

/// Who opens the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Dialer {
    Ours,
    Foreign,
}

/// Two nodes in each other's meshes.
pub(crate) struct Pair {
    pub(crate) ours: Ours,
    pub(crate) foreign: Foreign,
    /// What each has been sent: all messages that were published by the other.
    to_ours: BTreeSet<String>,
    to_foreign: BTreeSet<String>,
}

impl Pair {
    async fn start(kind: Kind, listen: &'static str, dialer: Dialer) -> Option<Self> {
        Self::with(kind, &Setup::new(listen), dialer, |_| {}).await
    }

    /// Two nodes with other settings than usual.
    pub(crate) async fn with(
        kind: Kind,
        setup: &Setup,
        dialer: Dialer,
        change: impl FnOnce(&mut Settings),
    ) -> Option<Self> {
        let mut foreign = Foreign::start(kind, setup).await?;
        let ours = Ours::with(Mode::Gossipsub, setup.listen, Identity::generate(), change).await;
        match dialer {
            Dialer::Ours => ours.connect(&foreign.address).await,
            Dialer::Foreign => foreign.connect(&ours.address).await,
        }
        let mut pair = Self { ours, foreign, to_ours: BTreeSet::new(), to_foreign: BTreeSet::new() };
        pair.subscribed().await;
        let Self { ours, foreign, .. } = &mut pair;
        if kind.tells_mesh() {
            foreign.until("we are in its mesh", |seen| seen.mesh.contains(&ours.peer)).await;
        }
        ours.until("it is in our mesh", |ours| ours.seen.mesh.contains(&foreign.peer)).await;
        Some(pair)
    }

    /// Waits until each knows that the other has joined the topic.
    async fn subscribed(&mut self) {
        let Self { ours, foreign, .. } = self;
        foreign.until("our subscription", |seen| seen.subscribed.contains(&ours.peer)).await;
        ours.until("its subscription", |ours| ours.seen.subscribed.contains(&foreign.peer)).await;
    }

    /// Publishes both ways, and waits until both have got everything.
    pub(crate) async fn both_ways(&mut self, size: usize, count: u64) {
        let Self { ours, foreign, .. } = self;
        let (out, back) = (batch(size, count), batch(size, count));
        ours.publish(&out).await;
        let hashes = out.hashes();
        foreign.until(&format!("{count} of {size} bytes"), |seen| seen.has_all(&hashes)).await;
        self.to_foreign.extend(hashes);
        foreign.publish(&back).await;
        let hashes = back.hashes();
        ours.until(&format!("{count} of {size} bytes"), |ours| ours.seen.has_all(&hashes)).await;
        self.to_ours.extend(hashes);
    }

    pub(crate) fn assert_each_once(&self) {
        self.ours.seen.assert_each_once("ours", &self.to_ours);
        self.foreign.seen.assert_each_once("foreign", &self.to_foreign);
    }
}

/// Messages of all sizes, then it leaves the topic, which takes it out of our mesh.
pub(crate) async fn exchange(kind: Kind, listen: &'static str, dialer: Dialer) {
    let Some(mut pair) = Pair::start(kind, listen, dialer).await else { return };
    let max = kind.message_bytes_max();
    for size in [8, 1 << 10, 60_000, 64 << 10, 256 << 10, max] {
        pair.both_ways(size, 3).await;
    }
    pair.assert_each_once();
    let Pair { mut ours, mut foreign, .. } = pair;
    foreign.tell(&Command::Unsubscribe { topic: TOPIC.to_owned() }).await;
    ours.until("it left our mesh", |ours| !ours.seen.mesh.contains(&foreign.peer)).await;
    foreign.stop().await;
    // Of a QUIC connection that is not closed, only a timeout tells.
    if listen == listen::tcp {
        ours.until("it is gone", |ours| !ours.seen.connected.contains(&foreign.peer)).await;
    }
}

/// We leave the topic, which takes us out of its mesh.
pub(crate) async fn leaving(kind: Kind) {
    let Some(Pair { mut ours, mut foreign, .. }) = Pair::start(kind, listen::tcp, Dialer::Ours).await else {
        return;
    };
    ours.leave().await;
    ours.until("our PRUNE", |ours| ours.sent[&foreign.peer].prune > 0).await;
    if kind.tells_mesh() {
        foreign.until("we left its mesh", |seen| !seen.mesh.contains(&ours.peer)).await;
    }
}

/// It knows where we are, signed by us.
pub(crate) async fn identified(kind: Kind) {
    let Some(Pair { ours, mut foreign, .. }) = Pair::start(kind, listen::tcp, Dialer::Ours).await else {
        return;
    };
    foreign.until("our signed record", |seen| seen.identified.contains(&ours.peer)).await;
}

/// It goes on being answered, on the connection that it began with.
pub(crate) async fn pings(kind: Kind) {
    let setup = Setup { ping: false, ..Setup::new(listen::tcp) };
    let Some(mut pair) = Pair::with(kind, &setup, Dialer::Ours, |_| {}).await else { return };
    pair.foreign.until("answers to its pings", |seen| seen.pings >= 5).await;
    assert!(pair.foreign.seen.connected.contains(&pair.ours.peer));
    pair.both_ways(2000, 3).await;
    pair.assert_each_once();
}

/// A thousand messages of 1 KiB each way, 10 on their way at most: go and py drop what does not fit into
/// a queue of 32.
pub(crate) async fn thousand(kind: Kind) {
    let Some(mut pair) = Pair::start(kind, listen::tcp, Dialer::Ours).await else { return };
    for _ in 0..100 {
        pair.both_ways(1 << 10, 10).await;
    }
    pair.assert_each_once();
}

/// Each goes away and comes back as the same peer, if that can work, with nothing remembered.
pub(crate) async fn restarts(kind: Kind) {
    let Some(mut pair) = Pair::start(kind, listen::tcp, Dialer::Ours).await else { return };
    pair.both_ways(2000, 3).await;

    pair.foreign.stop().await;
    pair.ours.until("it is gone", |ours| ours.seen.connected.is_empty()).await;
    let again = if kind.numbers_anew() { pair.foreign.setup } else { Setup::new(listen::tcp) };
    pair.foreign = Foreign::start(kind, &again).await.expect("it was there before");
    pair.foreign.connect(&pair.ours.address).await;
    pair.subscribed().await;
    pair.both_ways(2000, 3).await;

    pair.ours.node.shutdown(Duration::from_secs(5)).await;
    pair.foreign.until("we are gone", |seen| seen.connected.is_empty()).await;
    let again = if kind.gossips_in_backoff() { pair.ours.identity } else { Identity::generate() };
    pair.ours = Ours::with(Mode::Gossipsub, listen::tcp, again, |_| {}).await;
    pair.ours.connect(&pair.foreign.address).await;
    pair.subscribed().await;
    pair.both_ways(2000, 3).await;
    // Gossip may bring again what was delivered before a restart.
    pair.ours.seen.assert_none_twice("ours");
    pair.foreign.seen.assert_none_twice("foreign");
}
