//! The beginning of a long message: what can be known of it before the rest has come.

use prost::encoding::{WireType, decode_key, decode_varint};

use super::{Limits, Rpc};
use crate::{MessageId, MessageIds, PeerId, Topic};

/// What a message that is still coming in says of itself. Nothing of it is verified.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct MessageHead {
    /// Who is said to have published it.
    pub publisher: PeerId,
    /// The publisher's sequence number.
    pub seqno: u64,
    /// Where.
    pub topic: Topic,
    /// Length of the payload, bytes.
    pub data_bytes: usize,
}

impl MessageHead {
    /// Frames from this length on are worth a look at their first bytes: shorter ones are here as soon.
    pub const FRAME_BYTES_MIN: usize = 32 << 10;

    /// Bytes at the start of a frame that hold the head, if it has one.
    pub const BYTES_MAX: usize = 1024;

    /// Reads the head of a frame that holds one message, from its first bytes.
    ///
    /// `None` unless publisher, number and topic stand ahead of the payload, as [`super::Rpc::encode`] writes them:
    /// protobuf leaves the order to the sender.
    pub fn decode(mut start: &[u8], limits: &Limits) -> Option<Self> {
        let frame = &mut start;
        let (tag, _message_bytes) = length_delimited(frame)?;
        if tag != 2 {
            return None;
        }
        let (mut publisher, mut seqno, mut topic) = (None, None, None);
        let data_bytes = loop {
            let (tag, length) = length_delimited(frame)?;
            if tag == 2 {
                break length;
            }
            let value = frame.split_off(..length)?;
            match tag {
                1 => publisher = PeerId::from_bytes(value),
                3 => seqno = value.try_into().ok().map(u64::from_be_bytes),
                4 if length <= limits.topic_bytes_max => {
                    topic = core::str::from_utf8(value).ok().map(Topic::new);
                }
                _ => {}
            }
        };
        Some(Self { publisher: publisher?, seqno: seqno?, topic: topic?, data_bytes })
    }

    /// The head of a frame's one message.
    pub fn of(rpc: &Rpc) -> Option<Self> {
        let [message] = rpc.publish.as_slice() else { return None };
        let (publisher, seqno) = (message.publisher?, message.seqno?);
        Some(Self { publisher, seqno, topic: message.topic.clone(), data_bytes: message.data.len() })
    }

    /// The message's id, where it does not depend on the payload.
    pub fn id(&self, scheme: MessageIds) -> Option<MessageId> {
        match scheme {
            MessageIds::Origin => Some(MessageId::of(&self.publisher, self.seqno)),
            MessageIds::Content => None,
        }
    }
}

/// A field's number and the length of its value; `None` for fields of other kinds.
fn length_delimited(bytes: &mut &[u8]) -> Option<(u32, usize)> {
    let (tag, wire) = decode_key(bytes).ok()?;
    let length = decode_varint(bytes).ok()?;
    (wire == WireType::LengthDelimited).then_some(())?;
    Some((tag, usize::try_from(length).ok()?))
}
