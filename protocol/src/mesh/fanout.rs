//! Publishing to topics that we are not in: some of those who are get our messages.
//!
//! Spec: gossipsub v1.0 "Fanout Maintenance", "Topic Membership"; v1.1 "Score Thresholds".
//! Invariant M6: fanout members are live, subscribed and no direct peers, and no topic is joined and fanned out to.

use alloc::format;
use alloc::vec::Vec;

use super::{Members, Mesh};
use crate::ctx::Ctx;
use crate::invariants::{Broken, Rule, ensure};
use crate::links::Links;
use crate::{LinkId, Time, Topic, select};

/// Who gets our messages of a topic that we are not in.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Fanout {
    /// Sorted.
    pub(super) members: Members,
    /// When we published last.
    published: Time,
}

impl Mesh {
    /// We publish to a topic that we are not in. Gives whom it chose for that.
    pub(crate) fn fan_out(&mut self, cx: &mut Ctx<'_>, topic: &Topic) -> Vec<LinkId> {
        if !self.fanout.contains_key(topic) {
            self.make_fanout_room(cx.config.topics_max);
        }
        let new = Fanout { members: Members::new(), published: cx.now };
        let fanout = self.fanout.entry(topic.clone()).or_insert(new);
        fanout.published = cx.now;
        if fanout.members.is_empty() { self.fill_fanout(cx, topic) } else { Vec::new() }
    }

    /// Topics that we publish to without being in them.
    pub(crate) fn fanout_topics(&self) -> impl Iterator<Item = &Topic> {
        self.fanout.keys()
    }

    /// Forgets topics that we no longer publish to, and keeps the others at *D* members. Gives who is new.
    pub(crate) fn fanout_heartbeat(&mut self, cx: &mut Ctx<'_>) -> Vec<(Topic, LinkId)> {
        self.fanout.retain(|_, fanout| cx.now.since(fanout.published) < cx.config.mesh.fanout_ttl);
        let topics: Vec<Topic> = self.fanout.keys().cloned().collect();
        let mut chosen = Vec::new();
        for topic in topics {
            if let Some(fanout) = self.fanout.get_mut(&topic) {
                fanout.members.retain(|link| may_publish_to(cx, *link));
            }
            chosen.extend(self.fill_fanout(cx, &topic).into_iter().map(|link| (topic.clone(), link)));
        }
        chosen
    }

    fn fill_fanout(&mut self, cx: &mut Ctx<'_>, topic: &Topic) -> Vec<LinkId> {
        let Some(fanout) = self.fanout.get_mut(topic) else { return Vec::new() };
        let missing = cx.config.mesh.target.saturating_sub(fanout.members.len());
        let others = cx.links.subscribers(topic).filter(|(link, held)| {
            held.meshes() && !held.direct && !fanout.members.contains(link) && may_publish_to(cx, *link)
        });
        let others = others.map(|(link, _)| link).collect();
        let chosen = select::sample(&mut cx.rng.mesh, others, missing);
        fanout.members.extend(chosen.iter().copied());
        fanout.members.sort_unstable();
        chosen
    }

    /// The topic is joined: those who may be grafted become its first members.
    pub(super) fn graft_fanout(&mut self, cx: &mut Ctx<'_>, topic: &Topic) -> Vec<LinkId> {
        let mut members = self.fanout.remove(topic).map_or_else(Members::new, |fanout| fanout.members);
        members.retain(|link| self.eligible(cx, *link, topic));
        for link in &members {
            self.add(cx, *link, topic);
            cx.send_graft(*link, topic);
        }
        members.to_vec()
    }

    pub(super) fn leave_fanout(&mut self, link: LinkId, topic: &Topic) {
        if let Some(fanout) = self.fanout.get_mut(topic) {
            fanout.members.retain(|member| *member != link);
        }
    }

    /// The topic that we published to longest ago makes room.
    fn make_fanout_room(&mut self, topics_max: usize) {
        while self.fanout.len() >= topics_max {
            let oldest = self.fanout.iter().min_by_key(|(_, fanout)| fanout.published);
            let Some(topic) = oldest.map(|(topic, _)| topic.clone()) else { return };
            self.fanout.remove(&topic);
        }
    }

    pub(super) fn check_fanout(&self, links: &Links) -> Result<(), Broken> {
        for (topic, fanout) in &self.fanout {
            let is_member =
                |link| links.get(link).is_some_and(|link| link.topics.contains(topic) && !link.direct);
            let sound = !self.is_joined(topic)
                && fanout.members.is_sorted_by(|a, b| a < b)
                && fanout.members.iter().all(|member| is_member(*member));
            ensure(sound, Rule::M6, || format!("{topic}: {:?}", fanout.members))?;
        }
        Ok(())
    }
}

/// Spec: v1.1 "Score Thresholds", `PublishThreshold`.
fn may_publish_to(cx: &Ctx<'_>, link: LinkId) -> bool {
    cx.score(link) >= cx.config.score.thresholds.publish
}
