//! Nodes of ours, through the embedding API.

use braidcast_runtime_tokio::{Dedup, Mode, Node, QueueBounds, Trace, Traces};
use bytes::Bytes;
use tokio::sync::mpsc;

use super::network::{DEGREE, NetworkError, Peer, TOPIC, Told};
use super::{Plan, Transport};

pub(super) struct Ours(Node);

impl Peer for Ours {
    async fn start(
        plan: &Plan,
        neighbours: Vec<String>,
        told: mpsc::Sender<Told>,
    ) -> Result<Self, NetworkError> {
        let listen = match plan.transport {
            Transport::Tcp => "/ip4/127.0.0.1/tcp/0",
            Transport::Quic => "/ip4/127.0.0.1/udp/0/quic-v1",
        };
        let message_bytes_max = plan.load.bytes.max(1 << 20);
        let builder = Node::builder()
            .mode(if plan.coded { Mode::Optimum } else { Mode::Gossipsub })
            .listen(listen)
            .queues(QueueBounds { items_max: 100_000, bytes_max: 1 << 30 })
            .settings(move |settings| {
                (settings.mesh.min, settings.mesh.target) = (DEGREE, DEGREE);
                settings.message_bytes_max = message_bytes_max;
                // As the baseline does: equal bytes published twice are two messages.
                settings.dedup = Dedup::Origin;
            });
        let builder = neighbours.into_iter().fold(builder, |builder, address| builder.bootstrap(address));
        let node = builder.start().await.map_err(NetworkError::node)?;
        let mut traces = node.traces().await.map_err(NetworkError::node)?;
        let mut messages = node.subscribe(TOPIC).await.map_err(NetworkError::node)?;
        let own = node.peer_id();
        tokio::spawn(async move {
            if !meshed(&mut traces).await || told.send(Told::Meshed).await.is_err() {
                return;
            }
            // From here on nobody pays for traces.
            drop(traces);
            while let Some(message) = messages.next().await {
                if message.publisher != Some(own)
                    && told.send(Told::delivered(&message.payload)).await.is_err()
                {
                    return;
                }
            }
        });
        Ok(Self(node))
    }

    fn address(&self) -> String {
        self.0.listen_addrs().into_iter().next().expect("it listens when start returns")
    }

    async fn publish(&self, payload: Vec<u8>) -> Result<(), NetworkError> {
        self.0.publish(TOPIC, Bytes::from(payload)).await.map(|_| ()).map_err(NetworkError::node)
    }
}

/// Waits until the mesh is full; `false` if the node stopped.
async fn meshed(traces: &mut Traces) -> bool {
    let mut members = 0;
    while members < DEGREE {
        let Some(record) = traces.next().await else { return false };
        #[expect(clippy::wildcard_enum_match_arm, reason = "the rest does not matter here")]
        match *record.trace {
            Trace::Graft { .. } => members += 1,
            Trace::Prune { .. } => members -= 1,
            _ => {}
        }
    }
    true
}
