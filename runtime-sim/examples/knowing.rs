//! What would a sender have to know to spread a message faster? A model of a network of one degree, without protocol.
//!
//! `cargo run --release -p braidcast-runtime-sim --example knowing -- --latency 500 --seeds 2`
//!
//! It has what decides the time in the scenario `bound-deg40` and nothing else: uplinks and downlinks of one rate, one
//! latency, random combinations, the order of neighbours by lot, the fan-out of relays. So it can be asked what no
//! implementation can try: senders that see what others hold, or what is on its way to them ([`Knowledge`]).
//!
//! Options, each with a value: `--nodes`, `--degree`, `--k`, `--latency` and `--headers` (thousandths of the time to
//! send the message once, and of a shard), `--seeds`.
#![allow(clippy::print_stdout, reason = "a program for people")]

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use braidcast_coding::kernel::{Mode, product};
use braidcast_coding::{Offer, Params, Rank};
use braidcast_protocol::{Config, MeshSettings, Seed, Settings, Time, Topic};
use braidcast_runtime_sim::{Network, postal_bound};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// What senders know of their neighbours beyond what came from them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Knowledge {
    /// Who is complete, a latency later: as the protocol, whose reports of the ranks between change little here.
    Nothing,
    /// What every neighbour holds now: nothing goes to one that holds all we do.
    Held,
    /// What every neighbour will hold once all has arrived that anybody sent: each shard is new when it arrives.
    Coming,
    /// The same, and whoever will hold least is served first.
    Least,
}

/// A thousandth of a shard's time, the unit of all times.
const SHARD: u64 = 1000;
/// Shards that a relay may send for each that it holds and each of its neighbours, in hundredths (spec section 5).
const FAN_OUT: usize = 45;

struct Options {
    nodes: usize,
    degree: usize,
    k: usize,
    latency: u64,
    headers: u64,
    seeds: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_args(std::env::args().skip(1))?;
    let bound = options.bound();
    println!("bound {:.1} shards' times", bound as f64 / SHARD as f64);
    for knowledge in [Knowledge::Nothing, Knowledge::Held, Knowledge::Coming, Knowledge::Least] {
        for seed in 1..=options.seeds {
            let mut model = Model::new(&options, knowledge, seed)?;
            model.run();
            let mut complete: Vec<u64> = model.nodes.iter().map(|node| node.complete).collect();
            complete.sort_unstable();
            let at = |percent: usize| complete[(complete.len() - 1) * percent / 100] as f64 / bound as f64;
            println!(
                "{knowledge:?}, seed {seed}: to half {:.3}, to 95 % {:.3}, to all {:.3} x the bound, {:.1} not new",
                at(50),
                at(95),
                at(100),
                model.redundant as f64 / options.nodes as f64
            );
        }
    }
    Ok(())
}

impl Options {
    fn from_args(mut args: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut options = Self { nodes: 1000, degree: 40, k: 80, latency: 200, headers: 25, seeds: 2 };
        while let Some(name) = args.next() {
            let value = args.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--nodes" => options.nodes = value.parse()?,
                "--degree" => options.degree = value.parse()?,
                "--k" => options.k = value.parse()?,
                "--latency" => options.latency = value.parse()?,
                "--headers" => options.headers = value.parse()?,
                "--seeds" => options.seeds = value.parse()?,
                _ => return Err(format!("unknown option {name} {value}").into()),
            }
        }
        Ok(options)
    }

    /// In units of time: a shard without headers takes [`SHARD`], as in [`postal_bound`] a byte a second.
    fn bound(&self) -> u64 {
        let chunks = self.k as u64;
        let latency = Duration::from_secs(self.latency());
        postal_bound(self.nodes, chunks * SHARD, chunks, 1, latency).as_secs()
    }

    fn latency(&self) -> u64 {
        self.latency * self.k as u64
    }
}

/// One end of a link, as the node at this end sees it.
struct Neighbour {
    node: usize,
    /// Its place in our order.
    lot: u64,
    sent: usize,
    received: usize,
    /// It said that it is complete.
    done: bool,
}

struct NodeState {
    neighbours: Vec<Neighbour>,
    held: Rank,
    /// The coefficients of what it holds.
    rows: Vec<Vec<u8>>,
    /// Source shards that came from the publisher, each with the neighbours to which it has not gone yet.
    direct: Vec<(Vec<u8>, Vec<usize>)>,
    /// With what is on its way to it.
    coming: Rank,
    beside_publisher: bool,
    sent: usize,
    sending: bool,
    downlink_free: u64,
    complete: u64,
}

enum Event {
    /// The uplink has sent a shard.
    Free(usize),
    Arrival {
        from: usize,
        to: usize,
        shard: Vec<u8>,
    },
    /// `to` hears that `from` is complete.
    Done {
        from: usize,
        to: usize,
    },
}

struct Model {
    nodes: Vec<NodeState>,
    knowledge: Knowledge,
    k: usize,
    latency: u64,
    shard_time: u64,
    rng: ChaCha8Rng,
    now: u64,
    queue: BinaryHeap<Reverse<(u64, usize)>>,
    events: Vec<Option<Event>>,
    handed_out: usize,
    redundant: usize,
}

const PUBLISHER: usize = 0;

impl Model {
    fn new(options: &Options, knowledge: Knowledge, seed: u64) -> Result<Self, Box<dyn Error>> {
        let graph = graph(options, seed)?;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let params = Params::for_message(1, options.k)?;
        let node = |neighbours: Vec<usize>, rng: &mut ChaCha8Rng| NodeState {
            beside_publisher: neighbours.contains(&PUBLISHER),
            neighbours: neighbours
                .into_iter()
                .map(|node| Neighbour { node, lot: rng.next_u64(), sent: 0, received: 0, done: false })
                .collect(),
            held: Rank::new(params),
            rows: Vec::new(),
            direct: Vec::new(),
            coming: Rank::new(params),
            sent: 0,
            sending: false,
            downlink_free: 0,
            complete: u64::MAX,
        };
        let nodes = graph.into_iter().map(|neighbours| node(neighbours, &mut rng)).collect();
        Ok(Self {
            nodes,
            knowledge,
            k: options.k,
            latency: options.latency(),
            shard_time: SHARD + options.headers,
            rng,
            now: 0,
            queue: BinaryHeap::new(),
            events: Vec::new(),
            handed_out: 0,
            redundant: 0,
        })
    }

    /// Until all nodes are complete.
    fn run(&mut self) {
        for index in 0..self.k {
            self.nodes[PUBLISHER].take(source(self.k, index));
            self.nodes[PUBLISHER].reserve(&source(self.k, index));
        }
        self.nodes[PUBLISHER].complete = 0;
        let mut missing = self.nodes.len() - 1;
        self.send(PUBLISHER);
        while let Some(Reverse((now, event))) = self.queue.pop().filter(|_| missing > 0) {
            self.now = now;
            match self.events[event].take().expect("an event happens once") {
                Event::Free(node) => {
                    self.nodes[node].sending = false;
                    self.send(node);
                }
                Event::Arrival { from, to, shard } => missing -= usize::from(self.arrive(from, to, shard)),
                Event::Done { from, to } => self.nodes[to].neighbour(from).done = true,
            }
        }
    }

    /// Whether the receiver is complete now.
    fn arrive(&mut self, from: usize, to: usize, shard: Vec<u8>) -> bool {
        let node = &mut self.nodes[to];
        node.neighbour(from).received += 1;
        if node.complete <= self.now {
            return false;
        }
        if from == PUBLISHER && shard.iter().filter(|byte| **byte > 0).count() == 1 {
            node.direct.push((shard.clone(), (0..node.neighbours.len()).collect()));
        }
        if !node.take(shard) {
            self.redundant += 1;
        }
        let complete = node.held.is_full();
        if complete {
            node.complete = self.now;
            let neighbours: Vec<usize> = node.neighbours.iter().map(|other| other.node).collect();
            for other in neighbours {
                self.schedule(self.now + self.latency, Event::Done { from: to, to: other });
            }
        }
        self.send(to);
        complete
    }

    /// Sends a shard if the uplink is free and a neighbour is to have one.
    fn send(&mut self, from: usize) {
        if self.nodes[from].sending || self.nodes[from].rows.is_empty() {
            return;
        }
        // If it brings something new to somebody, all that we hold mixed does, but for one time in 256.
        let all = self.nodes[from].combination(&mut self.rng);
        let Some(at) = self.choose(from, &all) else { return };
        let to = self.nodes[from].neighbours[at].node;
        let shard = if from == PUBLISHER && self.handed_out < self.k {
            self.handed_out += 1;
            source(self.k, self.handed_out - 1)
        } else if self.knowledge >= Knowledge::Coming {
            all
        } else {
            self.nodes[from].pass_on(at).unwrap_or(all)
        };
        let (now, sent) = (self.now, self.now + self.shard_time);
        let node = &mut self.nodes[from];
        (node.sending, node.sent) = (true, node.sent + 1);
        node.neighbours[at].sent += 1;
        let receiver = &mut self.nodes[to];
        receiver.reserve(&shard);
        // Received while it is still being sent, but not faster than the downlink.
        receiver.downlink_free =
            (receiver.downlink_free + self.shard_time).max(now + self.shard_time + self.latency);
        let arrival = receiver.downlink_free;
        self.schedule(sent, Event::Free(from));
        self.schedule(arrival, Event::Arrival { from, to, shard });
    }

    /// Which of a node's neighbours is to have the next shard; `all` is a mixture of all that the node holds.
    fn choose(&self, from: usize, all: &[u8]) -> Option<usize> {
        let node = &self.nodes[from];
        let rank = node.rows.len();
        let relay = !node.beside_publisher && rank < self.k;
        let informed = self.knowledge >= Knowledge::Coming;
        if !informed && relay && node.sent * 100 >= FAN_OUT * node.neighbours.len() * rank {
            return None;
        }
        let due = |other: &&(usize, &Neighbour)| {
            let (_, other) = other;
            let receiver = &self.nodes[other.node];
            let exchange = from == PUBLISHER || other.sent + other.received < rank;
            other.node != PUBLISHER
                && match self.knowledge {
                    Knowledge::Nothing => exchange && !other.done,
                    Knowledge::Held => exchange && !other.done && is_new(&receiver.held, all),
                    Knowledge::Coming | Knowledge::Least => is_new(&receiver.coming, all),
                }
        };
        let key = |other: &(usize, &Neighbour)| {
            let receiver = &self.nodes[other.1.node];
            let first =
                if self.knowledge == Knowledge::Least { receiver.coming.rank() } else { other.1.sent };
            (first, other.1.lot)
        };
        let neighbours: Vec<(usize, &Neighbour)> = node.neighbours.iter().enumerate().collect();
        neighbours.iter().filter(due).min_by_key(|other| key(other)).map(|(at, _)| *at)
    }

    fn schedule(&mut self, at: u64, event: Event) {
        self.queue.push(Reverse((at, self.events.len())));
        self.events.push(Some(event));
    }
}

impl NodeState {
    fn neighbour(&mut self, node: usize) -> &mut Neighbour {
        self.neighbours.iter_mut().find(|other| other.node == node).expect("links have two ends")
    }

    /// Takes a shard; whether it was new.
    fn take(&mut self, shard: Vec<u8>) -> bool {
        let new = matches!(self.held.offer(&shard), Ok(Offer::Innovative { .. }));
        if new {
            self.rows.push(shard);
        }
        new
    }

    fn reserve(&mut self, shard: &[u8]) {
        self.coming.offer(shard).expect("a shard has k coefficients, not all zero");
    }

    /// A random combination of all that the node holds.
    fn combination(&self, rng: &mut ChaCha8Rng) -> Vec<u8> {
        let mut factors = vec![0; self.rows.len()];
        rng.fill_bytes(&mut factors);
        factors[0] |= 1;
        let mut mixed = vec![0; self.held.k()];
        let rows: Vec<&[u8]> = self.rows.iter().map(Vec::as_slice).collect();
        product(&mut [&mut mixed], &rows, &factors, Mode::Overwrite);
        mixed
    }

    /// A source shard straight from the publisher that a neighbour was not sent, one that went to fewest others.
    fn pass_on(&mut self, at: usize) -> Option<Vec<u8>> {
        let left = |(_, to): &&mut (Vec<u8>, Vec<usize>)| to.contains(&at);
        let (shard, to) = self.direct.iter_mut().filter(left).max_by_key(|(_, to)| to.len())?;
        to.retain(|other| *other != at);
        Some(shard.clone())
    }
}

fn source(k: usize, index: usize) -> Vec<u8> {
    let mut shard = vec![0; k];
    shard[index] = 1;
    shard
}

fn is_new(held: &Rank, shard: &[u8]) -> bool {
    held.is_innovative(shard).unwrap_or(false)
}

/// The neighbours of each node in a random regular graph.
fn graph(options: &Options, seed: u64) -> Result<Vec<Vec<usize>>, Box<dyn Error>> {
    let (degree, topic) = (options.degree, Topic::new("model"));
    let settings =
        Settings { mesh: MeshSettings::with_degrees(degree, degree, degree + 4), ..Settings::default() };
    let mut network = Network::builder(Seed::from_number(seed), Arc::new(Config::new(settings)?))
        .nodes(options.nodes)
        .degree(degree)
        .build()?;
    network.subscribe_all(&topic)?;
    network.run_until(Time::EPOCH + Duration::from_secs(5))?;
    network.check_mesh_symmetry(&topic)?;
    Ok((0..options.nodes).map(|node| network.mesh(node, &topic)).collect())
}
