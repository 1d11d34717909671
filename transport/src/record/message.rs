//! The message of `/ipfs/id/1.0.0`, with its length before it.
//!
//! Source: libp2p specification, "Identify": protobuf, closed by its sender.

use std::io;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use prost::Message;

/// What one peer tells another about itself.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Identify {
    /// In libp2p's protobuf.
    #[prost(bytes = "vec", optional, tag = "1")]
    pub(super) public_key: Option<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub(super) listen_addrs: Vec<Vec<u8>>,
    #[prost(string, repeated, tag = "3")]
    pub(super) protocols: Vec<String>,
    /// Where the sender sees the receiver.
    #[prost(bytes = "vec", optional, tag = "4")]
    pub(super) observed_addr: Option<Vec<u8>>,
    #[prost(string, optional, tag = "5")]
    pub(super) protocol_version: Option<String>,
    #[prost(string, optional, tag = "6")]
    pub(super) agent_version: Option<String>,
    #[prost(bytes = "vec", optional, tag = "8")]
    pub(super) signed_peer_record: Option<Vec<u8>>,
}

impl Identify {
    pub(super) async fn send(&self, mut stream: impl AsyncWrite + Unpin) -> io::Result<()> {
        stream.write_all(&self.encode_length_delimited_to_vec()).await?;
        stream.close().await
    }

    pub(super) async fn receive(mut stream: impl AsyncRead + Unpin) -> io::Result<Self> {
        let mut bytes = vec![0; length(&mut stream).await?];
        stream.read_exact(&mut bytes).await?;
        Ok(Self::decode(bytes.as_slice())?)
    }
}

/// An unsigned varint of two bytes at most, since longer messages are refused.
async fn length(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
    let mut bytes = [0; 2];
    stream.read_exact(&mut bytes[..1]).await?;
    let mut length = usize::from(bytes[0] & 0x7f);
    if bytes[0] >= 0x80 {
        stream.read_exact(&mut bytes[1..]).await?;
        length |= usize::from(bytes[1]) << 7;
    }
    if length <= BYTES_MAX {
        return Ok(length);
    }
    let reason = format!("identify message of {length} bytes or more, limit is {BYTES_MAX}");
    Err(io::Error::new(io::ErrorKind::InvalidData, reason))
}

/// As go-libp2p has it; rust-libp2p takes half of that.
const BYTES_MAX: usize = 8192;

#[cfg(test)]
mod tests {
    use futures::io::Cursor;

    use super::*;

    #[tokio::test]
    async fn what_is_sent_is_received_and_too_much_is_refused() {
        for bytes in [0, 100, 8000, 9000, 20_000] {
            let message = Identify { public_key: Some(vec![7; bytes]), ..Identify::default() };
            let mut sent = Cursor::new(Vec::new());
            message.send(&mut sent).await.unwrap();
            sent.set_position(0);
            let received = Identify::receive(sent).await;
            match bytes <= 8000 {
                true => assert_eq!(received.unwrap(), message),
                false => assert_eq!(received.unwrap_err().kind(), io::ErrorKind::InvalidData, "{bytes}"),
            }
        }
    }
}
