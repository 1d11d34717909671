//! A node of another implementation, in its own process.

use std::io::Write as _;
use std::process::Stdio;

use braidcast_interop::wire::{Batch, Command, Event, Start};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin};
use tokio::sync::mpsc;

use crate::kind::Kind;
use crate::seen::Seen;
use crate::{HEARTBEAT, TOPIC, within};

/// How to start one.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// Where it listens.
    pub(crate) listen: &'static str,
    /// Its key; another each time unless the same is wanted again.
    pub(crate) identity: [u8; 32],
    /// Its mesh degree, its own default without.
    pub(crate) degree: Option<usize>,
    /// Whether it signs messages.
    pub(crate) signed: bool,
    /// Whether it speaks ping.
    pub(crate) ping: bool,
    /// Whether its PRUNE names others.
    pub(crate) px: bool,
}

/// A running node; ends when dropped, since its input does.
pub(crate) struct Foreign {
    pub(crate) kind: Kind,
    pub(crate) setup: Setup,
    pub(crate) peer: String,
    pub(crate) address: String,
    pub(crate) seen: Seen,
    input: ChildStdin,
    events: mpsc::Receiver<Event>,
    child: Child,
}

impl Foreign {
    /// Starts a node that has joined [`TOPIC`], or says that there is none of this kind here.
    pub(crate) async fn start(kind: Kind, setup: &Setup) -> Option<Self> {
        let mut command = tokio::process::Command::from(kind.command()?);
        // Not killed when dropped: the daemon behind `go` would stay.
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let event = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
                if sender.send(event).await.is_err() {
                    return;
                }
            }
        });
        let (peer, address, seen) = (String::new(), String::new(), Seen::default());
        let setup = setup.clone();
        let mut foreign = Self { kind, setup, peer, address, seen, input, events, child };
        foreign.tell(&Command::Start(foreign.setup.start())).await;
        let ready = within("ready", foreign.events.recv()).await;
        let Some(Event::Ready { peer, addresses }) = ready else { panic!("{kind:?} said {ready:?}") };
        (foreign.peer, foreign.address) = (peer, addresses[0].clone());
        foreign.tell(&Command::Subscribe { topic: TOPIC.to_owned() }).await;
        Some(foreign)
    }

    pub(crate) async fn tell(&mut self, command: &Command) {
        let line = serde_json::to_string(command).unwrap() + "\n";
        self.input.write_all(line.as_bytes()).await.unwrap();
    }

    pub(crate) async fn connect(&mut self, address: &str) {
        self.tell(&Command::Connect { address: address.to_owned() }).await;
    }

    pub(crate) async fn publish(&mut self, batch: &Batch) {
        self.tell(&Command::Publish(batch.clone())).await;
    }

    /// Waits until it has seen what it should.
    pub(crate) async fn until(&mut self, what: &str, is: impl Fn(&Seen) -> bool) {
        let name = format!("{:?}: {what}", self.kind);
        let look = async {
            while !is(&self.seen) {
                let event = self.events.recv().await;
                self.note(event.unwrap_or_else(|| panic!("{name}: it ended")));
            }
        };
        within(&name, look).await;
    }

    /// Ends the process and waits for that.
    pub(crate) async fn stop(&mut self) {
        self.tell(&Command::Stop).await;
        let status = within("stop", self.child.wait()).await.unwrap();
        assert!(status.success(), "{:?}: {status}", self.kind);
    }

    fn note(&mut self, event: Event) {
        let seen = &mut self.seen;
        match event {
            Event::Ready { .. } => {}
            Event::Connected { peer } => _ = seen.connected.insert(peer),
            Event::Disconnected { peer } => seen.lost(&peer),
            Event::Subscribed { peer, .. } => _ = seen.subscribed.insert(peer),
            Event::Grafted { peer, .. } => _ = seen.mesh.insert(peer),
            Event::Pruned { peer, .. } => _ = seen.mesh.remove(&peer),
            Event::Message { hash, .. } => seen.message(hash),
            Event::Identified { peer } => _ = seen.identified.insert(peer),
            Event::Pinged { .. } => seen.pings += 1,
            Event::Error { text } => panic!("{:?}: {text}", self.kind),
        }
    }
}

impl Setup {
    pub(crate) fn new(listen: &'static str) -> Self {
        let mut identity = [0; 32];
        identity[..8].copy_from_slice(&crate::unique().to_be_bytes());
        identity[8..12].copy_from_slice(&std::process::id().to_be_bytes());
        Self { listen, identity, degree: None, signed: true, ping: true, px: false }
    }

    fn start(&self) -> Start {
        let mut identity = Vec::new();
        for byte in self.identity {
            write!(identity, "{byte:02x}").unwrap();
        }
        Start {
            identity: String::from_utf8(identity).unwrap(),
            listen: self.listen.to_owned(),
            heartbeat_ms: HEARTBEAT.as_millis() as u64,
            degree: self.degree,
            // Far above the largest message: rust-libp2p holds several RPCs read at once against it.
            rpc_bytes_max: 4 << 20,
            signed: self.signed,
            ping: self.ping,
            px: self.px,
        }
    }
}

/// Events that wait for the driver: more than any test causes at a time.
const EVENTS_MAX: usize = 10_000;
