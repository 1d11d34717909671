//! What only shows with more than two nodes: lazy gossip, IDONTWANT.

use std::collections::BTreeSet;

use braidcast_runtime_tokio::{Identity, Mode, Settings};

use crate::foreign::{Foreign, Setup};
use crate::kind::Kind;
use crate::ours::Ours;
use crate::{batch, listen};

/// Ours and a foreign node are connected, but each has somebody else in its mesh and no room for the other. So what one
/// publishes reaches the other by IHAVE and IWANT.
struct Outside {
    foreign: Foreign,
    its_mesh: Ours,
    ours: Ours,
    our_mesh: Ours,
}

impl Outside {
    async fn start(kind: Kind) -> Option<Self> {
        let setup = Setup { degree: Some(1), ..Setup::new(listen::tcp) };
        let mut foreign = Foreign::start(kind, &setup).await?;
        let mut its_mesh = Ours::start(Mode::Gossipsub, listen::tcp).await;
        its_mesh.connect(&foreign.address).await;
        its_mesh.until("in its mesh", |it| it.seen.mesh.contains(&foreign.peer)).await;
        if kind.tells_mesh() {
            foreign.until("its mesh is full", |seen| seen.mesh.contains(&its_mesh.peer)).await;
        }

        let one = |settings: &mut Settings| {
            (settings.mesh.min, settings.mesh.target, settings.mesh.max) = (1, 1, 1);
            settings.mesh.outbound_min = 0;
        };
        let mut ours = Ours::with(Mode::Gossipsub, listen::tcp, Identity::generate(), one).await;
        let our_mesh = Ours::start(Mode::Gossipsub, listen::tcp).await;
        ours.connect(&our_mesh.address).await;
        ours.until("our mesh is full", |ours| ours.seen.mesh.contains(&our_mesh.peer)).await;

        // A full mesh takes those whom it dialed itself (v1.1 "Outbound Mesh Quotas"), so it is dialed.
        foreign.connect(&ours.address).await;
        foreign.until("our subscription", |seen| seen.subscribed.contains(&ours.peer)).await;
        ours.until("its subscription", |ours| ours.seen.subscribed.contains(&foreign.peer)).await;
        Some(Self { foreign, its_mesh, ours, our_mesh })
    }
}

pub(crate) async fn ours_to_outside(kind: Kind) {
    let Some(Outside { mut foreign, mut its_mesh, mut ours, our_mesh: _stays }) = Outside::start(kind).await
    else {
        return;
    };
    let batch = batch(2000, 5);
    ours.publish(&batch).await;
    foreign.until("messages by gossip", |seen| seen.has_all(&batch.hashes())).await;
    its_mesh.until("it forwards them", |it| it.seen.has_all(&batch.hashes())).await;
    ours.until("IWANT", |ours| ours.received[&foreign.peer].iwant > 0).await;
    assert!(!ours.seen.mesh.contains(&foreign.peer));
    foreign.seen.assert_each_once("foreign", &BTreeSet::from_iter(batch.hashes()));
}

pub(crate) async fn theirs_to_outside(kind: Kind) {
    if !kind.gossips_in_backoff() {
        return kind.skip("sends no IHAVE to whom it may not graft");
    }
    let Some(Outside { mut foreign, its_mesh: _stays, mut ours, mut our_mesh }) = Outside::start(kind).await
    else {
        return;
    };
    let batch = batch(2000, 5);
    foreign.publish(&batch).await;
    ours.until("messages by gossip", |ours| ours.seen.has_all(&batch.hashes())).await;
    our_mesh.until("we forward them", |it| it.seen.has_all(&batch.hashes())).await;
    let (received, sent) = (ours.received[&foreign.peer], ours.sent[&foreign.peer]);
    assert!(received.ihave > 0 && sent.iwant > 0, "received {received:?}, sent {sent:?}");
    assert!(!ours.seen.mesh.contains(&foreign.peer));
    ours.seen.assert_each_once("ours", &BTreeSet::from_iter(batch.hashes()));
}

/// Two of ours and a foreign node, all in one mesh: when it gets a big message it tells the third not to send it.
pub(crate) async fn idontwant(kind: Kind) {
    if !kind.sends_idontwant() {
        return kind.skip("has no IDONTWANT");
    }
    let Some(mut foreign) = Foreign::start(kind, &Setup::new(listen::tcp)).await else { return };
    let mut first = Ours::start(Mode::Gossipsub, listen::tcp).await;
    let mut second = Ours::start(Mode::Gossipsub, listen::tcp).await;
    first.connect(&foreign.address).await;
    second.connect(&foreign.address).await;
    second.connect(&first.address).await;
    for it in [&mut first, &mut second] {
        it.until("a mesh of all three", |it| it.seen.mesh.len() == 2).await;
        if kind.tells_mesh() {
            foreign.until("a mesh of all three", |seen| seen.mesh.contains(&it.peer)).await;
        }
    }
    let batch = batch(100_000, 5);
    first.publish(&batch).await;
    foreign.until("messages", |seen| seen.has_all(&batch.hashes())).await;
    second.until("messages", |it| it.seen.has_all(&batch.hashes())).await;
    let from_foreign = |it: &Ours| it.received.get(&foreign.peer).map_or(0, |control| control.idontwant);
    second.until("IDONTWANT", |it| from_foreign(it) > 0).await;
    // Whoever it came from, the other one is told.
    second.until("our IDONTWANT", |it| it.sent.values().any(|control| control.idontwant > 0)).await;
    let hashes = BTreeSet::from_iter(batch.hashes());
    foreign.seen.assert_each_once("foreign", &hashes);
    second.seen.assert_each_once("ours", &hashes);
}
