//! A node's uplink: one line shared by all its links, control ahead of data.

use std::collections::VecDeque;

use braidcast_protocol::SendClass;
use braidcast_protocol::rpc::Rpc;

/// A frame on its way from one node to a neighbour.
#[derive(Debug)]
pub(crate) struct Frame {
    /// The receiving node.
    pub(crate) to: u32,
    /// Which connection of the two nodes; a later one does not carry it.
    pub(crate) generation: u32,
    pub(crate) class: SendClass,
    /// What the line is charged, bytes.
    pub(crate) bytes: u64,
    /// Names it in traces and faults: frames of the whole network, in the order in which nodes sent them.
    pub(crate) number: u64,
    pub(crate) rpc: Box<Rpc>,
}

/// Frames that wait for a node's line. The first of them is on it.
#[derive(Debug, Default)]
pub(crate) struct Uplink {
    sending: Option<Frame>,
    control: VecDeque<Frame>,
    data: VecDeque<Frame>,
    queued_bytes: u64,
}

impl Uplink {
    /// Queues a frame; one on the line is not interrupted.
    pub(crate) fn push(&mut self, frame: Frame) {
        self.queued_bytes += frame.bytes;
        match frame.class {
            SendClass::Control => self.control.push_back(frame),
            SendClass::Data => self.data.push_back(frame),
        }
    }

    /// Puts the next frame on the line if it is free; its length in bytes.
    pub(crate) fn start_next(&mut self) -> Option<u64> {
        if self.sending.is_some() {
            return None;
        }
        self.sending = self.control.pop_front().or_else(|| self.data.pop_front());
        self.sending.as_ref().map(|frame| frame.bytes)
    }

    /// Takes the frame off the line.
    pub(crate) fn finish(&mut self) -> Option<Frame> {
        let frame = self.sending.take()?;
        self.queued_bytes -= frame.bytes;
        Some(frame)
    }

    /// Everything that waits, the frame on the line included, bytes.
    pub(crate) const fn queued_bytes(&self) -> u64 {
        self.queued_bytes
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

    fn frame(number: u64, class: SendClass) -> Frame {
        Frame { to: 0, generation: 0, class, bytes: 10, number, rpc: Box::default() }
    }

    #[test]
    fn control_overtakes_waiting_data_but_not_the_frame_on_the_line() {
        let mut uplink = Uplink::default();
        uplink.push(frame(0, SendClass::Data));
        assert_eq!(uplink.start_next(), Some(10));
        for (number, class) in [(1, SendClass::Data), (2, SendClass::Control), (3, SendClass::Control)] {
            uplink.push(frame(number, class));
            assert_eq!(uplink.start_next(), None);
        }
        assert_eq!(uplink.queued_bytes(), 40);
        let order: Vec<u64> = std::iter::from_fn(|| {
            let done = uplink.finish();
            uplink.start_next();
            done.map(|frame| frame.number)
        })
        .collect();
        assert_eq!(order, [0, 2, 3, 1]);
        assert_eq!(uplink.queued_bytes(), 0);
    }

    #[test]
    fn a_line_is_busy_for_the_time_its_rate_gives() {
        assert_eq!(busy_nanos(6_250_000, Some(6_250_000)), 1_000_000_000);
        assert_eq!(busy_nanos(1, Some(3)), 333_333_334);
        assert_eq!(busy_nanos(1 << 30, None), 0);
    }
}
