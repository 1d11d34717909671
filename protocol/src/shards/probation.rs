//! Which neighbours showed that their shards are right, since there is reason to doubt.
//!
//! Who pollutes but never happens to be the one that brings us anything could stay in the mesh for ever, and deceive us
//! when it matters. So after an alarm every member owes a few right shards. What it does not send anyway it is asked for,
//! when both of us have the message and the shards can be checked at once.

use alloc::collections::BTreeMap;
use core::time::Duration;

use crate::{LinkId, Time};

/// The neighbours' right shards since an alarm.
#[derive(Debug, Default)]
pub(crate) struct Probation {
    /// When the alarm is over.
    until: Option<Time>,
    /// Until when hearsay is no alarm: an earlier one must have died out everywhere, or two would keep each other up.
    deaf_until: Option<Time>,
    right: BTreeMap<LinkId, u8>,
}

impl Probation {
    /// Something was wrong here or at a neighbour. Whether that is news.
    pub(crate) fn alarm(&mut self, now: Time, span: Duration) -> bool {
        self.expire(now);
        self.deaf_until = Some(now + span * 2);
        self.until.replace(self.until.unwrap_or(now + span)).is_none()
    }

    /// Whether there is reason to doubt what neighbours send.
    pub(crate) fn is_alarmed(&self, now: Time) -> bool {
        self.until.is_some_and(|until| until > now)
    }

    /// Whether it is news that a neighbour examines its own.
    pub(crate) fn believes_hearsay(&self, now: Time) -> bool {
        self.deaf_until.is_none_or(|until| until <= now)
    }

    /// Notes a shard that was right.
    pub(crate) fn on_right(&mut self, link: LinkId) {
        if self.until.is_some() {
            let right = self.right.entry(link).or_default();
            *right = right.saturating_add(1);
        }
    }

    /// Shards that a neighbour is asked for now.
    pub(crate) fn owed(&self, now: Time, link: LinkId) -> u8 {
        match self.until {
            Some(until) if until > now => {
                OWED.saturating_sub(self.right.get(&link).copied().unwrap_or(0)).min(AT_ONCE)
            }
            Some(_) | None => 0,
        }
    }

    pub(crate) fn on_link_down(&mut self, link: LinkId) {
        self.right.remove(&link);
    }

    pub(crate) fn expire(&mut self, now: Time) {
        if self.until.is_some_and(|until| until <= now) {
            self.until = None;
            self.right.clear();
        }
    }
}

/// Right shards that a neighbour owes: of those who send garbage in place of half of theirs, one in 65,536 is lucky. There
/// are hundreds of such neighbours in a network of a hundred nodes, and after 12 shards one of them was left here and there.
const OWED: u8 = 16;

/// How many it is asked for of one message.
const AT_ONCE: u8 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_neighbour_owes_right_shards_from_an_alarm_to_its_end() {
        let (link, at) = (LinkId::new(1), |seconds| Time::EPOCH + Duration::from_secs(seconds));
        let mut probation = Probation::default();
        probation.on_right(link);
        assert_eq!(probation.owed(at(0), link), 0, "there is no reason to doubt");
        assert!(probation.alarm(at(0), Duration::from_secs(600)));
        assert!(!probation.alarm(at(500), Duration::from_secs(600)));
        assert_eq!(probation.owed(at(1), link), 8);
        (0..14).for_each(|_| probation.on_right(link));
        assert_eq!(probation.owed(at(1), link), 2);
        assert_eq!(probation.owed(at(600), link), 0, "another alarm does not make it longer");
        probation.expire(at(600));
        assert!(!probation.believes_hearsay(at(1699)), "it may be an echo");
        assert!(probation.believes_hearsay(at(1700)));
    }
}
