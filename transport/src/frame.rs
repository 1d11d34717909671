//! Framing: an unsigned varint length, then that many bytes.
//!
//! Spec: multiformats unsigned-varint (minimal encoding, at most 9 bytes).

use bytes::Bytes;

use crate::FrameFault;
use crate::frame_pool::FramePool;

/// The length prefix of one frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prefix {
    bytes: [u8; VARINT_BYTES_MAX],
    len: u8,
}

impl Prefix {
    pub(crate) fn new(mut length: u64) -> Self {
        let mut bytes = [0; VARINT_BYTES_MAX];
        let mut len = 0;
        for byte in &mut bytes {
            *byte = (length & 0x7f) as u8;
            length >>= 7;
            len += 1;
            if length == 0 {
                break;
            }
            *byte |= 0x80;
        }
        Self { bytes, len }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// Cuts a byte stream into frames.
///
/// Use: [`Self::next`] until it gives `None`, read into [`Self::space`], tell
/// [`Self::advance`] how much came, and again.
///
/// Every frame gets memory of its own: a slice of the read buffer would keep the whole buffer
/// alive for as long as the consumer keeps the frame. Long frames are read straight into it.
pub(crate) struct Deframer {
    buffer: Box<[u8]>,
    /// Unread bytes are `buffer[start..end]`.
    start: usize,
    end: usize,
    partial: Option<Partial>,
    frame_bytes_max: usize,
    pool: FramePool,
}

/// A frame of which the prefix and `filled` bytes have arrived.
struct Partial {
    bytes: Vec<u8>,
    filled: usize,
    /// Whether its beginning may still be reported.
    fresh: bool,
}

impl Deframer {
    pub(crate) fn new(frame_bytes_max: usize, pool: FramePool) -> Self {
        Self {
            buffer: vec![0; READ_BUFFER_BYTES].into_boxed_slice(),
            start: 0,
            end: 0,
            partial: None,
            frame_bytes_max,
            pool,
        }
    }

    pub(crate) const fn frame_bytes_max(&self) -> usize {
        self.frame_bytes_max
    }

    /// The next frame that is complete; `None` when more bytes are needed.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, FrameFault> {
        let mut partial = match self.partial.take() {
            Some(partial) => partial,
            None => match self.take_prefix()? {
                Some(length) => {
                    let fresh = length >= FRAME_START_BYTES_MIN;
                    Partial { bytes: self.pool.take(length), filled: 0, fresh }
                }
                None => return Ok(None),
            },
        };
        let missing = &mut partial.bytes[partial.filled..];
        let copied = missing.len().min(self.end - self.start);
        missing[..copied].copy_from_slice(&self.buffer[self.start..self.start + copied]);
        self.start += copied;
        partial.filled += copied;
        if partial.filled == partial.bytes.len() {
            return Ok(Some(self.pool.freeze(partial.bytes)));
        }
        self.partial = Some(partial);
        Ok(None)
    }

    /// The beginning of the frame that is coming in, once, if that is a long one and enough of it is there.
    pub(crate) fn start(&mut self) -> Option<Bytes> {
        let partial = self.partial.as_mut().filter(|p| p.fresh && p.filled >= FRAME_START_BYTES)?;
        partial.fresh = false;
        Some(Bytes::copy_from_slice(&partial.bytes[..FRAME_START_BYTES]))
    }

    /// Where the next bytes of the stream belong; never empty after [`Self::next`] gave `None`.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        if self.reads_directly() {
            let partial = self.partial.as_mut().expect("checked by reads_directly");
            return &mut partial.bytes[partial.filled..];
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        &mut self.buffer[self.end..]
    }

    /// Takes note that `count` bytes were put at the start of [`Self::space`].
    pub(crate) fn advance(&mut self, count: usize) {
        if self.reads_directly() {
            self.partial.as_mut().expect("checked by reads_directly").filled += count;
        } else {
            self.end += count;
        }
    }

    /// Whether the rest of the current frame is long enough to skip the read buffer.
    fn reads_directly(&self) -> bool {
        self.partial.as_ref().is_some_and(|p| p.bytes.len() - p.filled >= READ_BUFFER_BYTES / 2)
    }

    /// Takes the length prefix off the buffer, if all of it is there.
    fn take_prefix(&mut self) -> Result<Option<usize>, FrameFault> {
        let Some((length, taken)) = read_varint(&self.buffer[self.start..self.end])? else { return Ok(None) };
        self.start += taken;
        match usize::try_from(length) {
            Ok(length) if length <= self.frame_bytes_max => Ok(Some(length)),
            _ => Err(FrameFault::TooLong { bytes: length, bytes_max: self.frame_bytes_max }),
        }
    }
}

/// The unsigned varint that `bytes` begin with, and its length; none if it goes on behind them.
pub(crate) fn read_varint(bytes: &[u8]) -> Result<Option<(u64, usize)>, FrameFault> {
    let mut value = 0_u64;
    for (at, &byte) in bytes.iter().enumerate() {
        if at == VARINT_BYTES_MAX || (byte == 0 && at > 0) {
            return Err(FrameFault::BadLength);
        }
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok(Some((value, at + 1)));
        }
    }
    Ok(None)
}

/// Longest length prefix: 63 bits.
pub(crate) const VARINT_BYTES_MAX: usize = 9;

/// Frames from this length on are reported when they begin.
pub const FRAME_START_BYTES_MIN: usize = 32 << 10;

/// So many bytes of them.
pub const FRAME_START_BYTES: usize = 1024;

/// Size of the read buffer of a link.
const READ_BUFFER_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `wire` in pieces of `step` bytes.
    fn deframe(wire: &[u8], step: usize, frame_bytes_max: usize) -> Result<Vec<Bytes>, FrameFault> {
        let mut deframer = Deframer::new(frame_bytes_max, FramePool::default());
        let mut frames = Vec::new();
        let mut rest = wire;
        loop {
            while let Some(frame) = deframer.next()? {
                frames.push(frame);
            }
            if rest.is_empty() {
                return Ok(frames);
            }
            let space = deframer.space();
            let count = step.min(rest.len()).min(space.len());
            space[..count].copy_from_slice(&rest[..count]);
            deframer.advance(count);
            rest = &rest[count..];
        }
    }

    #[test]
    fn frames_survive_any_cut() {
        let sizes = [0, 1, 127, 128, 300, 0, 65_535, 65_536, 200_000, 1, 1 << 20];
        let frames: Vec<Vec<u8>> =
            sizes.iter().map(|&n| (0..n).map(|i| (i * 7 + n) as u8).collect()).collect();
        let mut wire = Vec::new();
        for frame in &frames {
            wire.extend_from_slice(Prefix::new(frame.len() as u64).as_slice());
            wire.extend_from_slice(frame);
        }
        for step in [3, 1000, 40_000, 65_536, 1 << 20] {
            assert_eq!(deframe(&wire, step, 1 << 20).unwrap(), frames, "step {step}");
        }
    }

    #[test]
    fn a_long_frame_is_reported_when_it_begins() {
        let frame: Vec<u8> = (0..FRAME_START_BYTES_MIN).map(|i| i as u8).collect();
        let mut deframer = Deframer::new(1 << 20, FramePool::default());
        let mut feed = |bytes: &[u8]| {
            deframer.space()[..bytes.len()].copy_from_slice(bytes);
            deframer.advance(bytes.len());
            let whole = deframer.next().unwrap();
            (deframer.start(), whole)
        };
        assert_eq!(feed(Prefix::new(FRAME_START_BYTES_MIN as u64 - 1).as_slice()), (None, None));
        assert_eq!(feed(&frame[..1000]), (None, None), "it is not that long");
        assert!(feed(&frame[1000..FRAME_START_BYTES_MIN - 1]).1.is_some());
        assert_eq!(feed(Prefix::new(FRAME_START_BYTES_MIN as u64).as_slice()), (None, None));
        assert_eq!(feed(&frame[..FRAME_START_BYTES - 1]), (None, None));
        let (start, whole) = feed(&frame[FRAME_START_BYTES - 1..2000]);
        assert_eq!((start.as_deref(), whole), (Some(&frame[..FRAME_START_BYTES]), None));
        assert_eq!(feed(&frame[2000..3000]), (None, None), "once");
        assert_eq!(feed(&frame[3000..]), (None, Some(Bytes::from(frame.clone()))));
    }

    #[test]
    fn an_over_long_frame_is_refused_before_it_is_stored() {
        let fault = deframe(Prefix::new(1001).as_slice(), 1, 1000).unwrap_err();
        assert_eq!(fault, FrameFault::TooLong { bytes: 1001, bytes_max: 1000 });
        assert!(deframe(Prefix::new(1000).as_slice(), 1, 1000).unwrap().is_empty());
    }

    #[test]
    fn a_bad_length_is_refused() {
        assert_eq!(deframe(&[0x80, 0x00], 1, 1000).unwrap_err(), FrameFault::BadLength);
        assert_eq!(deframe(&[0xff; 10], 10, 1000).unwrap_err(), FrameFault::BadLength);
    }

    #[test]
    fn prefixes_are_minimal() {
        assert_eq!(Prefix::new(0).as_slice(), [0]);
        assert_eq!(Prefix::new(127).as_slice(), [127]);
        assert_eq!(Prefix::new(128).as_slice(), [0x80, 1]);
        assert_eq!(Prefix::new(300).as_slice(), [0xac, 2]);
    }
}
