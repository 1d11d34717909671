//! The daemon's control protocol, as far as it is needed: the numbers are those of go-libp2p-daemon's `pb/p2pd.proto`.

use std::path::Path;

use libp2p::{Multiaddr, PeerId};
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::UnixStream;

use crate::Failure;

#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(int32, required, tag = "1")]
    kind: i32,
    #[prost(message, optional, tag = "2")]
    connect: Option<Connect>,
    #[prost(message, optional, tag = "8")]
    pubsub: Option<PubSub>,
}

#[derive(Clone, PartialEq, Message)]
struct Connect {
    #[prost(bytes = "vec", required, tag = "1")]
    peer: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    addresses: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct PubSub {
    #[prost(int32, required, tag = "1")]
    kind: i32,
    #[prost(string, optional, tag = "2")]
    topic: Option<String>,
    #[prost(bytes = "vec", optional, tag = "3")]
    data: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct Response {
    #[prost(int32, required, tag = "1")]
    kind: i32,
    #[prost(message, optional, tag = "2")]
    error: Option<Refusal>,
    #[prost(message, optional, tag = "4")]
    identity: Option<Peer>,
    #[prost(message, repeated, tag = "6")]
    peers: Vec<Peer>,
    #[prost(message, optional, tag = "7")]
    pubsub: Option<Subscribers>,
}

#[derive(Clone, PartialEq, Message)]
struct Refusal {
    #[prost(string, required, tag = "1")]
    text: String,
}

/// The daemon itself (`IdentifyResponse`) or another peer (`PeerInfo`).
#[derive(Clone, PartialEq, Message)]
struct Peer {
    #[prost(bytes = "vec", required, tag = "1")]
    id: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    addresses: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct Subscribers {
    #[prost(bytes = "vec", repeated, tag = "2")]
    peers: Vec<Vec<u8>>,
}

/// A message that was delivered (`PSMessage`).
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Delivered {
    #[prost(bytes = "vec", optional, tag = "1")]
    pub(crate) from: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub(crate) data: Option<Vec<u8>>,
}

/// A connection with the daemon: one request after the other, or the messages of one subscription.
pub(crate) struct Control(BufStream<UnixStream>);

impl Control {
    pub(crate) async fn open(socket: &Path) -> Result<Self, Failure> {
        Ok(Self(BufStream::new(UnixStream::connect(socket).await?)))
    }

    /// The daemon's id, and where it listens.
    pub(crate) async fn identify(&mut self) -> Result<(PeerId, Vec<Multiaddr>), Failure> {
        let identity = self.ask(IDENTIFY, None, None).await?.identity.ok_or("no identity")?;
        let addresses = identity.addresses.into_iter().map(Multiaddr::try_from).collect::<Result<_, _>>()?;
        Ok((PeerId::from_bytes(&identity.id)?, addresses))
    }

    /// Who is connected.
    pub(crate) async fn peers(&mut self) -> Result<Vec<PeerId>, Failure> {
        let peers = self.ask(LIST_PEERS, None, None).await?.peers;
        Ok(peers.iter().map(|peer| PeerId::from_bytes(&peer.id)).collect::<Result<_, _>>()?)
    }

    pub(crate) async fn connect(&mut self, peer: PeerId, address: &Multiaddr) -> Result<(), Failure> {
        let connect = Connect { peer: peer.to_bytes(), addresses: vec![address.to_vec()] };
        self.ask(CONNECT, Some(connect), None).await.map(|_| ())
    }

    /// Which of the connected peers have joined a topic.
    pub(crate) async fn subscribers(&mut self, topic: &str) -> Result<Vec<PeerId>, Failure> {
        let list = PubSub { kind: PUBSUB_LIST_PEERS, topic: Some(topic.to_owned()), data: None };
        let peers = self.ask(PUBSUB, None, Some(list)).await?.pubsub.unwrap_or_default().peers;
        Ok(peers.iter().map(|peer| PeerId::from_bytes(peer)).collect::<Result<_, _>>()?)
    }

    pub(crate) async fn publish(&mut self, topic: &str, data: Vec<u8>) -> Result<(), Failure> {
        let publish = PubSub { kind: PUBSUB_PUBLISH, topic: Some(topic.to_owned()), data: Some(data) };
        self.ask(PUBSUB, None, Some(publish)).await.map(|_| ())
    }

    /// Joins a topic; from then on this connection only gives its messages. The daemon leaves it when that is closed.
    pub(crate) async fn subscribe(&mut self, topic: &str) -> Result<(), Failure> {
        let subscribe = PubSub { kind: PUBSUB_SUBSCRIBE, topic: Some(topic.to_owned()), data: None };
        self.ask(PUBSUB, None, Some(subscribe)).await.map(|_| ())
    }

    pub(crate) async fn delivered(&mut self) -> Result<Delivered, Failure> {
        self.read().await
    }

    async fn ask(
        &mut self,
        kind: i32,
        connect: Option<Connect>,
        pubsub: Option<PubSub>,
    ) -> Result<Response, Failure> {
        let request = Request { kind, connect, pubsub };
        self.0.write_all(&request.encode_length_delimited_to_vec()).await?;
        self.0.flush().await?;
        let response: Response = self.read().await?;
        match response.error {
            Some(refusal) => Err(refusal.text.into()),
            None => Ok(response),
        }
    }

    async fn read<M: Message + Default>(&mut self) -> Result<M, Failure> {
        let mut length = 0_usize;
        for shift in (0..).step_by(7) {
            let byte = self.0.read_u8().await?;
            if shift > 28 {
                return Err("the daemon's length has more than five bytes".into());
            }
            length |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes).await?;
        Ok(M::decode(bytes.as_slice())?)
    }
}

const IDENTIFY: i32 = 0;
const CONNECT: i32 = 1;
const LIST_PEERS: i32 = 5;
const PUBSUB: i32 = 8;

const PUBSUB_LIST_PEERS: i32 = 1;
const PUBSUB_PUBLISH: i32 = 2;
const PUBSUB_SUBSCRIBE: i32 = 3;
