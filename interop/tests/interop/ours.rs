//! A node of ours, in this process, with the same view as a foreign one.

use std::collections::BTreeMap;

use braidcast_interop::wire::{Batch, hash};
use braidcast_runtime_tokio::{
    Dedup, Identity, Mode, Node, NodeBuilder, QueueBounds, RejectReason, RpcMeta, Settings, Subscription,
    Trace, Traces, peer_id_text,
};
use bytes::Bytes;
use tokio::time::timeout;

use crate::seen::Seen;
use crate::{HEARTBEAT, PATIENCE, TOPIC, within};

pub(crate) struct Ours {
    pub(crate) node: Node,
    pub(crate) identity: Identity,
    pub(crate) peer: String,
    pub(crate) address: String,
    pub(crate) seen: Seen,
    /// Control messages that came from each peer.
    pub(crate) received: BTreeMap<String, Control>,
    /// Control messages that went to each peer.
    pub(crate) sent: BTreeMap<String, Control>,
    /// Messages that were refused, with their senders. Nobody expects any, but for [`Self::expect_refusals`].
    pub(crate) refused: Vec<(String, RejectReason)>,
    expects_refusals: bool,
    /// There are no more messages then.
    left: bool,
    messages: Subscription,
    traces: Traces,
}

/// How many entries of each kind.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Control {
    pub(crate) graft: usize,
    pub(crate) prune: usize,
    pub(crate) ihave: usize,
    pub(crate) iwant: usize,
    pub(crate) idontwant: usize,
}

impl Ours {
    /// A node that has joined [`TOPIC`].
    pub(crate) async fn start(mode: Mode, listen: &str) -> Self {
        Self::with(mode, listen, Identity::generate(), |_| {}).await
    }

    /// The same as this peer, with other settings.
    pub(crate) async fn with(
        mode: Mode,
        listen: &str,
        identity: Identity,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let builder = builder(mode, listen).identity(identity.clone()).settings(change);
        let node = within("start", builder.start()).await.unwrap();
        let traces = node.traces().await.unwrap();
        let messages = node.subscribe(TOPIC).await.unwrap();
        let (peer, address) = (peer_id_text(&node.peer_id()), node.listen_addrs()[0].clone());
        let (received, sent) = (BTreeMap::new(), BTreeMap::new());
        Self {
            node,
            identity,
            peer,
            address,
            seen: Seen::default(),
            received,
            sent,
            refused: Vec::new(),
            expects_refusals: false,
            left: false,
            messages,
            traces,
        }
    }

    /// From now on messages may be refused.
    pub(crate) fn expect_refusals(&mut self) {
        self.expects_refusals = true;
    }

    /// Leaves [`TOPIC`].
    pub(crate) async fn leave(&mut self) {
        self.node.leave(TOPIC).await.unwrap();
        self.left = true;
    }

    pub(crate) async fn connect(&self, address: &str) {
        self.node.dial(address).await.unwrap();
    }

    pub(crate) async fn publish(&self, batch: &Batch) {
        for payload in batch.payloads() {
            self.node.publish(&batch.topic, Bytes::from(payload)).await.unwrap();
        }
    }

    /// Waits until it has seen what it should.
    pub(crate) async fn until(&mut self, what: &str, is: impl Fn(&Self) -> bool) {
        let look = async {
            while !is(self) {
                self.step().await;
            }
        };
        if timeout(PATIENCE, look).await.is_err() {
            let Self { seen, received, sent, .. } = self;
            panic!("ours: {what}: not within {PATIENCE:?}: {seen:?}, received {received:?}, sent {sent:?}");
        }
        assert_eq!((self.messages.dropped(), self.traces.dropped()), (0, 0), "the test reads too slowly");
    }

    async fn step(&mut self) {
        let own = self.node.peer_id();
        tokio::select! {
            message = self.messages.next(), if !self.left => {
                let message = message.expect("the node runs");
                if message.via != own {
                    self.seen.message(hash(&message.payload));
                }
            }
            record = self.traces.next() => self.note(&record.expect("the node runs").trace),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "tests wait for these only")]
    fn note(&mut self, trace: &Trace) {
        let seen = &mut self.seen;
        match trace {
            Trace::AddPeer { peer, .. } => _ = seen.connected.insert(peer_id_text(peer)),
            Trace::RemovePeer { peer } => seen.lost(&peer_id_text(peer)),
            Trace::Graft { peer, .. } => _ = seen.mesh.insert(peer_id_text(peer)),
            Trace::Prune { peer, .. } => _ = seen.mesh.remove(&peer_id_text(peer)),
            Trace::RecvRpc { from, meta } => {
                let from = peer_id_text(from);
                if meta.subscriptions.iter().any(|(joined, topic)| *joined && topic.as_str() == TOPIC) {
                    seen.subscribed.insert(from.clone());
                }
                self.received.entry(from).or_default().add(meta);
            }
            Trace::SendRpc { to, meta } => self.sent.entry(peer_id_text(to)).or_default().add(meta),
            Trace::DropRpc { to, .. } => panic!("ours: dropped a message to {}", peer_id_text(to)),
            Trace::RejectMessage { from, reason, .. } => {
                let from = peer_id_text(from);
                assert!(self.expects_refusals, "ours: refused a message from {from}: {reason:?}");
                self.refused.push((from, *reason));
            }
            _ => {}
        }
    }
}

impl Control {
    fn add(&mut self, meta: &RpcMeta) {
        self.graft += meta.graft.len();
        self.prune += meta.prune.len();
        self.ihave += meta.ihave.len();
        self.iwant += meta.iwant.len();
        self.idontwant += meta.idontwant.len();
    }
}

fn builder(mode: Mode, listen: &str) -> NodeBuilder {
    let queues = QueueBounds { items_max: 100_000, bytes_max: 256 << 20 };
    Node::builder().mode(mode).listen(listen).queues(queues).settings(|settings| {
        settings.mesh.heartbeat = HEARTBEAT;
        // So that a message that comes twice is seen twice.
        settings.dedup = Dedup::Origin;
    })
}
