//! The commands of the scripts, over one node and neighbours that are only names.

mod render;
mod score;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use braidcast_coding::{Coefficients, Encoder, Params, Pool, ShardId};
use braidcast_protocol::rpc::{
    Coded, Control, Extensions, HashList, Have, Header, HeaderFields, IHave, Message, MessageHead, PeerInfo,
    Prune, Rpc, RpcFault, Shard, ShardHashes, Subscription, Want,
};
use braidcast_protocol::{
    Actions, Agent, CodingId, Config, ContentId, DownCause, Event, HashKeys, Integrity, LinkId, MeshSettings,
    MessageId, MessageIds, Mode, Node, Origin, PeerId, Protocol, Score, Seed, Settings, ShardFactor,
    Signatures, Threshold, ThresholdRule, Time, Topic, TopicFilter, Validation, Verdict,
};
use bytes::Bytes;

/// A node, its neighbours a to z, and messages by name.
pub(crate) struct World {
    settings: Settings,
    node: Option<Node>,
    now: Time,
    out: Actions,
    /// Messages of neighbours.
    remotes: BTreeMap<String, Remote>,
    /// Ids of messages that the node published, by the order in which it did.
    own: Vec<MessageId>,
    /// Content of coded messages by name, for rendering.
    codings: Vec<(CodingId, String)>,
    /// The message of ours of which a header left last.
    own_coding: Option<CodingId>,
}

struct Remote {
    whole: Arc<Message>,
    header: Arc<Header>,
    hashes: ShardHashes,
    encoder: Encoder,
}

impl Default for World {
    fn default() -> Self {
        let mut settings = Settings::default();
        // Scripts move time themselves; the first heartbeat comes with the first full second.
        settings.mesh.heartbeat_initial_delay = Duration::from_secs(1);
        Self {
            settings,
            node: None,
            now: Time::EPOCH,
            out: Actions::with_traces(),
            remotes: BTreeMap::new(),
            own: Vec::new(),
            codings: Vec::new(),
            own_coding: None,
        }
    }
}

fn peer(name: &str) -> PeerId {
    PeerId::from_bytes(name.as_bytes()).unwrap_or_else(|| panic!("peer name {name:?}"))
}

fn link(name: &str) -> LinkId {
    LinkId::new(u32::from(name.as_bytes()[0]))
}

/// `key=value` among the words of a command.
fn option<'a>(words: &[&'a str], key: &str) -> Option<&'a str> {
    words.iter().find_map(|word| word.strip_prefix(key).and_then(|rest| rest.strip_prefix('=')))
}

fn number<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("not a number: {text:?}"))
}

fn duration(text: &str) -> Duration {
    match text.strip_suffix("ms") {
        Some(millis) => Duration::from_millis(number(millis)),
        None => Duration::from_secs(number(text.trim_end_matches('s'))),
    }
}

fn indices(text: &str) -> Vec<u8> {
    text.split(',').map(number).collect()
}

impl World {
    /// Runs one command and renders what the node does for it.
    pub(crate) fn command(&mut self, command: &str) -> String {
        let words: Vec<&str> = command.split_whitespace().collect();
        match words[0] {
            "config" => self.config(&words[1..]),
            "message" => self.message(&words[1..]),
            "mesh" => return self.render_mesh(words[1]),
            "score" => return self.render_score(words[1]),
            "reputation" => return self.render_reputation(words[1]),
            "preferred" => return self.render_preferred(),
            "advance" => return self.advance(duration(words[1])),
            "join" | "leave" | "publish" => return self.local(&words),
            _ => self.event(&words),
        }
        self.render()
    }

    fn node(&mut self) -> &mut Node {
        let (settings, now) = (&self.settings, self.now);
        self.node.get_or_insert_with(|| {
            let config = Arc::new(Config::new(settings.clone()).unwrap());
            let me = peer("me");
            Node::new(config, me, Arc::new(HashKeys::new(me)), Seed::from_number(1), now)
        })
    }

    /// Only before the first event.
    fn config(&mut self, words: &[&str]) {
        assert!(self.node.is_none(), "config comes first");
        let settings = &mut self.settings;
        let mut mesh = settings.mesh.clone();
        for word in words {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            match key {
                "mode" if value == "gossipsub" => settings.mode = Mode::Gossipsub,
                "target" => mesh.target = number(value),
                "min" => mesh.min = number(value),
                "max" => mesh.max = number(value),
                "flood-publish" => mesh.flood_publish = true,
                "px" => mesh.peer_exchange = true,
                "accept-px" => settings.score.thresholds.accept_px = Score::new(number(value)),
                "direct" => {
                    settings.direct_peers.insert(peer(value));
                }
                "idontwants" => settings.gossip.idontwant_ids_max = number(value),
                "ihaves" => settings.gossip.ihave_ids_max = number(value),
                "publisher-messages" => settings.publisher.messages_max = Some(number(value)),
                "publisher-bytes" => settings.publisher.bytes_max = Some(number(value)),
                "lazy" => settings.gossip.lazy = number(value),
                "iwants" => settings.gossip.iwant_ids_max = number(value),
                "topics" => settings.topics_max = number(value),
                "judging" => settings.judging_max = number(value),
                "ids" if value == "content" => settings.message_ids = MessageIds::Content,
                "signatures" if value == "none" => settings.signatures = Signatures::StrictNoSign,
                "prefix" => settings.topic_filter = TopicFilter::Prefix(value.into()),
                "outbox-bytes" => settings.outbox.bytes_max = number(value),
                "parallel" => settings.outbox.parallel_max = number(value),
                "idontwant" if value == "late" => settings.gossip.idontwant_early = false,
                "outbox" => settings.outbox.messages_max = number(value),
                "backlog" => settings.backlog_bytes_max = number(value),
                "max-message" => settings.message_bytes_max = number(value),
                "repair" => settings.coded.repair_after = duration(value),
                "small" => settings.coded.small_message_bytes = number(value),
                "wide" => settings.coded.wide_bytes_max = number(value),
                "k" => settings.coded.shard_factor = ShardFactor::Fixed(number(value)),
                "threshold" => settings.coded.threshold = Threshold::new(number(value)).unwrap(),
                "rule" if value == "exceeds" => settings.coded.threshold_rule = ThresholdRule::Exceeds,
                "integrity" if value == "verified" => settings.coded.integrity = Integrity::Verified,
                "validation" => settings.validation = Validation::Application,
                _ => assert!(score::set(&mut settings.score, key, value), "unknown setting {word:?}"),
            }
        }
        settings.mesh = MeshSettings {
            flood_publish: mesh.flood_publish,
            peer_exchange: mesh.peer_exchange,
            heartbeat_initial_delay: mesh.heartbeat_initial_delay,
            ..MeshSettings::with_degrees(mesh.min, mesh.target, mesh.max)
        };
    }

    /// `message NAME by=PEER topic=T size=N k=K`: something that a neighbour has to say.
    fn message(&mut self, words: &[&str]) {
        let publisher = peer(option(words, "by").unwrap_or("p"));
        let (size, k) = (option(words, "size").map_or(400, number), option(words, "k").map_or(4, number));
        let keys = HashKeys::new(publisher);
        let data = Bytes::from(vec![words[0].as_bytes()[0]; size]);
        let params = Params::for_message(size, k).unwrap();
        let encoder = Encoder::new(data.clone(), params).unwrap();
        let mut whole = Message {
            publisher: Some(publisher),
            seqno: Some(self.remotes.len() as u64),
            topic: Topic::new(option(words, "topic").unwrap_or("t")),
            data,
            signature: Bytes::new(),
            key: Bytes::new(),
        };
        whole.sign(&keys);
        if words.contains(&"anonymous") {
            (whole.publisher, whole.seqno, whole.signature) = (None, None, Bytes::new());
        }
        let canonical = |i: usize| encoder.canonical(i as u16, &mut Pool::default()).unwrap();
        let mut shards: Vec<Bytes> = (0..k + 2).map(canonical).collect();
        if words.contains(&"wrong-hash") {
            shards[k + 1] = Bytes::from_static(b"another");
        }
        let hashes = ShardHashes::of(&shards);
        let fields = HeaderFields {
            topic: whole.topic.clone(),
            publisher,
            seqno: self.remotes.len() as u64,
            params,
            content: ContentId::of(&whole.data),
            hashes: hashes.commitment(),
            message_signature: whole.signature.clone(),
        };
        let header = Arc::new(Header::sign(fields, &keys));
        self.codings.push((header.id(), words[0].into()));
        self.remotes.insert(words[0].into(), Remote { whole: Arc::new(whole), header, hashes, encoder });
    }

    fn advance(&mut self, time: Duration) -> String {
        let end = self.now + time;
        let mut text = String::new();
        while let Some(deadline) = self.node().next_deadline().filter(|deadline| deadline.at <= end) {
            self.now = self.now.max(deadline.at);
            let (node, out) = (self.node.as_mut().unwrap(), &mut self.out);
            node.handle(self.now, Event::Wake, out);
            text += &self.render();
        }
        self.now = end;
        text
    }

    fn local(&mut self, words: &[&str]) -> String {
        self.node();
        let (node, topic) = (self.node.as_mut().unwrap(), Topic::new(words[1]));
        let refused = match words[0] {
            "join" => node.subscribe(self.now, &topic, &mut self.out).map_err(|e| e.to_string()),
            "leave" => node.unsubscribe(self.now, &topic, &mut self.out).map_err(|e| e.to_string()),
            _ => {
                // Each publication has other bytes than the one before.
                let size = number(words[2]);
                let payload = vec![self.own.len() as u8; size];
                let done = node.publish(self.now, &topic, payload.into(), &mut self.out);
                done.map(|message| self.own.push(message.id)).map_err(|e| e.to_string())
            }
        };
        let error = refused.err().map_or(String::new(), |error| format!("error: {error}\n"));
        error + &self.render()
    }

    fn event(&mut self, words: &[&str]) {
        let from = link(words[1]);
        let event = match words[0] {
            "link-up" => {
                let protocol = option(words, "protocol").map_or(Protocol::Meshsub13, |id| {
                    Protocol::from_id(id).unwrap_or_else(|| panic!("protocol {id:?}"))
                });
                let ip = option(words, "ip").map(|ip| ip.parse().unwrap());
                let agent = Agent { protocol, ip };
                let origin = if words.contains(&"out") { Origin::Outbound } else { Origin::Inbound };
                Event::LinkUp { link: from, peer: peer(words[1]), origin, agent }
            }
            "link-down" => Event::LinkDown { link: from, cause: DownCause::Lost },
            "record" => Event::PeerRecord { link: from, record: Bytes::from_static(b"record") },
            "ready" => Event::LinkReady { link: from, bytes: words.get(2).map_or(usize::MAX, |n| number(n)) },
            "judge" => {
                let verdict = match words[2] {
                    "accept" => Verdict::Accept,
                    "reject" => Verdict::Reject,
                    _ => Verdict::Ignore,
                };
                Event::Judged { message: self.remotes[words[1]].whole.id(self.settings.message_ids), verdict }
            }
            "stats" => Event::LinkStats { link: from, rtt: duration(words[2]), lost: 0 },
            "arriving" => {
                let whole = Rpc { publish: vec![self.remotes[words[2]].whole.clone()], ..Rpc::default() };
                let start = &whole.encode().into_bytes()[..100];
                let head = MessageHead::decode(start, &self.node().limits()).expect("it stands at the start");
                Event::Arriving { link: from, head }
            }
            "malformed" => Event::Malformed { link: from, fault: RpcFault::Truncated },
            "rate" => Self::rate(words),
            _ => Event::Received { link: from, rpc: self.rpc(words) },
        };
        self.node();
        self.node.as_mut().unwrap().handle(self.now, event, &mut self.out);
    }

    /// A frame from a neighbour; it goes through the codec.
    fn rpc(&mut self, words: &[&str]) -> Rpc {
        let mut rpc = Rpc::default();
        let topic = || Topic::new(words[2]);
        match words[0] {
            "subscribe" | "unsubscribe" => {
                let subscribe = words[0] == "subscribe";
                rpc.subscriptions.push(Subscription { subscribe, topic: topic() });
                let coded = words.contains(&"coded");
                rpc.control.extensions = coded.then_some(Extensions { coded });
            }
            "graft" => rpc.control.graft.push(topic()),
            "prune" => {
                let peers = option(words, "peers")
                    .map_or("", |names| names)
                    .split(',')
                    .filter(|name| !name.is_empty());
                let record = words.contains(&"records").then(|| Bytes::from_static(b"record"));
                let peers = peers.map(|name| PeerInfo { peer: peer(name), record: record.clone() }).collect();
                let backoff_s = option(words, "backoff").map(|text| duration(text).as_secs());
                rpc.control.prune.push(Prune { topic: topic(), peers, backoff_s });
            }
            "ihave" => rpc.control.ihave.push(IHave { topic: topic(), ids: self.named(&words[3..]) }),
            "iwant" => rpc.control = Control { iwant: self.named(&words[2..]), ..Control::default() },
            "idontwant" => rpc.control = Control { idontwant: self.named(&words[2..]), ..Control::default() },
            "whole" => rpc.publish.push(self.whole(words)),
            _ => rpc.coded = self.coded(words),
        }
        let limits = self.node().limits();
        Rpc::decode(rpc.encode().into_bytes(), &limits).expect("scripts send well-formed frames")
    }

    fn named(&self, names: &[&str]) -> Vec<MessageId> {
        names.iter().flat_map(|name| self.ids_of(name)).collect()
    }

    /// A message of ours, one of a neighbour, or `?1-9`: ids that belong to nothing.
    fn ids_of(&self, name: &str) -> Vec<MessageId> {
        if let Some(range) = name.strip_prefix('?') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let id = |n: u32| MessageId::from_bytes(format!("?{n}").as_bytes());
            return (number(first)..=number(last)).map(id).collect();
        }
        match name.strip_prefix("own") {
            Some(index) => vec![self.own[number::<usize>(index)].clone()],
            None => vec![self.remotes[name].whole.id(self.settings.message_ids)],
        }
    }

    fn whole(&self, words: &[&str]) -> Arc<Message> {
        let whole = &self.remotes[words[2]].whole;
        match words.contains(&"forged") {
            true => Arc::new(Message { data: Bytes::from_static(b"forged"), ..(**whole).clone() }),
            false => whole.clone(),
        }
    }

    /// `shard PEER MESSAGE canonical=I [unlisted]|dense=C,C,C,C [bad] [vouched] [header]`, `header`, `hashes … [of=MESSAGE]`,
    /// `have … rank=R`, `want … count=N`.
    fn coded(&self, words: &[&str]) -> Coded {
        if words[2] == "own" {
            return reports(words, self.own_coding.expect("its header has left"));
        }
        let remote = &self.remotes[words[2]];
        let message = remote.header.id();
        let mut coded = Coded::default();
        if words[0] == "header" || words.contains(&"header") {
            coded.headers.push(remote.header.clone());
        }
        match words[0] {
            "header" => {}
            "hashes" => {
                let of = option(words, "of").map_or(remote, |name| &self.remotes[name]);
                coded.lists.push(HashList { message, hashes: of.hashes.clone() });
            }
            "shard" => {
                let id = match (option(words, "canonical"), option(words, "dense")) {
                    (Some(index), _) => ShardId::Canonical(number(index)),
                    (_, Some(row)) => ShardId::Dense(Coefficients::from_slice(&indices(row))),
                    (None, None) => panic!("which shard?"),
                };
                let mut body = remote
                    .encoder
                    .encode(std::slice::from_ref(&id), &mut Pool::default())
                    .unwrap()
                    .remove(0)
                    .to_vec();
                body[0] ^= u8::from(words.contains(&"bad"));
                let vouched = words.contains(&"vouched");
                if matches!(id, ShardId::Canonical(_)) && !words.contains(&"unlisted") {
                    coded.lists.push(HashList { message, hashes: remote.hashes.clone() });
                }
                coded.shards.push(Shard { message, id, body: body.into(), vouched });
            }
            _ => return reports(words, message),
        }
        coded
    }
}

/// `have …` and `want …`.
fn reports(words: &[&str], message: CodingId) -> Coded {
    let mut coded = Coded::default();
    match words[0] {
        "have" => {
            let rank = number(option(words, "rank").unwrap());
            let sources = option(words, "sources").map_or(0, number);
            let checks = words.contains(&"checks");
            let doubts = words.contains(&"doubts");
            coded.haves.push(Have { message, rank, verified: 0, sources, checks, doubts });
        }
        "want" => {
            let indices = option(words, "indices").map(indices).unwrap_or_default().into();
            coded.wants.push(Want { message, count: number(option(words, "count").unwrap()), indices });
        }
        other => panic!("unknown command {other:?}"),
    }
    coded
}
