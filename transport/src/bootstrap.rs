//! Peers to stay connected to: when to dial which.
//!
//! Pure bookkeeping on instants that are passed in; the driver dials.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol, swarm::ConnectionId};
use tokio::time::Instant;

/// All bootstrap peers of an endpoint.
pub(crate) struct Bootstrap {
    targets: Vec<Target>,
    backoff_min: Duration,
    backoff_max: Duration,
}

/// One peer with all its addresses, or one address whose peer is not known.
struct Target {
    peer: Option<PeerId>,
    addresses: Vec<Multiaddr>,
    /// Pauses since the last connection that outlived its pause.
    failures: u32,
    state: State,
}

enum State {
    Due(Instant),
    Dialing(ConnectionId),
    Connected { peer: PeerId, since: Instant },
}

/// What to dial: all addresses at once.
pub(crate) struct Dial {
    pub(crate) index: usize,
    pub(crate) peer: Option<PeerId>,
    pub(crate) addresses: Vec<Multiaddr>,
}

impl Bootstrap {
    pub(crate) fn new(
        addresses: &[Multiaddr],
        own: PeerId,
        (backoff_min, backoff_max): (Duration, Duration),
        now: Instant,
    ) -> Self {
        let mut targets: Vec<Target> = Vec::new();
        for address in addresses {
            let peer = peer_of(address);
            if peer == Some(own) {
                continue;
            }
            match targets.iter_mut().find(|t| peer.is_some() && t.peer == peer) {
                Some(target) => target.addresses.push(address.clone()),
                None => targets.push(Target {
                    peer,
                    addresses: vec![address.clone()],
                    failures: 0,
                    state: State::Due(now),
                }),
            }
        }
        Self { targets, backoff_min, backoff_max }
    }

    /// When the next dial is due, if one is.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.targets
            .iter()
            .filter_map(|t| match t.state {
                State::Due(at) => Some(at),
                State::Dialing(_) | State::Connected { .. } => None,
            })
            .min()
    }

    /// The dials that are due. Each is answered with [`Self::on_dialing`] or [`Self::on_refused`].
    pub(crate) fn due(&self, now: Instant) -> Vec<Dial> {
        let is_due = |t: &&Target| matches!(t.state, State::Due(at) if at <= now);
        let dial = |(index, t): (usize, &Target)| {
            Some(t).filter(is_due).map(|t| Dial { index, peer: t.peer, addresses: t.addresses.clone() })
        };
        self.targets.iter().enumerate().filter_map(dial).collect()
    }

    pub(crate) fn on_dialing(&mut self, index: usize, connection: ConnectionId) {
        self.targets[index].state = State::Dialing(connection);
    }

    /// The dial did not even start.
    pub(crate) fn on_refused(&mut self, index: usize, now: Instant) {
        let pause = self.pause(self.targets[index].failures);
        self.targets[index].retry(now + pause);
    }

    /// A dial failed; it may not have been one of ours.
    pub(crate) fn on_failed(&mut self, connection: ConnectionId, now: Instant) {
        let found = self.targets.iter().position(|t| t.is_dialing(connection));
        if let Some(index) = found {
            self.on_refused(index, now);
        }
    }

    /// The address turned out to be our own.
    pub(crate) fn on_own(&mut self, connection: ConnectionId) {
        self.targets.retain(|t| !t.is_dialing(connection));
    }

    /// There is a connection to `peer`, whoever made it.
    pub(crate) fn on_connected(&mut self, peer: PeerId, connection: ConnectionId, now: Instant) {
        for target in &mut self.targets {
            let already = matches!(target.state, State::Connected { .. });
            if !already && (target.peer == Some(peer) || target.is_dialing(connection)) {
                target.state = State::Connected { peer, since: now };
            }
        }
    }

    /// The last connection to `peer` is gone.
    pub(crate) fn on_disconnected(&mut self, peer: PeerId, now: Instant) {
        for index in 0..self.targets.len() {
            let State::Connected { peer: connected, since } = self.targets[index].state else { continue };
            if connected != peer {
                continue;
            }
            // A peer that throws us out at once is not a success: its pauses go on growing.
            if now - since > self.pause(self.targets[index].failures) {
                self.targets[index].failures = 0;
            }
            self.on_refused(index, now);
        }
    }

    /// `backoff_min` doubled per failure up to `backoff_max`, then shortened by up to half.
    fn pause(&self, failures: u32) -> Duration {
        let full = self.backoff_min.saturating_mul(1 << failures.min(20)).min(self.backoff_max);
        // Jitter needs no more than what keys the standard library's hash maps.
        let random = RandomState::new().build_hasher().finish() as u32;
        full.mul_f64(0.5 + 0.5 * f64::from(random) / f64::from(u32::MAX))
    }
}

impl Target {
    fn is_dialing(&self, connection: ConnectionId) -> bool {
        matches!(self.state, State::Dialing(dial) if dial == connection)
    }

    fn retry(&mut self, at: Instant) {
        self.failures = self.failures.saturating_add(1);
        self.state = State::Due(at);
    }
}

/// The `/p2p/<id>` at the end of an address.
pub fn peer_of(address: &Multiaddr) -> Option<PeerId> {
    match address.iter().last() {
        Some(Protocol::P2p(peer)) => Some(peer),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: Duration = Duration::from_millis(250);
    const MAX: Duration = Duration::from_secs(30);

    fn address(peer: PeerId, port: u16) -> Multiaddr {
        format!("/ip4/127.0.0.1/tcp/{port}/p2p/{peer}").parse().unwrap()
    }

    fn bootstrap(addresses: &[Multiaddr], own: PeerId, now: Instant) -> Bootstrap {
        Bootstrap::new(addresses, own, (MIN, MAX), now)
    }

    #[test]
    fn our_own_address_is_skipped_and_a_peer_is_dialed_on_all_its_addresses_at_once() {
        let (own, other, now) = (PeerId::random(), PeerId::random(), Instant::now());
        let list = [address(own, 1), address(other, 2), address(other, 3)];
        let dials = bootstrap(&list, own, now).due(now);
        assert_eq!(dials.len(), 1);
        assert_eq!(dials[0].peer, Some(other));
        assert_eq!(dials[0].addresses, list[1..]);
    }

    #[test]
    fn pauses_double_up_to_the_maximum() {
        let (own, other, mut now) = (PeerId::random(), PeerId::random(), Instant::now());
        let mut bootstrap = bootstrap(&[address(other, 2)], own, now);
        for failures in 0..12 {
            let full = (MIN * (1 << failures)).min(MAX);
            let connection = ConnectionId::new_unchecked(failures);
            bootstrap.on_dialing(0, connection);
            assert_eq!(bootstrap.next_due(), None);
            bootstrap.on_failed(connection, now);
            let pause = bootstrap.next_due().unwrap() - now;
            assert!(pause >= full / 2 && pause <= full, "{pause:?} of {full:?}");
            now += pause;
            assert_eq!(bootstrap.due(now).len(), 1);
        }
    }

    #[test]
    fn only_a_connection_that_lasted_resets_the_pause() {
        let (own, other, now) = (PeerId::random(), PeerId::random(), Instant::now());
        let mut bootstrap = bootstrap(&[address(other, 2)], own, now);
        let connection = ConnectionId::new_unchecked(1);
        for _ in 0..5 {
            bootstrap.on_connected(other, connection, now);
            bootstrap.on_disconnected(other, now);
        }
        assert!(bootstrap.next_due().unwrap() - now >= MIN * 16 / 2);
        bootstrap.on_connected(other, connection, now);
        bootstrap.on_disconnected(other, now + MAX);
        assert!(bootstrap.next_due().unwrap() - (now + MAX) <= MIN);
    }
}
