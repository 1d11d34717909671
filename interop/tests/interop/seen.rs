//! What a node, ours or another, has seen so far.

use std::collections::{BTreeMap, BTreeSet};

/// Everything about one node that tests wait for. Peers by their ids in base58btc.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Who is connected.
    pub(crate) connected: BTreeSet<String>,
    /// Who has joined the topic.
    pub(crate) subscribed: BTreeSet<String>,
    /// Who is in the mesh.
    pub(crate) mesh: BTreeSet<String>,
    /// Who told where it is, signed, where it tells.
    pub(crate) identified: BTreeSet<String>,
    /// Pings of its own that were answered, where it tells.
    pub(crate) pings: usize,
    /// How often each message was delivered, by its hash.
    messages: BTreeMap<String, usize>,
}

impl Seen {
    pub(crate) fn message(&mut self, hash: String) {
        *self.messages.entry(hash).or_default() += 1;
    }

    pub(crate) fn lost(&mut self, peer: &str) {
        self.connected.remove(peer);
        self.subscribed.remove(peer);
        self.mesh.remove(peer);
    }

    /// Whether all of these were delivered.
    pub(crate) fn has_all(&self, hashes: &[String]) -> bool {
        hashes.iter().all(|hash| self.messages.contains_key(hash))
    }

    /// Nothing was delivered twice.
    pub(crate) fn assert_none_twice(&self, who: &str) {
        let twice: Vec<_> = self.messages.iter().filter(|(_, times)| **times != 1).collect();
        assert!(twice.is_empty(), "{who}: delivered more than once: {twice:?}");
    }

    /// Exactly these were delivered so far, each once.
    pub(crate) fn assert_each_once(&self, who: &str, hashes: &BTreeSet<String>) {
        self.assert_none_twice(who);
        let strange: Vec<_> = self.messages.keys().filter(|hash| !hashes.contains(*hash)).collect();
        assert!(strange.is_empty(), "{who}: delivered, but never published: {strange:?}");
        let missing = hashes.len() - self.messages.len();
        assert_eq!(missing, 0, "{who}: {missing} of {} messages are missing", hashes.len());
    }
}
