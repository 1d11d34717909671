//! What a run counted at each node.

use braidcast_protocol::{Score, SendClass, Tally, Time, Trace};

/// Traffic of one node since the network was built, restarts included.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct NodeStats {
    /// Control frames that left the uplink.
    pub control_frames: u64,
    /// Their length as charged, bytes.
    pub control_bytes: u64,
    /// Data frames that left the uplink.
    pub data_frames: u64,
    /// Their length as charged (bodies at their virtual size), bytes.
    pub data_bytes: u64,
    /// Payload and shard bytes that left the uplink, at their real size.
    pub body_bytes_sent: u64,
    /// Control frames that arrived.
    pub control_frames_received: u64,
    /// Their length as charged, bytes.
    pub control_bytes_received: u64,
    /// Data frames that arrived.
    pub data_frames_received: u64,
    /// Their length as charged, bytes.
    pub data_bytes_received: u64,
    /// Payload and shard bytes that arrived, at their real size.
    pub body_bytes_received: u64,
    /// The longest queue at the uplink, the frame on the line included, bytes as charged.
    pub queue_bytes_max: u64,
    /// The longest queue at the downlink, bytes as charged.
    pub downlink_bytes_max: u64,
    /// Frames that had to be sent again, counted once per retransmission.
    pub retransmissions: u64,
    /// Shards that raised a rank.
    pub new_shards: u64,
    /// Shards that told nothing new: held, dependent, or of a complete message.
    pub useless_shards: u64,
    /// Shards that were not what their name said.
    pub invalid_shards: u64,
    /// Whole messages that were known.
    pub duplicate_messages: u64,
    /// Whole messages that it did not send to one neighbour: no room in the outbox, or they waited too long there.
    pub dropped_messages: u64,
    /// Payload and shard bytes of all these useless, invalid and duplicate ones, at their real size.
    pub duplicate_body_bytes: u64,
    /// The most payload bytes that the core held at a wake-up.
    pub held_bytes_max: u64,
    /// Frames for this node that found the queue of its downlink full and were sent again.
    pub refused_frames: u64,
    /// The lowest score that an honest node had of it after a wake-up; zero when none was below.
    pub score_min: Score,
}

impl NodeStats {
    /// Counts what left the uplink: `last` for a frame's last piece, which counts its `body_bytes`.
    pub(crate) const fn count_sent(&mut self, class: SendClass, bytes: u64, last: bool, body_bytes: u64) {
        self.body_bytes_sent += body_bytes;
        let (frames, sum) = match class {
            SendClass::Control => (&mut self.control_frames, &mut self.control_bytes),
            SendClass::Data | SendClass::Shards => (&mut self.data_frames, &mut self.data_bytes),
        };
        *frames += last as u64;
        *sum += bytes;
    }

    /// Counts what became of the bodies of a frame.
    pub(crate) fn count_bodies(&mut self, tally: Tally, body_bytes: u64) {
        let [new, useless, invalid, duplicate] =
            [tally.new_shards, tally.useless_shards, tally.invalid_shards, tally.duplicate_messages]
                .map(u64::from);
        self.new_shards += new;
        self.useless_shards += useless;
        self.invalid_shards += invalid;
        self.duplicate_messages += duplicate;
        // The bodies of one frame have one length, or there is only one.
        let (wasted, all) = (useless + invalid + duplicate, new + useless + invalid + duplicate);
        self.duplicate_body_bytes += (body_bytes * wasted).checked_div(all).unwrap_or(0);
    }

    pub(crate) const fn count_received(&mut self, class: SendClass, bytes: u64, body_bytes: u64) {
        self.body_bytes_received += body_bytes;
        let (frames, sum) = match class {
            SendClass::Control => (&mut self.control_frames_received, &mut self.control_bytes_received),
            SendClass::Data | SendClass::Shards => {
                (&mut self.data_frames_received, &mut self.data_bytes_received)
            }
        };
        *frames += 1;
        *sum += bytes;
    }
}

/// Something that a node told about itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeTrace {
    /// When.
    pub at: Time,
    /// Which node.
    pub node: usize,
    /// What.
    pub what: Trace,
}
