//! The command line: what the driver sets, and what is measured.

use std::net::SocketAddr;
use std::str::FromStr;

use anyhow::Context;
use braidcast_runtime_tokio::{
    Congestion, Identity, Keypair, MeshSettings, MessageIds, Mode, Node, NodeBuilder, QueueBounds, Schedule,
    Settings, ShardFactor, Signatures, Threshold,
};
use clap::{Parser, ValueEnum};

/// One node of ours that speaks the line protocol of broadcast benchmarks on standard input and output.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Options {
    /// Where to listen
    #[arg(long)]
    listen: SocketAddr,
    /// The topic of all messages
    #[arg(long)]
    pub(crate) topic: String,
    /// Decides the identity, so that runs can be repeated
    #[arg(long)]
    seed: u64,
    /// Coded shards, or plain GossipSub
    #[arg(long, value_enum, default_value = "coded")]
    mode: ModeOption,
    /// What links are made of
    #[arg(long, value_enum, default_value = "quic")]
    transport: Transport,
    /// Congestion control of QUIC
    #[arg(long, value_enum, default_value = "bbr")]
    congestion: CongestionOption,
    /// Shards of a message: 1 to 128, or auto
    #[arg(long, default_value = "4", value_parser = shard_factor)]
    k: ShardFactor,
    /// Share of the shards from which a relay codes
    #[arg(long, default_value = "0.75", value_parser = threshold)]
    threshold: Threshold,
    /// What decides how many shards a neighbour gets
    #[arg(long, value_enum, default_value = "informed")]
    schedule: ScheduleOption,
    /// Mesh degrees: least, target, most
    #[arg(long, num_args = 3, value_names = ["LOW", "TARGET", "HIGH"], default_values_t = [4, 6, 12])]
    mesh: Vec<usize>,
    /// Neither publisher nor signature in messages; only in gossipsub mode
    #[arg(long)]
    unsigned: bool,
    /// Longest message, bytes
    #[arg(long, default_value_t = 8 << 20)]
    pub(crate) message_bytes_max: usize,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ModeOption {
    Coded,
    Gossipsub,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Transport {
    Quic,
    Tcp,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CongestionOption {
    Bbr,
    Cubic,
    Newreno,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ScheduleOption {
    Informed,
    Exchange,
}

impl Options {
    /// A node set up as the options say.
    pub(crate) fn builder(&self) -> anyhow::Result<NodeBuilder> {
        let (ip, port) = (self.listen.ip(), self.listen.port());
        let family = if ip.is_ipv4() { "ip4" } else { "ip6" };
        let listen = match self.transport {
            Transport::Quic => format!("/{family}/{ip}/udp/{port}/quic-v1"),
            Transport::Tcp => format!("/{family}/{ip}/tcp/{port}"),
        };
        let congestion = match self.congestion {
            CongestionOption::Bbr => Congestion::Bbr,
            CongestionOption::Cubic => Congestion::Cubic,
            CongestionOption::Newreno => Congestion::NewReno,
        };
        Ok(Node::builder()
            .identity(self.identity()?)
            .listen(listen)
            .congestion(congestion)
            .queues(QueueBounds { items_max: DELIVERIES_MAX, bytes_max: DELIVERIES_BYTES_MAX })
            .settings(|settings| self.apply(settings)))
    }

    fn identity(&self) -> anyhow::Result<Identity> {
        let mut secret = [0; 32];
        secret[..8].copy_from_slice(&self.seed.to_le_bytes());
        let keypair = Keypair::ed25519_from_bytes(secret).context("identity")?;
        Identity::new(keypair).context("identity")
    }

    fn apply(&self, settings: &mut Settings) {
        settings.mode = match self.mode {
            ModeOption::Coded => Mode::Optimum,
            ModeOption::Gossipsub => Mode::Gossipsub,
        };
        settings.coded.shard_factor = self.k;
        settings.coded.threshold = self.threshold;
        settings.coded.schedule = match self.schedule {
            ScheduleOption::Informed => Schedule::Informed,
            ScheduleOption::Exchange => Schedule::Exchange,
        };
        let [min, target, max] = self.mesh[..] else { unreachable!("clap takes three") };
        settings.mesh = MeshSettings::with_degrees(min, target, max);
        settings.message_bytes_max = self.message_bytes_max;
        if self.unsigned {
            settings.signatures = Signatures::StrictNoSign;
            settings.message_ids = MessageIds::Content;
        }
    }
}

fn shard_factor(text: &str) -> Result<ShardFactor, String> {
    if text == "auto" {
        return Ok(ShardFactor::Auto);
    }
    match u16::from_str(text) {
        Ok(k) if (1..=ShardFactor::MAX).contains(&k) => Ok(ShardFactor::Fixed(k)),
        Ok(_) | Err(_) => Err(format!("not a whole number from 1 to {}, nor auto", ShardFactor::MAX)),
    }
}

fn threshold(text: &str) -> Result<Threshold, String> {
    let value = text.parse().ok().and_then(Threshold::new);
    value.ok_or_else(|| "not a number above 0, at most 1".to_owned())
}

/// Delivered messages that wait to be checked; more are counted as dropped.
const DELIVERIES_MAX: usize = 100_000;

/// Their bytes.
const DELIVERIES_BYTES_MAX: usize = 1 << 30;
