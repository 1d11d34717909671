//! go-libp2p-pubsub inside the daemon `p2pd`, driven over standard input and output.
//!
//! The daemon has no word for who is in a mesh, and its limits and degrees cannot be set. It has no events for peers
//! either: it is asked for them again and again.

mod control;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use braidcast_interop::stdio::{commands, fail, tell};
use braidcast_interop::wire::{Command, Event, Start, hash};
use libp2p::identity::Keypair;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command as Process};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use control::Control;

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let daemon = std::env::args().nth(1).ok_or("usage: interop-go PATH_OF_P2PD")?;
    let mut commands = commands();
    let Some(Command::Start(start)) = commands.recv().await else {
        return Err("the first line must be start".into());
    };
    let directory = tempfile::tempdir()?;
    let socket = directory.path().join("control");
    let mut child = launch(&daemon, &start, directory.path()).await?;
    let mut go =
        Go { control: Control::open(&socket).await?, socket, topics: BTreeMap::new(), told: BTreeSet::new() };
    let (peer, addresses) = go.control.identify().await?;
    let addresses = addresses.iter().map(|address| format!("{address}/p2p/{peer}")).collect();
    tell(&Event::Ready { peer: peer.to_string(), addresses });

    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                None | Some(Command::Stop) => break,
                Some(command) => go.obey(command).await.unwrap_or_else(|error| fail(&error)),
            },
            _ = look.tick() => go.look().await?,
        }
    }
    child.kill().await?;
    Ok(())
}

/// Starts the daemon, and waits until it answers.
async fn launch(daemon: &str, start: &Start, directory: &Path) -> Result<Child, Failure> {
    let byte = |at: usize| u8::from_str_radix(start.identity.get(at..at + 2).unwrap_or_default(), 16);
    let seed = (0..64).step_by(2).map(byte).collect::<Result<Vec<u8>, _>>()?;
    let key = directory.join("key");
    std::fs::write(&key, Keypair::ed25519_from_bytes(seed)?.to_protobuf_encoding()?)?;
    let mut child = Process::new(daemon)
        .arg(format!("-listen=/unix{}", directory.join("control").display()))
        .arg(format!("-id={}", key.display()))
        .arg(format!("-hostAddrs={}", start.listen))
        .args(["-pubsub", "-pubsubRouter=gossipsub", "-gossipsubHeartbeatInitialDelay=100ms"])
        .arg(format!("-gossipsubHeartbeatInterval={}ms", start.heartbeat_ms))
        .args([format!("-pubsubSign={}", start.signed), format!("-pubsubSignStrict={}", start.signed)])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    // It says where it listens when it does.
    let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
    while let Some(line) = lines.next_line().await? {
        if line.contains("Peer ID") {
            break;
        }
    }
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok(child)
}

struct Go {
    control: Control,
    socket: PathBuf,
    /// The topics joined, and the tasks that read their messages.
    topics: BTreeMap<String, JoinHandle<()>>,
    /// Who is connected (no topic) and who has joined what, as last told.
    told: BTreeSet<(PeerId, Option<String>)>,
}

impl Go {
    async fn obey(&mut self, command: Command) -> Result<(), Failure> {
        match command {
            Command::Subscribe { topic } => {
                let mut messages = Control::open(&self.socket).await?;
                messages.subscribe(&topic).await?;
                let own = self.control.identify().await?.0;
                self.topics.insert(topic.clone(), tokio::spawn(relay(messages, topic, own)));
            }
            Command::Unsubscribe { topic } => {
                if let Some(reader) = self.topics.remove(&topic) {
                    reader.abort();
                }
            }
            Command::Connect { address } => {
                let mut address: Multiaddr = address.parse()?;
                let Some(Protocol::P2p(peer)) = address.pop() else { return Err("no peer id".into()) };
                self.control.connect(peer, &address).await?;
            }
            Command::Publish(batch) => {
                for payload in batch.payloads() {
                    self.control.publish(&batch.topic, payload).await?;
                }
            }
            Command::Start(_) => return Err("started already".into()),
            Command::Stop => {}
        }
        Ok(())
    }

    /// Asks who is there, and tells what has changed.
    async fn look(&mut self) -> Result<(), Failure> {
        let mut now: BTreeSet<_> = self.control.peers().await?.into_iter().map(|peer| (peer, None)).collect();
        for topic in self.topics.keys() {
            let subscribers = self.control.subscribers(topic).await?;
            now.extend(subscribers.into_iter().map(|peer| (peer, Some(topic.clone()))));
        }
        for (peer, topic) in now.difference(&self.told) {
            let peer = peer.to_string();
            tell(&match topic.clone() {
                None => Event::Connected { peer },
                Some(topic) => Event::Subscribed { peer, topic },
            });
        }
        for (peer, _) in self.told.difference(&now).filter(|(_, topic)| topic.is_none()) {
            tell(&Event::Disconnected { peer: peer.to_string() });
        }
        self.told = now;
        Ok(())
    }
}

/// Tells of a topic's messages until the connection ends.
async fn relay(mut messages: Control, topic: String, own: PeerId) {
    loop {
        match messages.delivered().await {
            Ok(message) => {
                let from = message.from.and_then(|from| PeerId::from_bytes(&from).ok());
                if from != Some(own) {
                    let hash = hash(&message.data.unwrap_or_default());
                    let from = from.map_or_else(String::new, |peer| peer.to_string());
                    tell(&Event::Message { topic: topic.clone(), hash, from });
                }
            }
            Err(error) => return fail(&error),
        }
    }
}

/// How often the daemon is asked who is there.
const LOOK_EVERY: Duration = Duration::from_millis(50);
