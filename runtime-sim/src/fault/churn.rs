//! Nodes that come and go.

use crate::drive::Happening;
use crate::rng::{Concern, Draws};
use crate::{Distribution, Network};

/// How long nodes stay and how long they are away.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Churn {
    pub(crate) up: Distribution,
    pub(crate) down: Distribution,
}

impl Network {
    pub(crate) fn start_churn(&mut self, nodes: &[usize], churn: Churn) {
        let number = self.churns.len() as u32;
        self.churns.push(Some(churn));
        for &node in nodes {
            let node = node as u32;
            let at = self.now + churn.up.draw(&mut self.churn_draws(node));
            self.queue.push(at, Happening::Churn { node, churn: number });
        }
    }

    /// The time of a node that is up or away is over.
    pub(crate) fn on_churn(&mut self, node: u32, number: u32) {
        let churn = self.churns[number as usize];
        let mut draws = self.churn_draws(node);
        let span = match (churn, self.hosts[node as usize].node.is_some()) {
            (None, true) => return,
            (None, false) => return self.restart(node as usize),
            (Some(churn), true) => {
                let _time_of_this_life = churn.up.draw(&mut draws);
                let span = churn.down.draw(&mut draws);
                self.crash(node as usize);
                span
            }
            (Some(churn), false) => {
                self.restart(node as usize);
                churn.up.draw(&mut draws)
            }
        };
        self.queue.push(self.now + span, Happening::Churn { node, churn: number });
    }

    /// The times of a node's present life.
    fn churn_draws(&self, node: u32) -> Draws {
        Draws::new(&self.seed, Concern::Churn { node, life: self.hosts[node as usize].life })
    }
}
