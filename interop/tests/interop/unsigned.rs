//! `StrictNoSign`: messages without publisher, number and signature, named by their bytes.

use braidcast_runtime_tokio::{MessageIds, RejectReason, Score, Settings, Signatures};

use crate::foreign::Setup;
use crate::kind::Kind;
use crate::pair::{Dialer, Pair};
use crate::{batch, listen};

fn anonymous(settings: &mut Settings) {
    (settings.signatures, settings.message_ids) = (Signatures::StrictNoSign, MessageIds::Content);
    settings.score.enabled = true;
}

/// Both ways, with those that can do without publisher and number.
pub(crate) async fn exchange(kind: Kind) {
    let setup = Setup { signed: false, ..Setup::new(listen::tcp) };
    let Some(mut pair) = Pair::with(kind, &setup, Dialer::Ours, anonymous).await else { return };
    if !kind.can_be_anonymous() {
        return stamped_is_refused(pair).await;
    }
    for size in [8, 1 << 10, 64 << 10, 256 << 10, kind.message_bytes_max()] {
        pair.both_ways(size, 3).await;
    }
    pair.assert_each_once();
}

/// go and py put publisher and number also on messages that they do not sign: the policy forbids that, so their sender
/// is blamed. Ours they take.
async fn stamped_is_refused(pair: Pair) {
    let Pair { mut ours, mut foreign, .. } = pair;
    // They name messages by what ours do not have: only one of them is not a copy of an earlier one.
    let (out, back) = (batch(1 << 10, 1), batch(1 << 10, 1));
    ours.publish(&out).await;
    foreign.until("our message", |seen| seen.has_all(&out.hashes())).await;
    ours.expect_refusals();
    foreign.publish(&back).await;
    ours.until("a refusal", |ours| !ours.refused.is_empty()).await;
    assert_eq!(ours.refused, [(foreign.peer, RejectReason::SignaturePolicy)]);
    let snapshot = ours.node.snapshot().await.unwrap();
    let invalid = snapshot.peers[0].score.as_ref().unwrap().parts.invalid;
    assert!(invalid < Score::ZERO, "it is blamed: {invalid:?}");
    assert!(!ours.seen.has_all(&back.hashes()));
}
