//! Who still lacks a message.

use braidcast_protocol::{MessageId, Time};

use crate::{Failure, Network, Published};

impl Network {
    /// Runs until every node that is up and in the topic has each of the messages, or `bound` is reached.
    ///
    /// Then checks that none of them spread faster than is possible ([`Self::check_bounds`]).
    pub fn run_until_delivered(&mut self, messages: &[MessageId], bound: Time) -> Result<bool, Failure> {
        // Who had a message keeps it, so the question is for one node at a time, until none is found.
        let mut waits_for = (0, 0);
        let mut known = None;
        let all = self.run_until_met(bound, |network| {
            if known.replace(network.changes) == Some(network.changes) {
                return false;
            }
            let (mut message, mut node) = waits_for;
            while let Some(id) = messages.get(message) {
                if let Some(lacking) = (node..network.nodes()).find(|node| network.lacks(*node, id)) {
                    waits_for = (message, lacking);
                    return false;
                }
                (message, node) = (message + 1, 0);
            }
            // Faults may have brought somebody back behind the one that was waited for.
            waits_for = (0, 0);
            messages.iter().all(|message| network.missing(message).is_empty())
        })?;
        if all {
            messages.iter().try_for_each(|message| self.check_bounds(message))?;
        }
        Ok(all)
    }

    /// Nodes that are up and in the message's topic but never delivered it; all of them for an unknown message.
    pub fn missing(&self, message: &MessageId) -> Vec<usize> {
        (0..self.hosts.len()).filter(|node| self.lacks(*node, message)).collect()
    }

    fn lacks(&self, node: usize, message: &MessageId) -> bool {
        let host = &self.hosts[node];
        let wants =
            |published: &Published| host.topics.contains(&published.topic) && !published.reached(node);
        host.node.is_some() && self.record.get(message).is_none_or(wants)
    }
}
