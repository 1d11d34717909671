//! What nodes decided: frames to send, messages to deliver, links to open and close, a time to be woken.

use braidcast_protocol::{Action, DownCause, Tally};

use crate::drive::Happening;
use crate::host::link_parts;
use crate::record::{Delivery, DeliveryFault};
use crate::{Network, NodeTrace, Violation};

impl Network {
    /// Takes a node's actions out and leaves it ready for its next input. Gives what became of bodies that came in.
    pub(crate) fn settle(&mut self, index: u32) -> Tally {
        if let Some(recorder) = &mut self.recorder {
            recorder.note_actions(index, &self.actions);
        }
        let mut actions = std::mem::take(&mut self.actions);
        for action in actions.drain() {
            self.act(index, action);
        }
        let (at, node) = (self.now, index as usize);
        self.traces.extend(actions.drain_traces().map(|what| NodeTrace { at, node, what }));
        let tally = actions.take_tally();
        self.actions = actions;
        self.host_mut(index).stats.dropped_messages += u64::from(tally.dropped_messages);
        self.start_line(index);
        self.arm(index);
        if self.world.check_invariants
            && let Some(node) = &self.hosts[index as usize].node
            && let Err(broken) = node.check_invariants()
        {
            self.fail(index, Violation::Invariant(broken));
        }
        tally
    }

    pub(crate) fn act(&mut self, index: u32, action: Action) {
        self.trace.action(&action);
        match action {
            Action::Send { link, class, rpc } => self.send(index, link, class, rpc),
            Action::Deliver { topic, message, payload, via: _ } => {
                let life = self.hosts[index as usize].life;
                let delivery = Delivery { node: index as usize, life, at: self.now };
                self.trace.fold_delivery(&message.id, &delivery);
                self.changes += 1;
                match self.record.deliver(&message.id, &topic, &payload, delivery) {
                    Ok(()) => {}
                    Err(DeliveryFault::Unknown) => self.fail(index, Violation::Unknown(message.id)),
                    Err(DeliveryFault::Altered) => self.fail(index, Violation::Altered(message.id)),
                    Err(DeliveryFault::Repeated) => self.fail(index, Violation::Repeated(message.id)),
                }
            }
            Action::Dial { peer, hint: _ } => {
                if let Some(&other) = self.peers.get(&peer) {
                    self.link(index, other);
                }
            }
            Action::Close { link, reason: _ } => {
                let (peer, generation) = link_parts(link, self.hosts.len());
                if self.host_mut(index).link_mut(peer, generation).is_none() {
                    return self.fail(index, Violation::DeadLink(link));
                }
                self.close(index, peer, DownCause::Closed);
            }
        }
    }

    /// Arms the wake-up anew, after the clock was changed.
    pub(crate) fn rearm(&mut self, index: u32) {
        self.host_mut(index).armed = None;
        self.arm(index);
    }

    /// Arms the wake-up if it is due before the one that is armed; a later one is armed when that comes.
    pub(crate) fn arm(&mut self, index: u32) {
        let host = &mut self.hosts[index as usize];
        let Some(deadline) = host.node.as_ref().and_then(|node| node.next_deadline()) else { return };
        let at = host.clock.when(deadline.at).max(self.now);
        if host.armed.is_none_or(|armed| at < armed) {
            host.armed = Some(at);
            self.queue.push(at, Happening::Wake { node: index });
        }
    }
}
