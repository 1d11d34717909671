//! How one message spreads, beside the bound that no network can beat.
//!
//! `cargo run --release -p braidcast-runtime-sim --example spread -- --nodes 1000 --k 64 --degree 8`
//!
//! Options, each with a value: `--nodes`, `--k`, `--degree` (mesh), `--links` (connections of each node, twice the
//! degree), `--bytes` (message), `--mbit` (uplink), `--down-mbit` (downlink, unlimited), `--latency-ms`, `--regions`
//! (`aws` or `ethereum`, in place of one latency), `--jitter-ms` (median, lognormal), `--loss-ppm`, `--window` (bytes of
//! a link in the uplink's queue), `--threshold` (share of k from which relays code), `--seed`, `--mode` (`optimum` or
//! `gossipsub`), `--queue` (`bucketed` or `reference`).
#![allow(clippy::print_stdout, reason = "a program for people")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use braidcast_protocol::{
    CodedSettings, Config, MeshSettings, MessageId, Mode, Seed, Settings, ShardFactor, Threshold, Time, Topic,
};
use braidcast_runtime_sim::{Distribution, Latency, Loss, Network, Queue, Regions};

struct Options {
    nodes: usize,
    k: u16,
    degree: usize,
    links: Option<usize>,
    bytes: u64,
    mbit: u64,
    down_mbit: Option<u64>,
    latency: Latency,
    jitter: Duration,
    queue: Queue,
    loss_ppm: u32,
    window: u64,
    threshold: Threshold,
    seed: u64,
    mode: Mode,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_args(std::env::args().skip(1))?;
    let (mut network, topic) = options.network()?;
    network.subscribe_all(&topic)?;
    network.run_until(Time::EPOCH + Duration::from_secs(5))?;
    network.check_mesh_symmetry(&topic)?;

    let payload: Vec<u8> = (0..options.real_bytes()).map(|i| (i * 31 % 251) as u8).collect();
    let before = network.events();
    let message = network.publish(0, &topic, payload.into())?;
    let bound = network.now() + Duration::from_secs(60);
    let all = network.run_until_delivered(std::slice::from_ref(&message.id), bound)?;
    options.report(&network, &message.id).ok_or("the message was not recorded")?;
    // What is still on its way counts as a copy, too.
    network.run_until(network.now() + Duration::from_secs(2))?;
    options.report_traffic(&network);
    println!("events {}, trace hash {:032x}", network.events() - before, network.trace_hash());
    if all { Ok(()) } else { Err(format!("missing at {:?}", network.missing(&message.id)).into()) }
}

impl Options {
    fn from_args(mut args: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut options = Self {
            nodes: 1000,
            k: 64,
            degree: 8,
            links: None,
            bytes: 1 << 20,
            mbit: 50,
            down_mbit: None,
            latency: Latency::Constant(Duration::from_millis(50)),
            jitter: Duration::ZERO,
            queue: Queue::default(),
            loss_ppm: 0,
            window: 1,
            threshold: CodedSettings::default().threshold,
            seed: 1,
            mode: Mode::Optimum,
        };
        while let Some(name) = args.next() {
            let value = args.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--nodes" => options.nodes = value.parse()?,
                "--k" => options.k = value.parse()?,
                "--degree" => options.degree = value.parse()?,
                "--links" => options.links = Some(value.parse()?),
                "--bytes" => options.bytes = value.parse()?,
                "--mbit" => options.mbit = value.parse()?,
                "--down-mbit" => options.down_mbit = Some(value.parse()?),
                "--latency-ms" => {
                    options.latency = Latency::Constant(Duration::from_millis(value.parse()?));
                }
                "--regions" if value == "aws" => options.latency = Latency::Regions(Regions::aws().into()),
                "--regions" if value == "ethereum" => {
                    options.latency = Latency::Regions(Regions::ethereum().into());
                }
                "--jitter-ms" => options.jitter = Duration::from_millis(value.parse()?),
                "--queue" if value == "bucketed" => options.queue = Queue::Bucketed,
                "--queue" if value == "reference" => options.queue = Queue::Reference,
                "--loss-ppm" => options.loss_ppm = value.parse()?,
                "--window" => options.window = value.parse()?,
                "--threshold" => {
                    options.threshold = Threshold::new(value.parse()?).ok_or("threshold is not in (0, 1]")?;
                }
                "--seed" => options.seed = value.parse()?,
                "--mode" if value == "optimum" => options.mode = Mode::Optimum,
                "--mode" if value == "gossipsub" => options.mode = Mode::Gossipsub,
                _ => return Err(format!("unknown option {name} {value}").into()),
            }
        }
        Ok(options)
    }

    fn network(&self) -> Result<(Network, Topic), Box<dyn Error>> {
        let mut settings = Settings { mode: self.mode, ..Settings::default() };
        let min = self.degree.saturating_sub(2).max(1);
        settings.mesh = MeshSettings::with_degrees(min, self.degree, self.degree + 4);
        settings.coded.shard_factor = ShardFactor::Fixed(self.k);
        settings.coded.threshold = self.threshold;
        settings.coded.small_message_bytes = 1;
        let links = self.links.unwrap_or(2 * self.degree).min(self.nodes - 1);
        let mut builder = Network::builder(Seed::from_number(self.seed), Arc::new(Config::new(settings)?))
            .nodes(self.nodes)
            .degree(links)
            .latency(self.latency.clone())
            .uplink(Some(bytes_per_s(self.mbit)))
            .downlink(self.down_mbit.map(bytes_per_s))
            .queue(self.queue)
            .window(self.window)
            .loss(Loss { ppm: self.loss_ppm, timeout: Duration::from_millis(200) })
            .body_scale(self.scale());
        if !self.jitter.is_zero() {
            builder = builder.jitter(Distribution::LogNormal { median: self.jitter, sigma_milli: 500 });
        }
        Ok((builder.build()?, Topic::new("spread")))
    }

    /// One real shard is the shortest that there is, 64 bytes.
    fn scale(&self) -> u32 {
        u32::try_from(self.bytes / (u64::from(self.k) * 64)).unwrap_or(u32::MAX).max(1)
    }

    fn real_bytes(&self) -> usize {
        (self.bytes / u64::from(self.scale())) as usize
    }

    fn report(&self, network: &Network, message: &MessageId) -> Option<()> {
        println!(
            "nodes {}, k {}, mesh {}, {} B, seed {}",
            self.nodes, self.k, self.degree, self.bytes, self.seed
        );
        let published = network.published(message)?;
        for share in [50, 95, 99, 100] {
            let bound = network.bounds(message, share)?.tightest().as_secs_f64();
            let Some(time) = published.time_to(share).map(|time| time.as_secs_f64()) else { continue };
            let ratio = time / bound.max(f64::EPSILON);
            println!(
                "{share:>3} % of nodes {:>8.1} ms, bound {:>8.1} ms, ratio {ratio:.2}",
                time * 1e3,
                bound * 1e3
            );
        }
        let hops = (0..self.nodes).filter_map(|node| published.hops(node)).max()?;
        println!("hops at most {hops}");
        Some(())
    }

    fn report_traffic(&self, network: &Network) {
        let stats: Vec<_> = (0..self.nodes).map(|node| network.stats(node)).collect();
        let sum = |of: fn(&braidcast_runtime_sim::NodeStats) -> u64| stats.iter().map(of).sum::<u64>();
        let receivers = (self.nodes as f64 - 1.0).max(1.0);
        let copies = sum(|node| node.body_bytes_received) as f64 / (self.real_bytes() as f64 * receivers);
        println!("copies received per node {copies:.2}");
        println!(
            "sent per node: data {} B, control {} B",
            sum(|n| n.data_bytes) / self.nodes as u64,
            sum(|n| n.control_bytes) / self.nodes as u64
        );
    }
}

const fn bytes_per_s(mbit: u64) -> u64 {
    mbit * 1_000_000 / 8
}
