//! Frames under way, each in one place from the sender to the receiver; queues hold its key.

use braidcast_protocol::SendClass;
use braidcast_protocol::rpc::Rpc;

/// A frame on its way from one node to a neighbour.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) from: u32,
    /// The receiving node.
    pub(crate) to: u32,
    /// Which connection of the two nodes; a later one does not carry it.
    pub(crate) generation: u32,
    pub(crate) class: SendClass,
    /// What the line is charged, bytes.
    pub(crate) bytes: u64,
    /// Names it in traces and faults: frames of the whole network, in the order in which nodes sent them.
    pub(crate) number: u64,
    /// From its first byte on the sender's line to its last, nanoseconds.
    pub(crate) span_nanos: u64,
    /// How often it was sent again because the receiver's queue was full.
    pub(crate) refused: u32,
    pub(crate) rpc: Rpc,
}

impl Frame {
    pub(crate) const fn new(
        from: u32,
        to: u32,
        generation: u32,
        class: SendClass,
        bytes: u64,
        number: u64,
        rpc: Rpc,
    ) -> Self {
        Self { from, to, generation, class, bytes, number, span_nanos: 0, refused: 0, rpc }
    }
}

/// Names a frame under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FrameKey(u32);

/// All frames under way.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    slots: Vec<Option<Frame>>,
    free: Vec<u32>,
}

impl Frames {
    pub(crate) fn insert(&mut self, frame: Frame) -> FrameKey {
        if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = Some(frame);
            return FrameKey(slot);
        }
        let slot = u32::try_from(self.slots.len()).expect("fewer than 2^32 frames are under way");
        self.slots.push(Some(frame));
        FrameKey(slot)
    }

    /// Takes a frame off the network: it arrived, or its line is gone.
    pub(crate) fn take(&mut self, key: FrameKey) -> Frame {
        self.free.push(key.0);
        self.slots[key.0 as usize].take().expect("a key names a frame until it is taken")
    }

    /// The frame with this number (its low half), if it is still under way.
    pub(crate) fn find(&self, key: FrameKey, number: u32) -> Option<&Frame> {
        self.slots[key.0 as usize].as_ref().filter(|frame| frame.number as u32 == number)
    }

    pub(crate) fn get_mut(&mut self, key: FrameKey) -> &mut Frame {
        self.slots[key.0 as usize].as_mut().expect("a key names a frame until it is taken")
    }

    pub(crate) fn get(&self, key: FrameKey) -> &Frame {
        self.slots[key.0 as usize].as_ref().expect("a key names a frame until it is taken")
    }
}
