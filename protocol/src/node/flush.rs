//! The end of every input: control goes out, then what the links have room for.

use alloc::vec::Vec;

use super::Node;
use crate::rpc::Rpc;
use crate::{Action, Actions, LinkId, SendClass, Time, Trace, select};

/// Control in one frame, bytes.
const CONTROL_BYTES_MAX: usize = 16_000;

impl Node {
    /// Control of each link in one frame, whole messages that waited, then shards.
    pub(super) fn flush(&mut self, now: Time, out: &mut Actions) {
        for (link, rpc) in self.links.take_control().into_iter().filter(|(_, rpc)| !rpc.is_empty()) {
            for frame in rpc.split(CONTROL_BYTES_MAX) {
                self.send(now, link, SendClass::Control, frame, out);
            }
        }
        let (mut parts, mut cx) = self.split(now, out);
        parts.drop_expired(&mut cx);
        self.send_waiting(now, out);
        self.send_shards(now, out);
    }

    fn send_waiting(&mut self, now: Time, out: &mut Actions) {
        let ready: Vec<LinkId> = self.links.ready().collect();
        // In any order but the same: neighbours that serve a third in turn should not begin with the same one.
        let count = ready.len();
        for id in select::sample(&mut self.rng.order, ready, count) {
            while let Some(waiting) = self.links.dequeue(&self.config, id) {
                if self.gossip.get(&waiting.id).is_some_and(|cached| cached.is_holder(id)) {
                    continue;
                }
                self.gossip.on_holder(&waiting.id, id);
                self.links.take_turn(now, &self.config, id, waiting.message.data.len());
                let rpc = Rpc { publish: alloc::vec![waiting.message], ..Rpc::default() };
                self.send(now, id, SendClass::Data, rpc, out);
            }
        }
    }

    fn send_shards(&mut self, now: Time, out: &mut Actions) {
        loop {
            let (parts, mut cx) = self.split(now, out);
            let Some(ready) = parts.shards.next(&cx, parts.mesh) else { return };
            let Some(rpc) = parts.shards.make(&mut cx, ready) else { return };
            let needed = !rpc.coded.headers.is_empty() || !rpc.coded.lists.is_empty();
            let class = if needed { SendClass::Data } else { SendClass::Shards };
            self.send(now, ready.link, class, rpc, out);
        }
    }

    fn send(&mut self, now: Time, link: LinkId, class: SendClass, rpc: Rpc, out: &mut Actions) {
        if class != SendClass::Control {
            self.links.spend_room(link, rpc.encoded_len());
        }
        if out.tracing() {
            let meta = self.meta(&rpc);
            let (_, mut cx) = self.split(now, out);
            cx.trace_peer(link, |to| Trace::SendRpc { to, meta });
        }
        out.push(Action::Send { link, class, rpc });
    }
}
