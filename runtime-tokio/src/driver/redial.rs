//! Reliable peers that were lost are dialed again while links are few: preferred ones first, and nobody else.
//!
//! Whom to prefer is the core's opinion ([`braidcast_protocol::Node::preferred`]), so without scores nobody is.

use std::collections::BTreeMap;
use std::time::Duration;

use braidcast_protocol::PeerId;
use tokio::time::Instant;

/// When such peers are dialed next.
#[derive(Debug)]
pub(super) struct Redial {
    due: Option<Instant>,
    /// The last time, and how long after it the next one may be.
    last: Option<Instant>,
    pause: Duration,
    /// Who was dialed, and how often in vain; of peers that are preferred still.
    failures: BTreeMap<PeerId, u32>,
}

impl Redial {
    pub(super) fn new() -> Self {
        Self { due: None, last: None, pause: PAUSE_MIN, failures: BTreeMap::new() }
    }

    /// When [`Self::choose`] is to be called, if at all.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// A link was lost. After a quiet time that is answered at once; a peer that throws us out again and again is
    /// dialed ever more seldom.
    pub(super) fn on_lost(&mut self, now: Instant) {
        let quiet = self.last.is_none_or(|last| now > last + 2 * self.pause);
        if quiet {
            self.pause = PAUSE_MIN;
        }
        let at = if quiet { now } else { self.last.map_or(now, |last| last + self.pause) };
        self.due = self.due.or(Some(at));
    }

    /// A dial came to nothing.
    pub(super) fn on_failed(&mut self, peer: &PeerId) {
        if let Some(failures) = self.failures.get_mut(peer) {
            *failures = failures.saturating_add(1);
        }
    }

    /// Whom to dial now, at most `lack`: of `preferred`, best first, those that failed least. Comes due again while
    /// there is anybody to dial.
    pub(super) fn choose(&mut self, now: Instant, lack: usize, mut preferred: Vec<PeerId>) -> Vec<PeerId> {
        self.failures.retain(|peer, _| preferred.contains(peer));
        preferred.sort_by_key(|peer| self.failures.get(peer).copied().unwrap_or(0));
        preferred.truncate(lack);
        if preferred.is_empty() {
            self.due = None;
            return preferred;
        }
        for peer in &preferred {
            self.failures.entry(*peer).or_default();
        }
        (self.due, self.last) = (Some(now + self.pause), Some(now));
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        preferred
    }
}

const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    fn peers(numbers: &[u8]) -> Vec<PeerId> {
        numbers.iter().map(|number| PeerId::from_bytes(&[*number]).unwrap()).collect()
    }

    #[test]
    fn the_best_are_dialed_first_and_those_that_do_not_answer_last() {
        let (mut redial, now) = (Redial::new(), Instant::now());
        let preferred = || peers(&[3, 1, 2]);
        redial.on_lost(now);
        assert_eq!(redial.due(), Some(now), "the first loss is answered at once");
        assert_eq!(redial.choose(now, 2, preferred()), peers(&[3, 1]));
        redial.on_failed(&peers(&[3])[0]);
        assert_eq!(redial.choose(now, 2, preferred()), peers(&[1, 2]));
        redial.on_failed(&peers(&[1])[0]);
        redial.on_failed(&peers(&[2])[0]);
        assert_eq!(redial.choose(now, 2, preferred()), peers(&[3, 1]), "all have failed once");
        assert_eq!(redial.choose(now, 0, preferred()), []);
        assert_eq!(redial.due(), None, "enough links");
    }

    #[test]
    fn pauses_grow_until_it_was_quiet() {
        let (mut redial, mut now) = (Redial::new(), Instant::now());
        for round in 0..10 {
            redial.on_lost(now);
            now = redial.due().unwrap();
            assert_eq!(redial.choose(now, 1, peers(&[1])), peers(&[1]));
            let pause = (PAUSE_MIN * (1 << round)).min(PAUSE_MAX);
            assert_eq!(redial.due(), Some(now + pause));
            assert_eq!(redial.choose(now, 0, peers(&[])), []);
        }
        now += 3 * PAUSE_MAX;
        redial.on_lost(now);
        assert_eq!(redial.due(), Some(now));
    }
}
