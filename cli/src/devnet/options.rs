//! What a devnet is asked for.

use braidcast_runtime_tokio::Mode;
use clap::Args;

use crate::config::value::{Given, size};
use crate::exit::Failure;

/// Options of `devnet`.
#[derive(Args, Clone, Debug)]
pub(crate) struct DevnetOptions {
    /// Number of nodes
    #[arg(long, env = "BRAIDCAST_DEVNET_NODES", default_value = "4", value_name = "N")]
    nodes: String,

    /// What the nodes speak: optimum (coded shards) or gossipsub (plain)
    #[arg(long, env = "BRAIDCAST_DEVNET_MODE", default_value = "optimum", value_name = "MODE")]
    mode: String,

    /// How they are linked: quic or tcp
    #[arg(long, env = "BRAIDCAST_DEVNET_TRANSPORT", default_value = "quic", value_name = "NAME")]
    transport: String,

    /// First of the ports, three per node: other nodes, gRPC, HTTP [default: free ports]
    #[arg(
        long,
        env = "BRAIDCAST_DEVNET_BASE_PORT",
        default_value = "",
        hide_default_value = true,
        value_name = "PORT"
    )]
    base_port: String,

    /// Publish messages of this size, as 1000, 64KiB or 1MB
    #[arg(
        long,
        env = "BRAIDCAST_DEVNET_PUBLISH",
        default_value = "",
        hide_default_value = true,
        value_name = "SIZE"
    )]
    publish: String,

    /// How many messages to publish
    #[arg(long, env = "BRAIDCAST_DEVNET_COUNT", default_value = "1", value_name = "N")]
    count: String,

    /// Messages per second [default: the next when the one before has arrived everywhere]
    #[arg(
        long,
        env = "BRAIDCAST_DEVNET_RATE",
        default_value = "",
        hide_default_value = true,
        value_name = "PER-SECOND"
    )]
    rate: String,

    /// The topic that all nodes subscribe to
    #[arg(long, env = "BRAIDCAST_DEVNET_TOPIC", default_value = "devnet")]
    topic: String,

    /// Decides the payloads and who bootstraps from whom
    #[arg(long, env = "BRAIDCAST_DEVNET_SEED", default_value = "1", value_name = "N")]
    seed: String,

    /// Publish, check every delivery, stop; exit code 0 only if all arrived
    #[arg(long, env = "BRAIDCAST_DEVNET_ONCE")]
    once: bool,

    /// Print the result as one JSON object
    #[arg(long, env = "BRAIDCAST_DEVNET_JSON")]
    json: bool,
}

/// A checked devnet.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Number of nodes.
    pub(crate) nodes: usize,
    /// What the nodes speak.
    pub(crate) mode: Mode,
    /// How nodes are linked.
    pub(crate) link: Link,
    /// First port; `None` for free ones.
    pub(crate) base_port: Option<u16>,
    /// What to publish, if anything.
    pub(crate) load: Option<Load>,
    /// The topic of all nodes.
    pub(crate) topic: String,
    /// Decides payloads and bootstrap choices.
    pub(crate) seed: u64,
    /// Stop after publishing.
    pub(crate) once: bool,
    /// JSON instead of a table.
    pub(crate) json: bool,
}

/// How nodes are linked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Link {
    /// QUIC alone.
    Quic,
    /// TCP alone.
    Tcp,
}

/// The messages to publish.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Load {
    /// Length of each, bytes.
    pub(crate) bytes: usize,
    /// How many.
    pub(crate) count: usize,
    /// Per second; `None` for one after the other.
    pub(crate) rate: Option<f64>,
}

impl Plan {
    /// Checks the options.
    pub(crate) fn check(options: &DevnetOptions) -> Result<Self, Failure> {
        let nodes = Given::new("BRAIDCAST_DEVNET_NODES", &options.nodes).number(1..=NODES_MAX)?;
        let mode = Given::new("BRAIDCAST_DEVNET_MODE", &options.mode)
            .word(&[("optimum", Mode::Optimum), ("gossipsub", Mode::Gossipsub)])?;
        let link = Given::new("BRAIDCAST_DEVNET_TRANSPORT", &options.transport)
            .word(&[("quic", Link::Quic), ("tcp", Link::Tcp)])?;
        let base_port = match options.base_port.trim() {
            "" => None,
            text => {
                let highest = u16::MAX - (nodes * PORTS_PER_NODE) as u16 + 1;
                Some(Given::new("BRAIDCAST_DEVNET_BASE_PORT", text).number(1..=highest)?)
            }
        };
        let topic = Given::new("BRAIDCAST_DEVNET_TOPIC", &options.topic);
        if topic.text.is_empty() {
            return Err(topic.refuse("any text that is not empty"));
        }
        let load = load(options)?;
        if options.once && load.is_none() {
            return Err(Given::new("BRAIDCAST_DEVNET_PUBLISH", "")
                .refuse("a size with --once, as 1000, 64KiB or 1MB"));
        }
        Ok(Self {
            nodes,
            mode,
            link,
            base_port,
            load,
            topic: topic.text.to_owned(),
            seed: Given::new("BRAIDCAST_DEVNET_SEED", &options.seed).number(0..=u64::MAX)?,
            once: options.once,
            json: options.json,
        })
    }
}

fn load(options: &DevnetOptions) -> Result<Option<Load>, Failure> {
    let given = Given::new("BRAIDCAST_DEVNET_PUBLISH", &options.publish);
    let count = Given::new("BRAIDCAST_DEVNET_COUNT", &options.count).number(1..=COUNT_MAX)?;
    let rate = match options.rate.trim() {
        "" => None,
        text => {
            let positive = |rate: f64| (rate > 0.0 && rate <= RATE_MAX).then_some(rate);
            Some(
                Given::new("BRAIDCAST_DEVNET_RATE", text)
                    .fraction(positive, "a number above 0, at most 1000000")?,
            )
        }
    };
    if given.text.is_empty() {
        return Ok(None);
    }
    // Messages are told apart by an index in front.
    let bytes = size(given.text).filter(|bytes| (INDEX_BYTES..=PAYLOAD_MAX).contains(bytes));
    let bytes = bytes.ok_or_else(|| {
        given.refuse(format_args!("{INDEX_BYTES} to {PAYLOAD_MAX} bytes, as 1000, 64KiB or 1MB"))
    })?;
    Ok(Some(Load { bytes, count, rate }))
}

/// Ports that a node takes: other nodes, gRPC, HTTP.
pub(crate) const PORTS_PER_NODE: usize = 3;
/// Bytes in front of each payload that say which message it is.
pub(crate) const INDEX_BYTES: usize = 8;
/// More nodes than this do not run well in one process.
const NODES_MAX: usize = 256;
const COUNT_MAX: usize = 1_000_000;
const RATE_MAX: f64 = 1e6;
const PAYLOAD_MAX: usize = 64 << 20;

impl Plan {
    /// The mode as the option spells it.
    pub(crate) fn mode_name(&self) -> &'static str {
        match self.mode {
            Mode::Optimum => "optimum",
            Mode::Gossipsub => "gossipsub",
        }
    }
}

impl Link {
    /// As the option spells it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Quic => "quic",
            Self::Tcp => "tcp",
        }
    }
}
