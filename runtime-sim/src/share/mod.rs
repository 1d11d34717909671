//! Lines that are shared fairly: every transfer gets the largest rate that takes nothing from a smaller one.
//!
//! A transfer crosses the sender's uplink and the receiver's downlink; a line without limit, or one that is not
//! shared, constrains nothing. When a transfer starts or ends, the rates of all that are connected with it through
//! limited lines are computed anew. That is exact; with limited downlinks it couples the whole network, and a run
//! costs accordingly: it is meant for some thousand nodes.

mod fill;

use std::collections::BTreeSet;

use braidcast_protocol::Time;

/// Transfers, the lines they cross, and the rates that follow.
#[derive(Debug)]
pub(crate) struct Shares {
    transfers: Vec<Option<Transfer>>,
    free: Vec<u32>,
    /// Each node's uplink, then its downlink.
    lines: Vec<Line>,
    versions: u32,
}

#[derive(Debug)]
struct Line {
    /// Bytes per second; `None` constrains nothing.
    rate: Option<u64>,
    transfers: Vec<u32>,
}

#[derive(Debug)]
struct Transfer {
    from: u32,
    to: u32,
    /// Billionths of bytes still to go.
    left: u128,
    /// Bytes per second; `None` is done at once.
    rate: Option<u64>,
    since: Time,
    /// The planned end that counts; earlier plans are stale.
    version: u32,
}

/// When a transfer will end, unless its rate changes before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Plan {
    pub(crate) transfer: u32,
    pub(crate) version: u32,
    pub(crate) at: Time,
}

impl Shares {
    pub(crate) fn new(nodes: usize) -> Self {
        let line = || Line { rate: None, transfers: Vec::new() };
        let lines = std::iter::repeat_with(line).take(2 * nodes).collect();
        Self { transfers: Vec::new(), free: Vec::new(), lines, versions: 0 }
    }

    /// Sets the rate of a node's uplink.
    pub(crate) fn set_uplink(&mut self, now: Time, node: u32, rate: Option<u64>) -> Vec<Plan> {
        self.lines[uplink(node)].rate = rate;
        self.plan(now, &[uplink(node)])
    }

    /// Sets the rate of a node's downlink.
    pub(crate) fn set_downlink(&mut self, now: Time, node: u32, rate: Option<u64>) -> Vec<Plan> {
        self.lines[downlink(node)].rate = rate;
        self.plan(now, &[downlink(node)])
    }

    /// A transfer begins.
    pub(crate) fn start(&mut self, now: Time, (from, to): (u32, u32), bytes: u64) -> Vec<Plan> {
        let left = u128::from(bytes) * NANO;
        let transfer = Transfer { from, to, left, rate: Some(0), since: now, version: 0 };
        let key = self.free.pop().unwrap_or_else(|| {
            self.transfers.push(None);
            self.transfers.len() as u32 - 1
        });
        self.transfers[key as usize] = Some(transfer);
        self.lines[uplink(from)].transfers.push(key);
        self.lines[downlink(to)].transfers.push(key);
        self.plan(now, &[uplink(from), downlink(to)])
    }

    /// Takes a transfer away if this is its planned end: who sent to whom, and what changes for the others.
    pub(crate) fn finish(&mut self, now: Time, key: u32, version: u32) -> Option<((u32, u32), Vec<Plan>)> {
        let transfer = self.transfers[key as usize].as_ref()?;
        if transfer.version != version {
            return None;
        }
        let ends = (transfer.from, transfer.to);
        Some((ends, self.remove(now, key, ends)))
    }

    /// A node is gone, and with it all that it was sending.
    pub(crate) fn stop(&mut self, now: Time, node: u32) -> Vec<Plan> {
        let mut plans = Vec::new();
        while let Some(&key) = self.lines[uplink(node)].transfers.first() {
            let to = self.transfers[key as usize].as_ref().map_or(node, |transfer| transfer.to);
            plans.extend(self.remove(now, key, (node, to)));
        }
        plans
    }

    fn remove(&mut self, now: Time, key: u32, (from, to): (u32, u32)) -> Vec<Plan> {
        self.transfers[key as usize] = None;
        self.free.push(key);
        for line in [uplink(from), downlink(to)] {
            self.lines[line].transfers.retain(|other| *other != key);
        }
        self.plan(now, &[uplink(from), downlink(to)])
    }

    /// New rates for all that are connected with these lines, and the ends that they give.
    fn plan(&mut self, now: Time, lines: &[usize]) -> Vec<Plan> {
        let transfers = self.connected(lines);
        let rates = self.fill(&transfers);
        let mut plans = Vec::new();
        for (key, rate) in rates {
            let Some(transfer) = &mut self.transfers[key as usize] else { continue };
            if transfer.rate == rate && transfer.version != 0 {
                continue;
            }
            let passed = u128::from(transfer.rate.unwrap_or(0)) * now.since(transfer.since).as_nanos();
            transfer.left = transfer.left.saturating_sub(passed);
            (transfer.rate, transfer.since) = (rate, now);
            self.versions = self.versions.checked_add(1).unwrap_or(1);
            transfer.version = self.versions;
            let nanos = rate.map_or(0, |rate| transfer.left.div_ceil(u128::from(rate.max(1))));
            let at = now + std::time::Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
            plans.push(Plan { transfer: key, version: transfer.version, at });
        }
        plans
    }

    /// Transfers that these lines carry, and those that share a limited line with them, and so on.
    fn connected(&self, lines: &[usize]) -> BTreeSet<u32> {
        let mut found: BTreeSet<u32> =
            lines.iter().flat_map(|line| &self.lines[*line].transfers).copied().collect();
        let mut open: Vec<u32> = found.iter().copied().collect();
        while let Some(key) = open.pop() {
            let Some(transfer) = &self.transfers[key as usize] else { continue };
            for line in [uplink(transfer.from), downlink(transfer.to)] {
                let line = &self.lines[line];
                let others = line.transfers.iter().filter(|_| line.rate.is_some());
                open.extend(others.filter(|other| found.insert(**other)));
            }
        }
        found
    }
}

const fn uplink(node: u32) -> usize {
    2 * node as usize
}

const fn downlink(node: u32) -> usize {
    2 * node as usize + 1
}

const NANO: u128 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(shares: &Shares) -> Vec<u64> {
        shares.transfers.iter().flatten().map(|transfer| transfer.rate.unwrap_or(u64::MAX)).collect()
    }

    fn shares(ups: &[Option<u64>], downs: &[Option<u64>]) -> Shares {
        let mut shares = Shares::new(ups.len());
        for node in 0..ups.len() {
            shares.set_uplink(Time::EPOCH, node as u32, ups[node]);
            shares.set_downlink(Time::EPOCH, node as u32, downs[node]);
        }
        shares
    }

    #[test]
    fn what_a_slow_receiver_leaves_goes_to_the_others() {
        let mut shares = shares(&[Some(90), None, None, None], &[None, Some(10), None, None]);
        for to in 1..4 {
            shares.start(Time::EPOCH, (0, to), 1_000);
        }
        assert_eq!(rates(&shares), [10, 40, 40]);
        // A second sender to the slow one halves what the first had there.
        shares.start(Time::EPOCH, (2, 1), 1_000);
        assert_eq!(rates(&shares), [5, 42, 42, 5]);
    }

    #[test]
    fn an_end_gives_the_rest_more_and_they_end_when_their_bytes_are_through() {
        let mut shares = shares(&[Some(100), None, None], &[None; 3]);
        let short = shares.start(Time::EPOCH, (0, 1), 100)[0];
        assert_eq!(short.at, Time::from_nanos(1_000_000_000));
        let plans = shares.start(Time::EPOCH, (0, 2), 200);
        let seconds: Vec<u64> = plans.iter().map(|plan| plan.at.as_nanos() / 1_000_000_000).collect();
        assert_eq!(seconds, [2, 4]);
        assert!(shares.finish(short.at, short.transfer, short.version).is_none(), "the old plan is stale");
        let (ends, later) = shares.finish(plans[0].at, plans[0].transfer, plans[0].version).unwrap();
        assert_eq!(ends, (0, 1));
        assert_eq!(later[0].at, Time::from_nanos(3_000_000_000));
    }

    #[test]
    fn lines_without_limit_take_no_time() {
        let mut shares = shares(&[None, None], &[None, None]);
        assert_eq!(shares.start(Time::from_nanos(7), (0, 1), 1 << 30)[0].at, Time::from_nanos(7));
    }
}
