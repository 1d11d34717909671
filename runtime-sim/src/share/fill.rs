//! Max-min fairness by progressive filling.
//!
//! Source: Bertsekas and Gallager, "Data Networks", 1992, section 6.5.2: all rates grow alike until a line is full;
//! what crosses it is settled, the rest goes on.

use std::collections::{BTreeMap, BTreeSet};

use super::{Shares, downlink, uplink};

/// A line while its transfers are being settled.
struct Open {
    /// Bytes per second not given away.
    left: u64,
    /// Transfers not settled.
    count: u64,
}

impl Shares {
    /// The fair rates of these transfers, in order; `None` where no line is limited.
    ///
    /// In whole bytes per second, at least 1; what rounding leaves is not given away.
    pub(super) fn fill(&self, transfers: &BTreeSet<u32>) -> BTreeMap<u32, Option<u64>> {
        let mut lines: BTreeMap<usize, Open> = BTreeMap::new();
        for line in transfers.iter().flat_map(|key| self.limited(*key)) {
            let left = self.lines[line].rate.unwrap_or(u64::MAX);
            lines.entry(line).or_insert(Open { left, count: 0 }).count += 1;
        }
        let mut order: BTreeSet<(u64, usize)> =
            lines.iter().map(|(line, open)| (open.left / open.count, *line)).collect();
        let mut rates: BTreeMap<u32, Option<u64>> = transfers.iter().map(|key| (*key, None)).collect();
        while let Some((share, tightest)) = order.pop_first() {
            for &key in &self.lines[tightest].transfers {
                if rates.get(&key).is_none_or(Option::is_some) {
                    continue;
                }
                rates.insert(key, Some(share.max(1)));
                for line in self.limited(key).filter(|line| *line != tightest) {
                    let Some(open) = lines.get_mut(&line) else { continue };
                    order.remove(&(open.left / open.count, line));
                    open.left = open.left.saturating_sub(share);
                    open.count -= 1;
                    order.extend(open.left.checked_div(open.count).map(|share| (share, line)));
                }
            }
        }
        rates
    }

    /// The limited lines that a transfer crosses.
    fn limited(&self, key: u32) -> impl Iterator<Item = usize> + '_ {
        let ends = self.transfers[key as usize].as_ref().map(|t| [uplink(t.from), downlink(t.to)]);
        ends.into_iter().flatten().filter(|line| self.lines[*line].rate.is_some())
    }
}
