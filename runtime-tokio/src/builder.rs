//! How a node is put together and started.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use braidcast_protocol::{Config, ConfigError, Mode, Seed, Settings};
use braidcast_transport::{Config as TransportConfig, Congestion, Multiaddr, Transport, peer_of};
use tokio::sync::mpsc;

use crate::driver::{Driver, Heart};
use crate::handle::{COMMANDS_MAX, Node, Shared};
use crate::identity::{Identity, IdentityError, core_peer_id};
use crate::queue::QueueBounds;

/// Everything about a node, before it runs. Made by [`Node::builder`].
#[derive(Clone, Debug)]
#[must_use = "nothing runs before `start`"]
pub struct NodeBuilder {
    settings: Settings,
    identity: Source,
    listen: Option<Vec<String>>,
    bootstrap: Vec<String>,
    direct: Vec<String>,
    queues: QueueBounds,
    congestion: Congestion,
    quic_window_bytes: Option<usize>,
    connections_max: u32,
    connection_timeout: Duration,
    agent: Option<String>,
}

/// Where a node's identity comes from.
#[derive(Clone, Debug)]
enum Source {
    New,
    Given(Box<Identity>),
    Directory(PathBuf),
}

/// Why a node did not start. Nothing is left running; a new identity file may have been written.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is out of range.
    #[error(transparent)]
    Settings(#[from] ConfigError),
    /// The identity cannot be had.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Not a multiaddr.
    #[error("{option} address {address:?}: {reason}")]
    Address {
        /// `listen`, `bootstrap` or `direct peer`.
        option: &'static str,
        /// What was given.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An address is taken, or the system refuses it; or a limit makes no sense.
    #[error(transparent)]
    Transport(#[from] braidcast_transport::StartError),
    /// The system has no entropy to give.
    #[error("no entropy from the system: {0}")]
    Entropy(getrandom::Error),
}

impl Node {
    /// A node to be set up, then started.
    pub fn builder() -> NodeBuilder {
        NodeBuilder {
            settings: Settings::default(),
            identity: Source::New,
            listen: None,
            bootstrap: Vec::new(),
            direct: Vec::new(),
            queues: QueueBounds::default(),
            congestion: Congestion::default(),
            quic_window_bytes: None,
            connections_max: 100,
            connection_timeout: Duration::from_secs(30),
            agent: None,
        }
    }
}

impl NodeBuilder {
    /// Coded or plain; default [`Mode::Optimum`].
    pub fn mode(mut self, mode: Mode) -> Self {
        self.settings.mode = mode;
        self
    }

    /// Who the node is; by default somebody new at each start.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = Source::Given(Box::new(identity));
        self
    }

    /// Who the node is: [`Identity::load_or_generate`] from this directory.
    pub fn identity_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.identity = Source::Directory(dir.into());
        self
    }

    /// Listens at one more multiaddr: `/ip4/…/udp/…/quic-v1` or `/ip4/…/tcp/…`, the same with `ip6`; port 0 is
    /// a free one.
    ///
    /// Without any, the node listens at [`LISTEN_DEFAULT`], where everyone in its network can reach it.
    pub fn listen(mut self, address: impl Into<String>) -> Self {
        self.listen.get_or_insert_default().push(address.into());
        self
    }

    /// Listens nowhere: such a node only dials.
    pub fn listen_nowhere(mut self) -> Self {
        self.listen = Some(Vec::new());
        self
    }

    /// One more peer to stay connected to, as a multiaddr with `/p2p/<peer id>` at its end.
    ///
    /// It need not be there yet: it is dialed until it answers, and again whenever it is lost. The node's own
    /// address among them does no harm.
    pub fn bootstrap(mut self, address: impl Into<String>) -> Self {
        self.bootstrap.push(address.into());
        self
    }

    /// One more peer with whom there is a peering agreement ([`Settings::direct_peers`]), as a multiaddr with
    /// `/p2p/<peer id>` at its end; the node stays connected to it as to a bootstrap peer.
    pub fn direct_peer(mut self, address: impl Into<String>) -> Self {
        self.direct.push(address.into());
        self
    }

    /// Changes what the protocol does; the ranges are checked at the start.
    pub fn settings(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// How much waits for a subscriber or a reader of traces that is slower than the network.
    pub fn queues(mut self, bounds: QueueBounds) -> Self {
        self.queues = bounds;
        self
    }

    /// Congestion control of QUIC; default BBR.
    pub fn congestion(mut self, congestion: Congestion) -> Self {
        self.congestion = congestion;
        self
    }

    /// Most bytes on their way over one QUIC connection, not yet acknowledged; default 256 KiB.
    ///
    /// Caps what one peer is sent at this much per round trip: raise it for long fat paths.
    pub fn quic_window_bytes(mut self, bytes: usize) -> Self {
        self.quic_window_bytes = Some(bytes);
        self
    }

    /// Most connections at the same time; default 100.
    pub fn connections_max(mut self, connections: u32) -> Self {
        self.connections_max = connections;
        self
    }

    /// How long a new connection may take for its handshakes; default 30 s.
    pub fn connection_timeout(mut self, timeout: Duration) -> Self {
        self.connection_timeout = timeout;
        self
    }

    /// What peers are told about the program, for example `my-app/1.0`; default `braidcast/` and the version.
    pub fn agent(mut self, agent: impl Into<String>) -> Self {
        self.agent = Some(agent.into());
        self
    }

    /// Starts the node on the tokio runtime this is called in, which must have time and I/O enabled.
    ///
    /// When it returns, the node listens at all its addresses. It may not have reached anyone yet.
    pub async fn start(self) -> Result<Node, StartError> {
        let config = Config::new(self.all_settings()?)?;
        let identity = load(self.identity.clone()).await?;
        let mut seed = Seed([0; 32]);
        getrandom::fill(&mut seed.0).map_err(StartError::Entropy)?;
        let heart = Heart::new(config, &identity, seed);
        let transport_config = self.transport_config(&identity, &heart)?;
        let send_window_bytes = transport_config.send_window_bytes;
        let (transport, events) = Transport::start(transport_config).await?;
        let (commands, commands_receiver) = mpsc::channel(COMMANDS_MAX);
        let driver = Driver::new(heart, transport.clone(), send_window_bytes, self.queues);
        tokio::spawn(driver.run(events, commands_receiver));
        Ok(Node { shared: Arc::new(Shared { peer_id: identity.peer_id(), commands, transport }) })
    }

    /// The settings, with the ids of direct peers among them.
    fn all_settings(&self) -> Result<Settings, StartError> {
        let mut settings = self.settings.clone();
        for (address, text) in addresses(DIRECT, &self.direct)?.iter().zip(&self.direct) {
            let peer = peer_of(address).and_then(|id| core_peer_id(&id));
            settings.direct_peers.insert(peer.ok_or_else(|| StartError::Address {
                option: DIRECT,
                address: text.clone(),
                reason: "no peer id at its end".to_owned(),
            })?);
        }
        Ok(settings)
    }

    fn transport_config(&self, identity: &Identity, heart: &Heart) -> Result<TransportConfig, StartError> {
        let default = [LISTEN_DEFAULT.to_owned()];
        let mut config = TransportConfig::new(identity.keypair().clone());
        config.listen = addresses("listen", self.listen.as_deref().unwrap_or(&default))?;
        config.bootstrap = addresses("bootstrap", &self.bootstrap)?;
        config.bootstrap.extend(addresses(DIRECT, &self.direct)?);
        config.frame_bytes_max = heart.limits().frame_bytes_max();
        config.connections_max = self.connections_max;
        config.connection_timeout = self.connection_timeout;
        config.congestion = self.congestion;
        if let Some(bytes) = self.quic_window_bytes {
            config.quic_send_window_bytes = bytes;
        }
        if let Some(agent) = &self.agent {
            config.agent.clone_from(agent);
        }
        Ok(config)
    }
}

/// Reads or writes the identity file where waiting for the disk holds nobody up.
async fn load(source: Source) -> Result<Identity, IdentityError> {
    let dir = match source {
        Source::New => return Ok(Identity::generate()),
        Source::Given(identity) => return Ok(*identity),
        Source::Directory(dir) => dir,
    };
    let path = dir.clone();
    match tokio::task::spawn_blocking(move || Identity::load_or_generate(dir)).await {
        Ok(identity) => identity,
        Err(stopped) => Err(IdentityError::Write { path, source: stopped.into() }),
    }
}

fn addresses(option: &'static str, texts: &[String]) -> Result<Vec<Multiaddr>, StartError> {
    let parse = |text: &String| {
        Multiaddr::from_str(text).map_err(|error| StartError::Address {
            option,
            address: text.clone(),
            reason: error.to_string(),
        })
    };
    texts.iter().map(parse).collect()
}

const DIRECT: &str = "direct peer";

/// Where a node listens that was told nothing: QUIC on a free port of all IPv4 interfaces.
pub const LISTEN_DEFAULT: &str = "/ip4/0.0.0.0/udp/0/quic-v1";
