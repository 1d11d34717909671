//! Faults take effect.

use std::hash::Hash;

use braidcast_protocol::Time;

use super::{Churn, Cut, Fault, FaultError};
use crate::Network;
use crate::drive::Happening;

impl Network {
    /// Lets a fault happen now.
    pub fn inject(&mut self, fault: &Fault) -> Result<(), FaultError> {
        fault.check(self.hosts.len())?;
        self.apply(fault);
        Ok(())
    }

    /// Lets a fault happen at a time, or at once when that is past.
    pub fn inject_at(&mut self, at: Time, fault: Fault) -> Result<(), FaultError> {
        fault.check(self.hosts.len())?;
        let number = self.faults.len() as u32;
        self.faults.push(fault);
        self.queue.push(at.max(self.now), Happening::Fault { number });
        Ok(())
    }

    pub(crate) fn on_fault(&mut self, number: u32) {
        let fault = self.faults[number as usize].clone();
        self.apply(&fault);
    }

    fn apply(&mut self, fault: &Fault) {
        let now = self.now;
        let what = format!("{fault:?}");
        self.trace.begin(None, now, || what.clone());
        (64_u8, what).hash(&mut self.trace.hash);
        match fault {
            Fault::Crash { node } => self.crash(*node),
            Fault::Restart { node } => self.restart(*node),
            Fault::Pause { node, span } => self.hosts[*node].processor.pause(now + *span),
            Fault::Partition { side } => {
                let nodes = self.hosts.len();
                let others: Vec<usize> = (0..nodes).filter(|node| !side.contains(node)).collect();
                self.cut(Cut::new(nodes, side, &others));
                self.cut(Cut::new(nodes, &others, side));
            }
            Fault::Cut { from, to } => self.cut(Cut::new(self.hosts.len(), from, to)),
            Fault::Heal => self.heal(),
            Fault::Churn { nodes, up, down } => self.start_churn(nodes, Churn { up: *up, down: *down }),
            Fault::EndChurn => self.churns.iter_mut().for_each(|churn| *churn = None),
            Fault::Rates { node, up, down } => {
                self.set_uplink(*node, *up);
                self.set_downlink(*node, *down);
            }
            Fault::Turn { node, adversary } => self.set_adversary(*node, *adversary),
            Fault::Connect { from, to } => {
                let pairs = from.iter().flat_map(|from| to.iter().map(move |to| (*from, *to)));
                pairs.for_each(|(from, to)| self.connect(from, to));
            }
            Fault::Lossy { node, ppm } => self.hosts[*node].loss_ppm = *ppm,
            Fault::ClockSkew { node, ahead, drift_ppm } => {
                let pace = (1_000_000 + i64::from(*drift_ppm)) as u64;
                self.hosts[*node].clock.skew(now, *ahead, pace);
                self.rearm(*node as u32);
            }
        }
    }
}
