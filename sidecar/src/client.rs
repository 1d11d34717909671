//! The other end of `/proto.CommandStream`, typed: for the CLI, gateways and tests.
//!
//! ```no_run
//! use braidcast_sidecar::client::{Client, Response};
//!
//! async fn hear_one(address: &str) -> Result<(), Box<dyn std::error::Error>> {
//!     let client = Client::connect(address).await?;
//!     let (_commands, mut responses) = client.subscribe(&["weather"]).await?;
//!     client.publish("weather", "rain".into()).await?;
//!     while let Some(response) = responses.next().await? {
//!         if let Response::Message(message) = response {
//!             assert_eq!(message.payload, "rain");
//!             break;
//!         }
//!     }
//!     Ok(())
//! }
//! ```

use std::time::Duration;

use braidcast_runtime_tokio::ContentId;
use bytes::Bytes;
use futures::StreamExt;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use crate::answer::{Published, Refusal};
use crate::message::{Delivered, decode};
use crate::pb::proto::command_stream_client::CommandStreamClient;
use crate::pb::proto::{HealthResponse, Request, ResponseType, Void};
use crate::pb::{command, optimum, proto, pubsub};

/// A connection to a node's sidecar. Clones share the connection, which is made again when it is lost.
#[derive(Clone, Debug)]
pub struct Client {
    inner: CommandStreamClient<Channel>,
}

/// The sending half of a stream; dropping it half-closes the stream.
#[derive(Clone, Debug)]
pub struct Commands {
    sender: mpsc::Sender<Request>,
}

/// The receiving half of a stream; dropping it resets the stream.
#[derive(Debug)]
pub struct Responses {
    inbound: tonic::Streaming<proto::Response>,
}

/// What a node sends on a stream.
#[derive(Clone, PartialEq, Debug)]
pub enum Response {
    /// A message of a subscribed topic.
    Message(Delivered),
    /// A trace event of a coding node.
    Optimum(Box<optimum::TraceEvent>),
    /// A trace event of a plain node.
    Gossipsub(Box<pubsub::TraceEvent>),
    /// A publication was accepted and no trace event said so.
    Published(Published),
    /// A command was not done.
    Refused(Refusal),
    /// Something this client has no name for, as it came.
    Other(proto::Response),
}

/// Why a client did not get what it asked for.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The caller's fault: not `host:port`, `:port` or a URL.
    #[error("`{address}` is not an address like host:port")]
    Address {
        /// What was given.
        address: String,
    },
    /// Nobody answers there.
    #[error("cannot connect to {address}")]
    Connect {
        /// Where.
        address: String,
        /// Why not.
        source: tonic::transport::Error,
    },
    /// The call failed, or the stream was ended by the node.
    #[error("{}: {}", .0.code(), .0.message())]
    Status(Box<Status>),
    /// The node did not do a command.
    #[error("{}", .0.error)]
    Refused(Refusal),
    /// The node ended the stream where something was expected.
    #[error("the node ended the stream without an answer")]
    Ended,
    /// The node sent what cannot be read.
    #[error("unreadable {what} from the node: {reason}")]
    Malformed {
        /// What it should have been.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl From<Status> for ClientError {
    fn from(status: Status) -> Self {
        Self::Status(Box::new(status))
    }
}

impl Client {
    /// Connects to `host:port`, `:port` (this machine) or `http://host:port`, waiting at most 10 s.
    pub async fn connect(address: &str) -> Result<Self, ClientError> {
        let connecting = endpoint(address)?.connect().await;
        let channel =
            connecting.map_err(|source| ClientError::Connect { address: address.to_owned(), source })?;
        Ok(Self::over(channel))
    }

    /// Connects at the first call, which fails if nobody answers. Must be called on a tokio runtime.
    pub fn connect_lazy(address: &str) -> Result<Self, ClientError> {
        Ok(Self::over(endpoint(address)?.connect_lazy()))
    }

    fn over(channel: Channel) -> Self {
        let inner = CommandStreamClient::new(channel)
            .max_decoding_message_size(usize::MAX)
            .max_encoding_message_size(usize::MAX);
        Self { inner }
    }

    /// How the node and its machine are doing.
    pub async fn health(&self) -> Result<HealthResponse, ClientError> {
        Ok(self.inner.clone().health(Void {}).await?.into_inner())
    }

    /// The topics that the node has joined.
    pub async fn topics(&self) -> Result<Vec<String>, ClientError> {
        Ok(self.inner.clone().list_topics(Void {}).await?.into_inner().topics)
    }

    /// Publishes one message on a stream of its own and waits until the node has accepted it; gives its id,
    /// the hexadecimal SHA-256 of the payload.
    ///
    /// For many messages open one stream and use [`Commands::publish`].
    pub async fn publish(&self, topic: &str, payload: Bytes) -> Result<String, ClientError> {
        let id = ContentId::of(&payload).to_hex();
        let (commands, mut responses) = self.open(vec![publish_request(topic, payload)]).await?;
        drop(commands);
        loop {
            match responses.next().await? {
                Some(Response::Refused(refusal)) => return Err(ClientError::Refused(refusal)),
                Some(response) if response.published() == Some(id.as_bytes()) => return Ok(id),
                Some(_) => {}
                None => return Err(ClientError::Ended),
            }
        }
    }

    /// Opens a stream that gets the messages of these topics and the node's trace events.
    pub async fn subscribe(&self, topics: &[&str]) -> Result<(Commands, Responses), ClientError> {
        self.open(topics.iter().map(|topic| subscribe_request(topic)).collect()).await
    }

    /// Opens a stream and sends these commands.
    ///
    /// They go out before the node's answer is waited for: some servers answer a stream only when they have
    /// something to say.
    pub async fn open(&self, first: Vec<Request>) -> Result<(Commands, Responses), ClientError> {
        let (sender, receiver) = mpsc::channel(COMMANDS_MAX);
        let requests = futures::stream::iter(first).chain(ReceiverStream::new(receiver));
        let inbound = self.inner.clone().listen_commands(requests).await?.into_inner();
        Ok((Commands { sender }, Responses { inbound }))
    }
}

impl Commands {
    /// Publishes; returns when the message is on its way to the node. Refusals come as [`Response::Refused`].
    pub async fn publish(&self, topic: &str, payload: Bytes) -> Result<(), ClientError> {
        self.send(publish_request(topic, payload)).await
    }

    /// Asks for the messages of a topic.
    pub async fn subscribe(&self, topic: &str) -> Result<(), ClientError> {
        self.send(subscribe_request(topic)).await
    }

    /// Asks for no more messages of a topic on this stream.
    pub async fn unsubscribe(&self, topic: &str) -> Result<(), ClientError> {
        self.send(Request { command: command::UNSUBSCRIBE, topic: topic.to_owned(), ..Request::default() })
            .await
    }

    /// Sends any command, waiting while too many are on their way.
    pub async fn send(&self, request: Request) -> Result<(), ClientError> {
        self.sender.send(request).await.map_err(|_| ClientError::Ended)
    }
}

impl Responses {
    /// The next response; `None` when the node has ended the stream.
    pub async fn next(&mut self) -> Result<Option<Response>, ClientError> {
        self.next_raw().await?.map(Response::parse).transpose()
    }

    /// The next response as it came, for those who show what cannot be read; `None` as above.
    pub async fn next_raw(&mut self) -> Result<Option<proto::Response>, ClientError> {
        Ok(self.inbound.message().await?)
    }
}

impl Response {
    /// Reads what came, by its type.
    pub fn parse(response: proto::Response) -> Result<Self, ClientError> {
        let kind = ResponseType::try_from(response.command);
        let data = &response.data;
        Ok(match kind {
            Ok(ResponseType::Message) => Self::Message(
                decode(data).map_err(|reason| ClientError::Malformed { what: "message", reason })?,
            ),
            Ok(ResponseType::MessageTraceMumP2p) => {
                Self::Optimum(Box::new(optimum::TraceEvent::decode(data.clone()).map_err(bad_trace)?))
            }
            Ok(ResponseType::MessageTraceGossipSub) => {
                Self::Gossipsub(Box::new(pubsub::TraceEvent::decode(data.clone()).map_err(bad_trace)?))
            }
            Ok(ResponseType::Unknown) => {
                if let Ok(refusal) = serde_json::from_slice(data) {
                    Self::Refused(refusal)
                } else if let Ok(published) = serde_json::from_slice(data) {
                    Self::Published(published)
                } else {
                    Self::Other(response)
                }
            }
            Err(_) => Self::Other(response),
        })
    }

    /// The id (hexadecimal text) of the message whose publication this tells of.
    fn published(&self) -> Option<&[u8]> {
        match self {
            Self::Published(published) => Some(published.message_id.as_bytes()),
            Self::Optimum(event) => event.publish_message.as_ref()?.message_id.as_deref(),
            Self::Gossipsub(event) => event.publish_message.as_ref()?.message_id.as_deref(),
            Self::Message(_) | Self::Refused(_) | Self::Other(_) => None,
        }
    }
}

fn endpoint(address: &str) -> Result<Endpoint, ClientError> {
    let bad = || ClientError::Address { address: address.to_owned() };
    let url = if address.contains("://") {
        address.to_owned()
    } else if address.starts_with(':') {
        format!("http://127.0.0.1{address}")
    } else {
        format!("http://{address}")
    };
    let endpoint = Endpoint::from_shared(url).map_err(|_| bad())?;
    if endpoint.uri().port().is_none() {
        return Err(bad());
    }
    Ok(endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW))
}

fn publish_request(topic: &str, payload: Bytes) -> Request {
    Request { command: command::PUBLISH, data: payload, topic: topic.to_owned(), jwt_token: String::new() }
}

fn subscribe_request(topic: &str) -> Request {
    Request { command: command::SUBSCRIBE, topic: topic.to_owned(), ..Request::default() }
}

fn bad_trace(error: prost::DecodeError) -> ClientError {
    ClientError::Malformed { what: "trace event", reason: error.to_string() }
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Commands that wait for the connection; each may hold a payload.
const COMMANDS_MAX: usize = 16;
/// What the node may send on a stream before it is read.
const STREAM_WINDOW: u32 = 16 << 20;
/// The same for all streams together.
const CONNECTION_WINDOW: u32 = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_as_people_write_them() {
        for (given, url) in [
            ("localhost:33221", "http://localhost:33221/"),
            (":33212", "http://127.0.0.1:33212/"),
            ("http://10.0.0.1:33212", "http://10.0.0.1:33212/"),
            ("[::1]:33212", "http://[::1]:33212/"),
        ] {
            assert_eq!(endpoint(given).unwrap().uri().to_string(), url);
        }
        for bad in ["", "localhost", "a b:1", "http://"] {
            assert!(matches!(endpoint(bad), Err(ClientError::Address { .. })), "{bad}");
        }
    }
}
