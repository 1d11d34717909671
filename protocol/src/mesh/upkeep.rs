//! The heartbeat of the meshes: who is dropped, who comes in.
//!
//! Spec: gossipsub v1.0 "Mesh Maintenance"; v1.1 "Heartbeat Maintenance", "Outbound Mesh Quotas", "Opportunistic
//! Grafting".

use alloc::vec::Vec;
use core::cmp::Reverse;

use rand_core::Rng;

use super::Mesh;
use crate::ctx::Ctx;
use crate::rpc::PeerInfo;
use crate::{LinkId, MeshSettings, Origin, Score, Topic, select};

impl Mesh {
    /// Brings each mesh within its bounds and forgets old backoffs. Gives who was grafted.
    pub(crate) fn heartbeat(&mut self, cx: &mut Ctx<'_>) -> Vec<(Topic, LinkId)> {
        self.ticks += 1;
        self.dialled.clear();
        self.backoffs.expire(cx.now, cx.config.mesh.backoff_slack);
        let opportune = self.ticks.is_multiple_of(cx.config.mesh.opportunistic_ticks);
        let mut grafted = Vec::new();
        let topics: Vec<Topic> = self.topics.keys().cloned().collect();
        for topic in topics {
            let mut new = self.tend(cx, &topic);
            if opportune {
                new.extend(self.improve(cx, &topic));
            }
            grafted.extend(new.into_iter().map(|link| (topic.clone(), link)));
        }
        grafted
    }

    fn tend(&mut self, cx: &mut Ctx<'_>, topic: &Topic) -> Vec<LinkId> {
        let MeshSettings { min, max, outbound_min, .. } = cx.config.mesh;
        for link in self.members(topic).to_vec() {
            if cx.score(link).is_negative() {
                self.drop_member(cx, link, topic, Vec::new());
            }
        }
        let mut grafted = Vec::new();
        if self.members(topic).len() < min {
            grafted = self.fill(cx, topic);
        }
        // Deviation: before the cut, which keeps them, so that the mesh is within its bounds afterwards.
        if self.members(topic).len() >= min {
            let dialled = self.members(topic).iter().filter(|link| is_outbound(cx, **link)).count();
            grafted.extend(self.graft_some(cx, topic, outbound_min.saturating_sub(dialled), is_outbound));
        }
        // Above D_hi, as v1.0 has it; go cuts at D_hi already.
        if self.members(topic).len() > max {
            self.cut(cx, topic);
        }
        grafted
    }

    /// Back to *D*.
    fn cut(&mut self, cx: &mut Ctx<'_>, topic: &Topic) {
        let candidate = |link: &LinkId| Candidate {
            link: *link,
            score: cx.score(*link),
            outbound: is_outbound(cx, *link),
        };
        let candidates: Vec<Candidate> = self.members(topic).iter().map(candidate).collect();
        for link in surplus(&mut cx.rng.mesh, candidates, &cx.config.mesh) {
            let peers = Self::peers_for(cx, link, topic);
            self.drop_member(cx, link, topic, peers);
        }
    }

    /// Grafts some whose score is above the median, if that is too low.
    fn improve(&mut self, cx: &mut Ctx<'_>, topic: &Topic) -> Vec<LinkId> {
        let scores = self.members(topic).iter().map(|link| cx.score(*link)).collect();
        match median(scores).filter(|median| *median < cx.config.score.thresholds.opportunistic_graft) {
            Some(median) => {
                let count = cx.config.mesh.opportunistic_peers;
                self.graft_some(cx, topic, count, |cx, link| cx.score(link) > median)
            }
            None => Vec::new(),
        }
    }

    /// Grafts up to *D*.
    pub(super) fn fill(&mut self, cx: &mut Ctx<'_>, topic: &Topic) -> Vec<LinkId> {
        let missing = cx.config.mesh.target.saturating_sub(self.members(topic).len());
        self.graft_some(cx, topic, missing, |_, _| true)
    }

    /// Grafts some of those eligible, by lot.
    fn graft_some(
        &mut self,
        cx: &mut Ctx<'_>,
        topic: &Topic,
        count: usize,
        suits: impl Fn(&Ctx<'_>, LinkId) -> bool,
    ) -> Vec<LinkId> {
        if count == 0 {
            return Vec::new();
        }
        let subscribers = cx.links.subscribers(topic).map(|(link, _)| link);
        let suitable =
            subscribers.filter(|link| self.eligible(cx, *link, topic) && suits(cx, *link)).collect();
        let chosen = select::sample(&mut cx.rng.mesh, suitable, count);
        for link in &chosen {
            self.add(cx, *link, topic);
            cx.send_graft(*link, topic);
        }
        chosen
    }

    fn drop_member(&mut self, cx: &mut Ctx<'_>, link: LinkId, topic: &Topic, peers: Vec<PeerInfo>) {
        self.remove(cx, link, topic);
        self.send_prune(cx, link, topic, cx.config.mesh.prune_backoff, peers);
    }
}

fn is_outbound(cx: &Ctx<'_>, link: LinkId) -> bool {
    cx.links.get(link).is_some_and(|link| link.origin == Origin::Outbound)
}

/// A member of a mesh that is too large.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    link: LinkId,
    score: Score,
    outbound: bool,
}

/// Who has to leave for *D* to stay: the best *D_score* stay, others by lot, and at least *D_out* whom we dialled.
fn surplus(rng: &mut impl Rng, members: Vec<Candidate>, mesh: &MeshSettings) -> Vec<LinkId> {
    let count = members.len();
    let mut kept = select::sample(rng, members, count);
    kept.sort_by_key(|member| Reverse(member.score));
    let others = kept.split_off(mesh.best_kept.min(count));
    let others_count = others.len();
    kept.extend(select::sample(rng, others, others_count));
    let mut leaving = kept.split_off(mesh.target.min(count));
    let dialled = kept.iter().filter(|member| member.outbound).count();
    for _ in dialled..mesh.outbound_min {
        // The last of those kept came in by lot, or have the lowest scores.
        let spare = kept.iter().rposition(|member| !member.outbound);
        let wanted = leaving.iter().position(|member| member.outbound);
        let (Some(spare), Some(wanted)) = (spare, wanted) else { break };
        core::mem::swap(&mut kept[spare], &mut leaving[wanted]);
    }
    leaving.into_iter().map(|member| member.link).collect()
}

/// The upper median; `None` for fewer than two.
fn median(mut scores: Vec<Score>) -> Option<Score> {
    scores.sort_unstable();
    scores.get(scores.len() / 2).copied().filter(|_| scores.len() > 1)
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_core::SeedableRng;

    use super::*;

    /// Thirteen members: the higher the number, the better; those listed were dialled by us.
    fn kept(seed: u8, outbound: &[u32]) -> Vec<u32> {
        let candidate = |n| Candidate {
            link: LinkId::new(n),
            score: Score::new(n.into()),
            outbound: outbound.contains(&n),
        };
        let mut rng = ChaCha8Rng::from_seed([seed; 32]);
        let leaving = surplus(&mut rng, (0..13).map(candidate).collect(), &MeshSettings::default());
        (0..13).filter(|n| !leaving.contains(&LinkId::new(*n))).collect()
    }

    #[test]
    fn the_best_stay_and_the_others_have_their_chance() {
        let mut lucky = [false; 13];
        for seed in 0..50 {
            let kept = kept(seed, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
            assert_eq!(kept.len(), 6);
            assert!((9..13).all(|best| kept.contains(&best)), "{kept:?}");
            kept.iter().for_each(|n| lucky[*n as usize] = true);
        }
        assert_eq!(lucky, [true; 13]);
    }

    #[test]
    fn enough_that_we_dialled_stay_and_the_best_before_the_lucky() {
        for seed in 0..50 {
            let kept = kept(seed, &[0, 1]);
            assert_eq!(kept, [0, 1, 9, 10, 11, 12]);
        }
        assert!(kept(1, &[3]).contains(&3), "one is better than none");
    }

    #[test]
    fn the_median_of_an_even_number_is_the_upper_one() {
        let of = |units: &[i64]| median(units.iter().map(|units| Score::new(*units)).collect());
        assert_eq!(of(&[3, 1, 2, 9]), Some(Score::new(3)));
        assert_eq!(of(&[5, 1]), Some(Score::new(5)));
        assert_eq!(of(&[5]), None);
    }
}
