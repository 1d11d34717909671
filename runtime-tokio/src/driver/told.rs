//! What a peer told once and will not repeat.
//!
//! A link may be replaced while the peer stays connected, and the peer need not notice: for it the conversation
//! goes on, so its greeting, with its subscriptions and extensions, does not come again. The core begins anew
//! with each link. So the greeting is kept here, and given again to the link that continues the earlier one.

use std::collections::{BTreeMap, BTreeSet};

use braidcast_protocol::rpc::{Extensions, Rpc, Subscription};
use braidcast_protocol::{LinkId, Topic};

/// A peer's subscriptions and extensions, as far as it has told them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Told {
    topics: BTreeSet<Topic>,
    extensions: Option<Extensions>,
}

impl Told {
    /// Takes note of a frame, of at most as many topics as the core takes.
    pub(super) fn note(&mut self, rpc: &Rpc, topics_max: usize) {
        for Subscription { subscribe, topic } in &rpc.subscriptions {
            if !subscribe {
                self.topics.remove(topic);
            } else if self.topics.len() < topics_max {
                self.topics.insert(topic.clone());
            }
        }
        self.extensions = rpc.control.extensions.or(self.extensions);
    }

    /// The greeting that would say all of it.
    pub(super) fn greeting(&self) -> Rpc {
        let subscription = |topic: &Topic| Subscription { subscribe: true, topic: topic.clone() };
        let mut rpc = Rpc { subscriptions: self.topics.iter().map(subscription).collect(), ..Rpc::default() };
        rpc.control.extensions = self.extensions;
        rpc
    }
}

/// What was told on links that are down, for those that continue them.
#[derive(Debug, Default)]
pub(super) struct Ended(BTreeMap<LinkId, Told>);

impl Ended {
    pub(super) fn keep(&mut self, link: LinkId, told: Told) {
        self.0.insert(link, told);
        if self.0.len() > ENDED_MAX {
            // Links count up: the first is the oldest. A link is continued soon or never.
            self.0.pop_first();
        }
    }

    pub(super) fn take(&mut self, link: LinkId) -> Option<Told> {
        self.0.remove(&link)
    }
}

/// Links that are down and may be continued.
const ENDED_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn says(changes: &[(bool, &str)]) -> Rpc {
        let change = |(subscribe, topic): &(bool, &str)| Subscription {
            subscribe: *subscribe,
            topic: Topic::new(topic),
        };
        Rpc { subscriptions: changes.iter().map(change).collect(), ..Rpc::default() }
    }

    #[test]
    fn a_greeting_says_again_what_still_holds() {
        let mut told = Told::default();
        assert!(told.greeting().is_empty());
        let mut first = says(&[(true, "a"), (true, "b"), (true, "too many")]);
        first.control.extensions = Some(Extensions { coded: true });
        told.note(&first, 2);
        told.note(&says(&[(false, "a"), (false, "unknown"), (true, "c")]), 2);
        let mut greeting = says(&[(true, "b"), (true, "c")]);
        greeting.control.extensions = Some(Extensions { coded: true });
        assert_eq!(told.greeting(), greeting);
    }

    #[test]
    fn only_the_latest_ends_are_kept_and_each_is_given_once() {
        let mut ended = Ended::default();
        let links = ENDED_MAX as u32 + 1;
        (0..links).for_each(|link| ended.keep(LinkId::new(link), Told::default()));
        assert_eq!(ended.take(LinkId::new(0)), None);
        assert_eq!(ended.take(LinkId::new(links - 1)), Some(Told::default()));
        assert_eq!(ended.take(LinkId::new(links - 1)), None);
    }
}
