//! What a node does, as lines.

use std::fmt::Write;

use braidcast_coding::ShardId;
use braidcast_protocol::rpc::Rpc;
use braidcast_protocol::{Action, CodingId, LinkId, MessageId, PeerId, SendClass, Topic, Trace};

use super::World;

impl World {
    /// Actions, then the trace events that no action shows; and the rules must hold.
    pub(super) fn render(&mut self) -> String {
        let mut text = String::new();
        let actions: Vec<Action> = self.out.drain().collect();
        let traces: Vec<Trace> = self.out.drain_traces().collect();
        for action in actions {
            match action {
                Action::Send { link, class, rpc } => {
                    let own = rpc.coded.headers.iter().find(|header| self.coding(header.id()) == "own");
                    self.own_coding = own.map(|header| header.id()).or(self.own_coding);
                    self.render_rpc(&mut text, link, class, &rpc);
                }
                Action::Deliver { topic, payload, via, .. } => {
                    writeln!(text, "deliver {topic} <{} B> via {}", payload.len(), name(&via)).unwrap();
                }
                Action::Dial { peer, hint } => {
                    let hint = if hint.is_some() { " with its record" } else { "" };
                    writeln!(text, "dial {}{hint}", name(&peer)).unwrap();
                }
                Action::Close { link, reason } => {
                    writeln!(text, "close {} {reason:?}", letter(link)).unwrap();
                }
            }
        }
        for trace in traces {
            let line = match trace {
                Trace::RejectMessage { from, reason, .. } => {
                    format!("reject {reason:?} from {}", name(&from))
                }
                Trace::DropRpc { to, .. } => format!("drop to {}", name(&to)),
                Trace::PollutedMessage { .. } => "polluted".into(),
                Trace::ExpiredMessage { .. } => "expired".into(),
                Trace::Misbehaved { peer, misdeed, .. } => {
                    format!("misbehaved {} {misdeed:?}", name(&peer))
                }
                Trace::NewShard(shard) => format!("new shard from {}", name(&shard.from)),
                Trace::DuplicateShard(shard) => format!("duplicate shard from {}", name(&shard.from)),
                Trace::UnhelpfulShard(shard) => format!("unhelpful shard from {}", name(&shard.from)),
                Trace::UnnecessaryShard(shard) => format!("unnecessary shard from {}", name(&shard.from)),
                Trace::DuplicateMessage { from, .. } => format!("duplicate message from {}", name(&from)),
                Trace::PublishMessage { .. }
                | Trace::DeliverMessage { .. }
                | Trace::AddPeer { .. }
                | Trace::RemovePeer { .. }
                | Trace::RecvRpc { .. }
                | Trace::SendRpc { .. }
                | Trace::Join { .. }
                | Trace::Leave { .. }
                | Trace::Graft { .. }
                | Trace::Prune { .. } => continue,
            };
            writeln!(text, "{line}").unwrap();
        }
        if let Some(node) = &self.node {
            node.check_invariants().unwrap();
        }
        text
    }

    pub(super) fn render_mesh(&mut self, topic: &str) -> String {
        let node = self.node();
        let members: Vec<String> = node.mesh(&Topic::new(topic)).map(letter).collect();
        format!("mesh {topic} = [{}]\n", members.join(" "))
    }

    fn render_rpc(&self, text: &mut String, link: LinkId, class: SendClass, rpc: &Rpc) {
        let to = letter(link);
        let mut line = |what: String| writeln!(text, "send {to} {what}").unwrap();
        for change in &rpc.subscriptions {
            let verb = if change.subscribe { "SUBSCRIBE" } else { "UNSUBSCRIBE" };
            line(format!("{verb} {}", change.topic));
        }
        let control = &rpc.control;
        if let Some(extensions) = control.extensions {
            line(format!("EXTENSIONS coded={}", extensions.coded));
        }
        for ihave in &control.ihave {
            line(format!("IHAVE {} {}", ihave.topic, self.ids(&ihave.ids)));
        }
        if !control.iwant.is_empty() {
            line(format!("IWANT {}", self.ids(&control.iwant)));
        }
        control.graft.iter().for_each(|topic| line(format!("GRAFT {topic}")));
        for prune in &control.prune {
            let backoff = prune.backoff_s.map_or("none".into(), |s| format!("{s}s"));
            let mut peers = String::new();
            for info in &prune.peers {
                let record = if info.record.is_some() { "+record" } else { "" };
                write!(peers, " {}{record}", name(&info.peer)).unwrap();
            }
            let peers = if peers.is_empty() { peers } else { format!(" peers ={peers}") };
            line(format!("PRUNE {} backoff={backoff}{peers}", prune.topic));
        }
        if !control.idontwant.is_empty() {
            line(format!("IDONTWANT {}", self.ids(&control.idontwant)));
        }
        for message in &rpc.publish {
            assert_ne!(class, SendClass::Control);
            let anonymous = if message.publisher.is_none() { " anonymous" } else { "" };
            line(format!("MESSAGE {} <{} B>{anonymous}", message.topic, message.data.len()));
        }
        rpc.coded.headers.iter().for_each(|header| line(format!("HEADER {}", self.coding(header.id()))));
        rpc.coded.lists.iter().for_each(|list| line(format!("HASHES {}", self.coding(list.message))));
        for shard in &rpc.coded.shards {
            let kind = match &shard.id {
                ShardId::Canonical(index) => format!("canonical={index}"),
                ShardId::Dense(_) => "dense".into(),
            };
            line(format!("SHARD {} {kind}", self.coding(shard.message)));
        }
        for have in &rpc.coded.haves {
            let checks = if have.checks { " checks" } else { "" };
            let doubts = if have.doubts { " doubts" } else { "" };
            line(format!("HAVE {} rank={}{checks}{doubts}", self.coding(have.message), have.rank));
        }
        for want in &rpc.coded.wants {
            let indices =
                if want.indices.is_empty() { String::new() } else { format!(" {:?}", want.indices) };
            line(format!("WANT {} count={}{indices}", self.coding(want.message), want.count));
        }
    }

    fn ids(&self, ids: &[MessageId]) -> String {
        let mut names: Vec<String> = ids.iter().map(|id| self.message_name(id)).collect();
        names.sort();
        names.join(" ")
    }

    fn message_name(&self, id: &MessageId) -> String {
        let remote =
            self.remotes.iter().find(|(_, remote)| remote.whole.id(self.settings.message_ids) == *id);
        if id.as_bytes().starts_with(b"?") {
            return String::from_utf8_lossy(id.as_bytes()).into();
        }
        let own = self.own.iter().position(|own| own == id);
        remote.map(|(name, _)| name.clone()).or(own.map(|n| format!("own{n}"))).unwrap_or("own".into())
    }

    /// A coded message of ours has no name in the script.
    fn coding(&self, id: CodingId) -> String {
        let known = self.codings.iter().find(|(coding, _)| *coding == id);
        known.map_or("own".into(), |(_, name)| name.clone())
    }
}

fn letter(link: LinkId) -> String {
    char::from(link.number() as u8).into()
}

pub(super) fn name(peer: &PeerId) -> String {
    String::from_utf8_lossy(peer.as_bytes()).into()
}
