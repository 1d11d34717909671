//! A frame's way from one node to another: the sender's line, the latency, the receiver's line.

use std::time::Duration;

use braidcast_protocol::rpc::{MessageHead, Rpc};
use braidcast_protocol::{DownCause, Event, LinkId, SendClass};

use crate::drive::{Happening, Input};
use crate::frames::{Frame, FrameKey};
use crate::host::{Host, link_id, link_parts};
use crate::share::Plan;
use crate::uplink::{Piece, Waiting, busy_nanos};
use crate::world::{Sharing, Streams};
use crate::{Network, Violation};

impl Network {
    /// Takes a frame from a node.
    pub(crate) fn send(&mut self, index: u32, link: LinkId, class: SendClass, mut rpc: Rpc) {
        let (to, generation) = link_parts(link, self.hosts.len());
        let host = &mut self.hosts[index as usize];
        if let Some(tamper) = host.tamper {
            tamper(&mut rpc);
        }
        let copies = host.attack.as_mut().map_or(1, |attack| attack.on_send(class, &mut rpc));
        let scale = u64::from(self.world.body_scale);
        let bytes = frame_bytes(rpc.encoded_len() as u64 + rpc.body_bytes() as u64 * (scale - 1));
        if copies == 0 {
            // As if it had been sent: the core must not notice.
            let at = self.now + Duration::from_nanos(busy_nanos(bytes, host.bytes_per_s));
            return self.queue.push(at, Happening::Room { node: index, peer: to, generation });
        }
        for _ in 1..copies {
            self.put_on_way(index, link, class, bytes, rpc.clone());
        }
        self.put_on_way(index, link, class, bytes, rpc);
    }

    fn put_on_way(&mut self, index: u32, link: LinkId, class: SendClass, bytes: u64, rpc: Rpc) {
        let (to, generation) = link_parts(link, self.hosts.len());
        let number = self.frames_sent;
        let host = &mut self.hosts[index as usize];
        // A node that is late with its inputs may not know yet that a link is down.
        let informed = host.processor.is_idle(self.now);
        let Some(link_end) = host.link_mut(to, generation) else {
            if informed {
                self.fail(index, Violation::DeadLink(link));
            }
            return;
        };
        let full = self.world.send_queue_bytes.is_some_and(|max| link_end.queued_bytes + bytes > max);
        if class == SendClass::Control && full {
            return self.close(index, to, DownCause::TooSlow);
        }
        link_end.queued_bytes += bytes;
        self.frames_sent += 1;
        let frame = self.frames.insert(Frame::new(index, to, generation, class, bytes, number, rpc));
        let waiting = Waiting { frame, to, class, left: bytes, started: None };
        let price = match class {
            SendClass::Control => Duration::ZERO,
            SendClass::Data | SendClass::Shards => self.world.processing.of_making(bytes),
        };
        if price.is_zero() {
            return self.enter_uplink(index, waiting);
        }
        let host = &mut self.hosts[index as usize];
        let at = host.processor.make(self.now, waiting, price, &mut self.machine);
        let life = host.life;
        self.queue.push(at, Happening::Made { node: index, life });
    }

    fn enter_uplink(&mut self, index: u32, waiting: Waiting) {
        let host = self.host_mut(index);
        host.uplink.push(waiting);
        host.stats.queue_bytes_max = host.stats.queue_bytes_max.max(host.uplink.queued_bytes());
    }

    pub(crate) fn on_made(&mut self, index: u32, life: u32) {
        let host = self.host_mut(index);
        if host.life == life
            && let Some(waiting) = host.processor.next_made()
        {
            self.enter_uplink(index, waiting);
            self.start_line(index);
        }
    }

    /// Puts onto a node's line what may go.
    pub(crate) fn start_line(&mut self, index: u32) {
        let (now, congestion) = (self.now, self.world.congestion);
        let shared = self.world.uplinks == Sharing::FairShare;
        loop {
            let Host { uplink, links, .. } = &mut self.hosts[index as usize];
            if !shared && uplink.on_line().is_some() {
                return;
            }
            let may = |to| {
                let Some(rules) = &congestion else { return Some(u64::MAX) };
                let at = links.binary_search_by_key(&to, |link| link.peer).ok();
                let window = at.and_then(|at| links[at].window.as_mut());
                window.map_or(Some(u64::MAX), |window| window.room(rules, now))
            };
            let Some(piece) = uplink.start_next(now, may) else { return };
            self.announce(&piece);
            let Host { bytes_per_s, life, .. } = &self.hosts[index as usize];
            let (bytes_per_s, life) = (*bytes_per_s, *life);
            let generation = self.frames.get(piece.of.frame).generation;
            let link = self.hosts[index as usize].link_mut(piece.of.to, generation);
            if let Some(window) = link.and_then(|link| link.window.as_mut()) {
                window.on_started(now, piece.bytes);
            }
            if let Some(shares) = &mut self.shares {
                let plans = shares.start(now, (index, piece.of.to), piece.bytes);
                self.follow(plans);
            } else {
                let at = now + Duration::from_nanos(busy_nanos(piece.bytes, bytes_per_s));
                self.queue.push(at, Happening::LineFree { node: index, life });
            }
        }
    }

    /// A frame's first byte goes onto the line: a long one is noticed at the other end before all of it is there, as if
    /// its first packet were never lost.
    fn announce(&mut self, piece: &Piece) {
        let frame = self.frames.get(piece.of.frame);
        let long =
            frame.bytes >= MessageHead::FRAME_BYTES_MIN as u64 && MessageHead::of(&frame.rpc).is_some();
        let (from, to, generation, number) = (frame.from, frame.to, frame.generation, frame.number as u32);
        if !long || piece.of.left < frame.bytes || self.is_cut(from, to) {
            return;
        }
        let now = self.now;
        if let Some(link) = self.host_mut(from).link_mut(to, generation) {
            let at = link.last_in_order.max(now + Duration::from_nanos(link.latency_nanos));
            self.queue.push(at, Happening::Begins { frame: piece.of.frame, number });
        }
    }

    pub(crate) fn on_begins(&mut self, key: FrameKey, number: u32) {
        let Some(&Frame { from, to, generation, .. }) = self.frames.find(key, number) else { return };
        let (now, shared) = (self.now, self.world.downlinks == Sharing::FairShare);
        let host = &mut self.hosts[to as usize];
        let Some(link) = host.link_mut(from, generation) else { return };
        let begin = link.held_until.max(if shared { now } else { host.downlink.free_at });
        if begin > now {
            // Behind what the receiver's line is busy with.
            return self.queue.push(begin, Happening::Begins { frame: key, number });
        }
        self.tell(to, Input::Begins { frame: key, number }, Duration::ZERO);
    }

    /// Schedules the ends of transfers as planned.
    pub(crate) fn follow(&mut self, plans: Vec<Plan>) {
        for Plan { transfer, version, at } in plans {
            self.queue.push(at, Happening::TransferEnd { transfer, version });
        }
    }

    pub(crate) fn on_transfer_end(&mut self, transfer: u32, version: u32) {
        let end = self.shares.as_mut().and_then(|shares| shares.finish(self.now, transfer, version));
        if let Some(((from, to), plans)) = end {
            self.follow(plans);
            self.on_sent(from, to);
        }
    }

    pub(crate) fn on_line_free(&mut self, index: u32, life: u32) {
        let host = self.host_mut(index);
        if let Some(to) = host.uplink.on_line().filter(|_| host.life == life) {
            self.on_sent(index, to);
        }
    }

    /// A piece has left the line: the next goes onto it, this one goes on its way.
    fn on_sent(&mut self, index: u32, to: u32) {
        let now = self.now;
        let Some(piece) = self.host_mut(index).uplink.finish(to) else { return };
        let last = piece.bytes == piece.of.left;
        let frame = self.frames.get_mut(piece.of.frame);
        frame.span_nanos = now.as_nanos() - piece.of.started.unwrap_or(now).as_nanos();
        let generation = frame.generation;
        let body = if last { frame.rpc.body_bytes() as u64 } else { 0 };
        self.host_mut(index).stats.count_sent(piece.of.class, piece.bytes, last, body);
        let link = self.host_mut(index).link_mut(to, generation);
        let up = link.map(|link| link.queued_bytes -= piece.bytes).is_some();
        // Before the next begins, so that a link's frames begin and end in order.
        if up {
            self.transmit(index, piece, last, Duration::ZERO);
        } else if last {
            self.frames.take(piece.of.frame);
        }
        self.start_line(index);
        if up {
            self.tell(index, Input::Room { peer: to, generation }, Duration::ZERO);
        }
    }

    /// Puts a piece on its way, behind those that it has to wait for. The frame arrives with its last piece.
    /// `late`: it is sent again after so long.
    pub(crate) fn transmit(&mut self, from: u32, piece: Piece, last: bool, late: Duration) {
        let Piece { of: Waiting { frame: key, to, class, .. }, bytes } = piece;
        if self.is_cut(from, to) {
            self.stalled.entry((from, to)).or_default().push((piece, last));
            return;
        }
        let (generation, number) = (self.frames.get(key).generation, self.frames.get(key).number);
        let (losses, delay) = self.losses(from, to);
        let now = self.now;
        let host = &mut self.hosts[from as usize];
        host.stats.retransmissions += u64::from(losses);
        let Some(link) = host.link_mut(to, generation) else {
            if last {
                self.frames.take(key);
            }
            return;
        };
        let latency = Duration::from_nanos(link.latency_nanos);
        let jitter = self.world.jitter.map_or(Duration::ZERO, |jitter| jitter.draw(&mut self.jitter));
        let at = link.arrival(class, self.world.streams, now + latency + jitter + delay + late);
        if let Some(window) = &mut link.window {
            window.on_sent(bytes, losses > 0);
            self.queue.push(at + latency, Happening::Acknowledged { from, to, generation });
        }
        if last && self.world.drop_frame == Some(number) {
            self.frames.take(key);
        } else if last {
            self.queue.push(at, Happening::Arrive(key));
        }
    }

    /// How often a piece is lost on its way, and the delay that this makes.
    fn losses(&mut self, from: u32, to: u32) -> (u32, Duration) {
        let extra = self.hosts[from as usize].loss_ppm.saturating_add(self.hosts[to as usize].loss_ppm);
        let ppm = self.world.loss.ppm.saturating_add(extra).min(LOSS_PPM_MAX);
        let (mut losses, mut delay) = (0, Duration::ZERO);
        while ppm > 0 && losses < LOSSES_MAX && self.loss.below(1_000_000) < u64::from(ppm) {
            delay += self.world.loss.timeout * (1 << losses);
            losses += 1;
        }
        (losses, delay)
    }

    pub(crate) fn on_acknowledged(&mut self, from: u32, to: u32, generation: u32) {
        let Some(rules) = self.world.congestion else { return };
        if let Some(window) =
            self.host_mut(from).link_mut(to, generation).and_then(|link| link.window.as_mut())
        {
            window.on_acknowledged(&rules);
            self.start_line(from);
        }
    }

    /// A frame reaches the receiver's line, its last byte ready to be received.
    pub(crate) fn on_arrive(&mut self, key: FrameKey) {
        let (now, shared) = (self.now, self.world.downlinks == Sharing::FairShare);
        let frame = self.frames.get_mut(key);
        let in_order = frame.class != SendClass::Shards || self.world.streams == Streams::One;
        let (from, bytes, span) = (frame.from, frame.bytes, Duration::from_nanos(frame.span_nanos));
        let host = &mut self.hosts[frame.to as usize];
        let Some(link) = host.link_mut(from, frame.generation) else {
            self.frames.take(key);
            return;
        };
        if in_order && now < link.held_until {
            return self.queue.push(link.held_until, Happening::Arrive(key));
        }
        let Some(rate) = host.downlink.bytes_per_s.filter(|_| !shared) else { return self.on_received(key) };
        let waiting = host.downlink.queued_bytes;
        let full = self.world.receive_queue_bytes.is_some_and(|max| waiting > 0 && waiting + bytes > max);
        if full && frame.refused < LOSSES_MAX {
            let until = now + self.world.loss.timeout * (1 << frame.refused);
            frame.refused += 1;
            host.stats.refused_frames += 1;
            if in_order && let Some(link) = host.link_mut(from, frame.generation) {
                link.held_until = until;
            }
            return self.queue.push(until, Happening::Arrive(key));
        }
        // It comes in while it is still being sent, so that two lines of one rate take no longer than one.
        let busy = Duration::from_nanos(busy_nanos(bytes, Some(rate)));
        let begin = now.before(span).max(host.downlink.free_at);
        host.downlink.free_at = now.max(begin + busy);
        host.downlink.queued_bytes += bytes;
        host.stats.downlink_bytes_max = host.stats.downlink_bytes_max.max(host.downlink.queued_bytes);
        self.queue.push(host.downlink.free_at, Happening::Received(key));
    }

    /// A frame has left the receiver's line.
    pub(crate) fn on_off_downlink(&mut self, key: FrameKey) {
        let Frame { to, bytes, .. } = *self.frames.get(key);
        self.host_mut(to).downlink.queued_bytes -= bytes;
        self.on_received(key);
    }

    fn on_received(&mut self, key: FrameKey) {
        let frame = self.frames.get(key);
        let (to, class, bytes) = (frame.to, frame.class, frame.bytes);
        let body_bytes = frame.rpc.body_bytes() as u64;
        self.host_mut(to).stats.count_received(class, bytes, body_bytes);
        self.tell(to, Input::Frame(key), self.world.processing.of_arrival(bytes));
    }

    /// Tells a node how much more of a link's frames the uplink's queue may take.
    pub(crate) fn offer_room(&mut self, index: u32, peer: u32, generation: u32) {
        let (window, scale) = (self.world.window_bytes, u64::from(self.world.body_scale));
        let Some(link) = self.host_mut(index).link_mut(peer, generation) else { return };
        let room = window.saturating_sub(link.queued_bytes).div_ceil(scale);
        if room > 0 {
            let link = link_id(peer, generation, self.hosts.len());
            self.input(index, Event::LinkReady { link, bytes: room as usize }, 0);
        }
    }
}

/// A frame with the length before it, as a varint (libp2p's framing).
fn frame_bytes(encoded: u64) -> u64 {
    let bits = u64::from(64 - encoded.leading_zeros()).max(1);
    encoded + bits.div_ceil(7)
}

/// Losses of one frame in a row before the link is kind to it: 200 ms have doubled to 51 s.
const LOSSES_MAX: u32 = 8;

/// Losses of all causes together are cut to this, parts per million.
const LOSS_PPM_MAX: u32 = 999_999;
