//! A node's uplink: the frames that wait for its line, control ahead of data.

use std::collections::VecDeque;

use braidcast_protocol::{SendClass, Time};

use crate::frames::FrameKey;

/// A frame that waits, or a part of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Waiting {
    pub(crate) frame: FrameKey,
    /// The neighbour it goes to.
    pub(crate) to: u32,
    pub(crate) class: SendClass,
    /// What has not left yet, bytes.
    pub(crate) left: u64,
    /// When its first byte went onto the line.
    pub(crate) started: Option<Time>,
}

/// What is on the line: a frame, or as much of it as its connection's congestion window allows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    pub(crate) of: Waiting,
    pub(crate) bytes: u64,
}

/// Frames that wait for a node's line, and those on it: one, or one of each link when the line is shared.
#[derive(Debug, Default)]
pub(crate) struct Uplink {
    sending: Vec<Piece>,
    control: VecDeque<Waiting>,
    data: VecDeque<Waiting>,
    queued_bytes: u64,
}

impl Uplink {
    /// Queues a frame; one on the line is not interrupted.
    pub(crate) fn push(&mut self, waiting: Waiting) {
        self.queued_bytes += waiting.left;
        self.queue(waiting.class).push_back(waiting);
    }

    /// Puts the first frame onto the line whose link has nothing there and `may` send: as many bytes as that says.
    pub(crate) fn start_next(&mut self, now: Time, mut may: impl FnMut(u32) -> Option<u64>) -> Option<Piece> {
        for queue in [&mut self.control, &mut self.data] {
            let idle = |to: u32| self.sending.iter().all(|piece| piece.of.to != to);
            let mut room = |waiting: &Waiting| if idle(waiting.to) { may(waiting.to) } else { None };
            let found = queue.iter().enumerate().find_map(|(at, waiting)| Some((at, room(waiting)?)));
            let Some((at, room)) = found else { continue };
            let mut of = queue.remove(at)?;
            of.started.get_or_insert(now);
            let piece = Piece { of, bytes: of.left.min(room) };
            self.sending.push(piece);
            return Some(piece);
        }
        None
    }

    /// Takes a link's piece off the line; what is left of its frame is the first to go on.
    pub(crate) fn finish(&mut self, to: u32) -> Option<Piece> {
        let at = self.sending.iter().position(|piece| piece.of.to == to)?;
        let piece = self.sending.remove(at);
        self.queued_bytes -= piece.bytes;
        let left = piece.of.left - piece.bytes;
        if left > 0 {
            self.queue(piece.of.class).push_front(Waiting { left, ..piece.of });
        }
        Some(piece)
    }

    /// The neighbour to which the only piece on the line goes.
    pub(crate) fn on_line(&self) -> Option<u32> {
        self.sending.first().map(|piece| piece.of.to)
    }

    /// Everything that waits, what is on the line included, bytes.
    pub(crate) const fn queued_bytes(&self) -> u64 {
        self.queued_bytes
    }

    /// All frames in it.
    pub(crate) fn frames(&self) -> impl Iterator<Item = FrameKey> + '_ {
        let sending = self.sending.iter().map(|piece| &piece.of);
        sending.chain(&self.control).chain(&self.data).map(|waiting| waiting.frame)
    }

    const fn queue(&mut self, class: SendClass) -> &mut VecDeque<Waiting> {
        match class {
            SendClass::Control => &mut self.control,
            SendClass::Data | SendClass::Shards => &mut self.data,
        }
    }
}

/// How long a line is busy with a frame, nanoseconds, rounded up; `None` is a line without limit.
pub(crate) fn busy_nanos(bytes: u64, bytes_per_s: Option<u64>) -> u64 {
    bytes_per_s.map_or(0, |rate| {
        let nanos = (u128::from(bytes) * 1_000_000_000).div_ceil(u128::from(rate.max(1)));
        u64::try_from(nanos).unwrap_or(u64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::{Frame, Frames};

    fn waiting(frames: &mut Frames, number: u64, to: u32, class: SendClass) -> Waiting {
        let rpc = Default::default();
        let frame = frames.insert(Frame::new(0, to, 0, class, 10, number, rpc));
        Waiting { frame, to, class, left: 10, started: None }
    }

    #[test]
    fn control_overtakes_waiting_data_but_not_the_frame_on_the_line() {
        let (mut frames, mut uplink) = (Frames::default(), Uplink::default());
        let now = Time::EPOCH;
        let classes = [SendClass::Data, SendClass::Data, SendClass::Control, SendClass::Control];
        for (number, class) in classes.into_iter().enumerate() {
            uplink.push(waiting(&mut frames, number as u64, 0, class));
            if number == 0 {
                assert_eq!(uplink.start_next(now, |_| Some(99)).unwrap().bytes, 10);
            }
        }
        assert_eq!(uplink.queued_bytes(), 40);
        let order: Vec<u64> = std::iter::from_fn(|| {
            let done = uplink.finish(0);
            uplink.start_next(now, |_| Some(99));
            done.map(|piece| frames.get(piece.of.frame).number)
        })
        .collect();
        assert_eq!(order, [0, 2, 3, 1]);
        assert_eq!(uplink.queued_bytes(), 0);
    }

    #[test]
    fn a_link_without_window_lets_others_pass_and_goes_on_where_it_stopped() {
        let (mut frames, mut uplink) = (Frames::default(), Uplink::default());
        for (number, to) in [(0, 7), (1, 7), (2, 8)] {
            uplink.push(waiting(&mut frames, number, to, SendClass::Data));
        }
        let mut next = |room: [u64; 2]| {
            let may = |to| Some(room[usize::from(to == 8)]).filter(|room| *room > 0);
            let piece = uplink.start_next(Time::EPOCH, may)?;
            uplink.finish(piece.of.to)?;
            Some((frames.get(piece.of.frame).number, piece.bytes))
        };
        assert_eq!(next([4, 4]), Some((0, 4)));
        assert_eq!(next([0, 99]), Some((2, 10)));
        assert_eq!(next([0, 99]), None);
        assert_eq!([next([99, 0]), next([99, 0]), next([99, 0])], [Some((0, 6)), Some((1, 10)), None]);
    }

    #[test]
    fn a_line_is_busy_for_the_time_its_rate_gives() {
        assert_eq!(busy_nanos(6_250_000, Some(6_250_000)), 1_000_000_000);
        assert_eq!(busy_nanos(1, Some(3)), 333_333_334);
        assert_eq!(busy_nanos(1 << 30, None), 0);
    }
}
