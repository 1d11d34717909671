//! The trace of a run: its digests, checkpoints of them, and a window of it in words.

use std::ops::Range;

use braidcast_protocol::{Action, Fold, MessageId, Time, TraceHash};

use crate::record::Delivery;

/// What is kept of a run's trace beside its hash; the default is nothing.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Watch {
    /// A checkpoint after every so many entries; 0 is none.
    pub every: u64,
    /// Entries that are kept in words, by number.
    pub journal: Range<u64>,
}

/// The trace hash after so many entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// How many.
    pub entries: u64,
    /// When the next began.
    pub at: Time,
    /// The hash.
    pub hash: u128,
}

/// One entry of the trace: an input of a node and what came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JournalEntry {
    /// Its number, from 0.
    pub number: u64,
    /// When.
    pub at: Time,
    /// Which node; `None` for what concerns the whole network.
    pub node: Option<usize>,
    /// What happened.
    pub what: String,
    /// What the node did, each cut to [`Self::TEXT_MAX`] characters.
    pub actions: Vec<String>,
    /// The trace hash afterwards.
    pub hash: u128,
}

impl JournalEntry {
    /// The longest text of an input or an action.
    pub const TEXT_MAX: usize = 400;
}

/// The digests of a run, and what is kept beside them.
#[derive(Default)]
pub(crate) struct Traces {
    pub(crate) hash: TraceHash,
    pub(crate) deliveries: TraceHash,
    entries: u64,
    watch: Watch,
    pub(crate) checkpoints: Vec<Checkpoint>,
    journal: Vec<JournalEntry>,
}

impl Traces {
    pub(crate) fn new(watch: Watch) -> Self {
        Self { watch, ..Self::default() }
    }

    /// Begins an entry: who, and when.
    pub(crate) fn begin(&mut self, node: Option<u32>, at: Time, what: impl FnOnce() -> String) {
        let number = self.entries;
        self.entries += 1;
        if self.watch.every > 0 && number > 0 && number.is_multiple_of(self.watch.every) {
            self.checkpoints.push(Checkpoint { entries: number, at, hash: self.hash.value() });
        }
        if self.watch.journal.contains(&number) {
            self.close_entry();
            let what = cut(what());
            let node = node.map(|node| node as usize);
            self.journal.push(JournalEntry { number, at, node, what, actions: Vec::new(), hash: 0 });
        } else if number == self.watch.journal.end {
            self.close_entry();
        }
        (node.unwrap_or(u32::MAX), at).fold_into(&mut self.hash);
    }

    pub(crate) fn action(&mut self, action: &Action) {
        action.fold_into(&mut self.hash);
        let open = self.watch.journal.contains(&self.entries.wrapping_sub(1));
        if let Some(entry) = self.journal.last_mut().filter(|_| open) {
            entry.actions.push(cut(format!("{action:?}")));
        }
    }

    pub(crate) fn fold_delivery(&mut self, message: &MessageId, delivery: &Delivery) {
        (message, delivery.node, delivery.life, delivery.at).fold_into(&mut self.deliveries);
    }

    pub(crate) const fn entries(&self) -> u64 {
        self.entries
    }

    /// The window of the trace in words.
    pub(crate) fn journal(&self) -> Vec<JournalEntry> {
        let mut journal = self.journal.clone();
        if let Some(last) = journal.last_mut().filter(|last| last.number + 1 == self.entries) {
            last.hash = self.hash.value();
        }
        journal
    }

    fn close_entry(&mut self) {
        if let Some(last) = self.journal.last_mut() {
            last.hash = self.hash.value();
        }
    }
}

fn cut(text: String) -> String {
    match text.char_indices().nth(JournalEntry::TEXT_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
