//! The bounds of a run: what no protocol could beat on its network.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use braidcast_protocol::{MessageId, Mode};

use crate::rng::nanos;
use crate::uplink::busy_nanos;
use crate::{Failure, Network, Published, Violation, postal_bound};

/// Two lower bounds on the time in which a message can reach a share of the nodes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// [`postal_bound`] for the fastest uplink and the shortest latency of the network; `None` when an uplink is
    /// unlimited.
    pub postal: Option<Duration>,
    /// From the rates of all nodes: a node has the message no sooner than its publisher can have sent it all, and the
    /// node received it all, plus the latency of the shortest path between them; and all uplinks together have to
    /// send it once for each receiver. Unlimited lines take no time.
    pub heterogeneous: Duration,
}

impl Bounds {
    /// The greater of both.
    pub fn tightest(&self) -> Duration {
        self.postal.unwrap_or_default().max(self.heterogeneous)
    }
}

/// What the bounds of one message are made of.
struct Terms {
    bytes: u64,
    chunks: u64,
    /// The fastest uplink.
    rate: Option<u64>,
    /// All uplinks together.
    rates: Option<u64>,
    latency: Duration,
    /// For each number of nodes reached, the publisher being the first, what lines and paths of their own need,
    /// nanoseconds, ascending.
    alone: Vec<u64>,
}

impl Terms {
    fn bounds(&self, reached: usize) -> Bounds {
        if reached <= 1 {
            return Bounds { postal: self.rate.map(|_| Duration::ZERO), heterogeneous: Duration::ZERO };
        }
        let postal = self.rate.map(|rate| postal_bound(reached, self.bytes, self.chunks, rate, self.latency));
        let copies = self.bytes.saturating_mul(reached as u64 - 1);
        let together = busy_nanos(copies, self.rates).saturating_add(nanos(self.latency));
        let alone = self.alone.get(reached - 1).copied().unwrap_or_default();
        Bounds { postal, heterogeneous: Duration::from_nanos(alone.max(together)) }
    }
}

impl Network {
    /// The bounds for a message and a share of all nodes, with the links and rates of now; `None` for an unknown one.
    ///
    /// Rates that were higher before count as they were. Bytes are those of the payload, as charged.
    pub fn bounds(&self, message: &MessageId, share_percent: usize) -> Option<Bounds> {
        let published = self.published(message)?;
        let reached = (self.nodes() * share_percent).div_ceil(100);
        Some(self.terms(published).bounds(reached))
    }

    /// Whether the message spread no faster than the bounds allow, to any number of nodes.
    pub fn check_bounds(&self, message: &MessageId) -> Result<(), Failure> {
        let Some(published) = self.published(message) else { return Ok(()) };
        let terms = self.terms(published);
        let mut reached = vec![false; self.nodes()];
        let first = published.deliveries.iter().filter(|it| !std::mem::replace(&mut reached[it.node], true));
        let deliveries: Vec<_> = first.collect();
        // A hundred points of the curve are enough: between them both curves only rise.
        let step = deliveries.len().div_ceil(100).max(1);
        let last = deliveries.len().saturating_sub(1);
        for index in (0..deliveries.len()).step_by(step).chain([last]) {
            let Some(delivery) = deliveries.get(index) else { continue };
            let (taken, bound) = (delivery.at.since(published.at), terms.bounds(index + 1).tightest());
            if taken < bound {
                let violation =
                    Violation::Bound { message: message.clone(), reached: index + 1, taken, bound };
                return Err(Failure { at: self.now, node: delivery.node, violation });
            }
        }
        Ok(())
    }

    fn terms(&self, published: &Published) -> Terms {
        let bytes = published.payload.len() as u64 * u64::from(self.world.body_scale);
        let publisher = &self.hosts[published.publisher];
        let ups = || self.hosts.iter().map(|host| host.fastest.up);
        let (nearest, latency) = self.paths(published.publisher as u32);
        let out = busy_nanos(bytes, publisher.fastest.up);
        let mut alone: Vec<u64> = (self.hosts.iter().zip(nearest).enumerate())
            .filter(|(node, _)| *node != published.publisher)
            .map(|(_, (host, path))| path.saturating_add(out.max(busy_nanos(bytes, host.fastest.down))))
            .collect();
        alone.push(0);
        alone.sort_unstable();
        Terms {
            bytes,
            chunks: chunks(&publisher.config, published.payload.len()),
            rate: ups().try_fold(0, |max, rate| rate.map(|rate| rate.max(max))),
            rates: ups().try_fold(0_u64, |sum, rate| rate.map(|rate| sum.saturating_add(rate))),
            latency: Duration::from_nanos(latency),
            alone,
        }
    }

    /// The latency of the shortest path from one node to each, over all links that there ever were, and the shortest
    /// link, nanoseconds (Dijkstra).
    fn paths(&self, from: u32) -> (Vec<u64>, u64) {
        let mut links: BTreeMap<u32, Vec<(u32, u64)>> = BTreeMap::new();
        let mut shortest = u64::MAX;
        for &(a, b) in self.pairs.keys() {
            let latency = nanos(self.world.latencies.of_pair(&self.seed, a, b));
            shortest = shortest.min(latency);
            links.entry(a).or_default().push((b, latency));
            links.entry(b).or_default().push((a, latency));
        }
        let mut nearest = vec![u64::MAX; self.hosts.len()];
        nearest[from as usize] = 0;
        let mut open = BinaryHeap::from([Reverse((0, from))]);
        while let Some(Reverse((distance, node))) = open.pop() {
            if distance > nearest[node as usize] {
                continue;
            }
            for &(other, latency) in links.get(&node).into_iter().flatten() {
                let through = distance + latency;
                if through < nearest[other as usize] {
                    nearest[other as usize] = through;
                    open.push(Reverse((through, other)));
                }
            }
        }
        (nearest, if shortest == u64::MAX { 0 } else { shortest })
    }
}

/// In how many pieces a publisher's messages of this length travel.
fn chunks(config: &braidcast_protocol::Config, bytes: usize) -> u64 {
    let coded = config.mode == Mode::Optimum && bytes >= config.coded.small_message_bytes.max(1);
    if coded { config.coded.shard_factor.for_message(bytes).into() } else { 1 }
}
