//! GRAFT of a peer for whom there is no room, and the PRUNE that answers it.

use braidcast_runtime_tokio::{Identity, Mode, Score, Settings};

use crate::foreign::{Foreign, Setup};
use crate::kind::Kind;
use crate::listen;
use crate::ours::Ours;

/// Our mesh is full: it grafts us, is pruned, and takes us out of its mesh.
pub(crate) async fn by_us(kind: Kind) {
    let Some(mut foreign) = Foreign::start(kind, &Setup::new(listen::tcp)).await else { return };
    let one = |settings: &mut Settings| {
        (settings.mesh.min, settings.mesh.target, settings.mesh.max) = (1, 1, 1);
        settings.mesh.outbound_min = 0;
    };
    let mut ours = Ours::with(Mode::Gossipsub, listen::tcp, Identity::generate(), one).await;
    let member = Ours::start(Mode::Gossipsub, listen::tcp).await;
    ours.connect(&member.address).await;
    ours.until("our mesh is full", |ours| ours.seen.mesh.contains(&member.peer)).await;
    // A full mesh takes those whom it dialed itself, so it must be the one that dials.
    foreign.connect(&ours.address).await;
    let it = foreign.peer.clone();
    ours.until("its GRAFT", |ours| ours.received.get(&it).is_some_and(|from| from.graft > 0)).await;
    ours.until("our PRUNE", |ours| ours.sent[&it].prune > 0).await;
    assert!(!ours.seen.mesh.contains(&it));
    if kind.tells_mesh() {
        foreign.until("its mesh without us", |seen| !seen.mesh.contains(&ours.peer)).await;
    }
}

/// Its mesh is full: we graft it, are pruned, and take it out of our mesh.
pub(crate) async fn by_it(kind: Kind) {
    if !kind.keeps_its_degree() {
        return kind.skip("has room for everybody");
    }
    let setup = Setup { degree: Some(1), ..Setup::new(listen::tcp) };
    let Some(mut foreign) = Foreign::start(kind, &setup).await else { return };
    let mut member = Ours::start(Mode::Gossipsub, listen::tcp).await;
    member.connect(&foreign.address).await;
    member.until("in its mesh", |member| member.seen.mesh.contains(&foreign.peer)).await;
    foreign.until("its mesh is full", |seen| seen.mesh.contains(&member.peer)).await;
    let mut ours = Ours::start(Mode::Gossipsub, listen::tcp).await;
    ours.connect(&foreign.address).await;
    let it = &foreign.peer;
    ours.until("our GRAFT", |ours| ours.sent.get(it).is_some_and(|to| to.graft > 0)).await;
    ours.until("its PRUNE", |ours| ours.received[it].prune > 0).await;
    ours.until("our mesh without it", |ours| !ours.seen.mesh.contains(it)).await;
    assert!(!foreign.seen.mesh.contains(&ours.peer));
}

/// Its mesh is full: its PRUNE names the member, with a signed record, and we dial that.
pub(crate) async fn naming(kind: Kind) {
    let setup = Setup { degree: Some(1), px: true, ..Setup::new(listen::tcp) };
    let Some(mut foreign) = Foreign::start(kind, &setup).await else { return };
    let Some(mut member) = Foreign::start(kind, &Setup::new(listen::tcp)).await else { return };
    member.connect(&foreign.address).await;
    foreign.until("its mesh is full", |seen| seen.mesh.contains(&member.peer)).await;
    foreign.until("the member's record", |seen| seen.identified.contains(&member.peer)).await;
    let trusting = |settings: &mut Settings| settings.score.thresholds.accept_px = Score::ZERO;
    let mut ours = Ours::with(Mode::Gossipsub, listen::tcp, Identity::generate(), trusting).await;
    ours.connect(&foreign.address).await;
    ours.until("a link to the member", |ours| ours.seen.connected.contains(&member.peer)).await;
    member.until("our subscription", |seen| seen.subscribed.contains(&ours.peer)).await;
}
