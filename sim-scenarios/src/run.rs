//! One scenario with one seed, from the first event to the result.

use std::time::{Duration, Instant};

use braidcast_protocol::{MessageId, Seed, SubscribeError, Time, Topic};
use braidcast_runtime_sim::{BuildError, CommandError, Failure, Network, NodeStats, Watch};
use bytes::Bytes;

use crate::intrusion::Intrusion;
use crate::measure::{self, Before};
use crate::result::{Checkpoint, DeliveryRow, RunResult};
use crate::spread::Spread;
use crate::{Scenario, ScenarioError};

/// A run that went to its end.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What it found.
    pub result: RunResult,
    /// Every first delivery of a message at a node, by message and node.
    pub deliveries: Vec<DeliveryRow>,
    /// How the first message spread, if that was asked for.
    pub spread: Option<Spread>,
}

/// What a run does besides its figures; none of it changes them.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Extras {
    /// Record the way of the first message.
    pub spread: bool,
}

/// Why a run has no result.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The scenario cannot be run.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The network cannot be built.
    #[error("network: {0}")]
    Build(#[from] BuildError),
    /// The topic was refused.
    #[error("workload.topic: {0}")]
    Subscribe(#[from] SubscribeError),
    /// A publication was refused.
    #[error("publishing: {0}")]
    Publish(CommandError),
    /// A rule of the simulator was broken: a bug.
    #[error("seed {seed}: {failure}")]
    Broken {
        /// The seed that shows it.
        seed: u64,
        /// What was broken.
        failure: Box<Failure>,
    },
}

/// Runs a scenario; `progress` is told the share of it that is done, 0 to 1.
pub fn run(
    scenario: &Scenario,
    seed: u64,
    extras: Extras,
    progress: &mut dyn FnMut(f64),
) -> Result<Outcome, RunError> {
    let (mut run, before) = play(scenario, seed, extras, Watch::default(), progress)?;
    let (result, deliveries) = measure::measure(&run, &before);
    let spread = run.spread.take().map(|(spread, at)| spread.finish(&run.network, at));
    Ok(Outcome { result, deliveries, spread })
}

/// Everything up to the end of a run, and the counters at the first publication.
pub(crate) fn play<'a>(
    scenario: &'a Scenario,
    seed: u64,
    extras: Extras,
    watch: Watch,
    progress: &mut dyn FnMut(f64),
) -> Result<(Run<'a>, Before), RunError> {
    let mut run = Run::start(scenario, seed, watch)?;
    let (publications, interval) = (scenario.workload.count, scenario.workload.interval);
    let first = Time::EPOCH + scenario.workload.warm_up;
    run.advance(first)?;
    let before = Before::take(&run.network);
    run.intrusion = Intrusion::default();
    for index in 0..publications {
        run.advance(first + interval * index as u32)?;
        run.publish(index, extras)?;
        progress(index as f64 / publications as f64);
    }
    let (last, end) = (run.network.now(), run.network.now() + scenario.limits.time);
    // What a later fault takes away or brings back counts, too.
    let calm = Time::EPOCH + scenario.trouble.last_at();
    while run.network.now() < end && (run.network.now() < calm || !run.all_delivered()) {
        run.advance((run.network.now() + SLICE).min(end))?;
        progress(run.network.now().since(last).as_secs_f64() / scenario.limits.time.as_secs_f64());
    }
    run.advance(run.network.now() + scenario.limits.drain)?;
    for message in &run.messages {
        run.network
            .check_bounds(message)
            .map_err(|failure| RunError::Broken { seed, failure: Box::new(failure) })?;
    }
    progress(1.0);
    Ok((run, before))
}

/// A run under way.
pub(crate) struct Run<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) seed: u64,
    pub(crate) network: Network,
    pub(crate) topic: Topic,
    pub(crate) messages: Vec<MessageId>,
    pub(crate) unpublished: usize,
    pub(crate) checkpoints: Vec<Checkpoint>,
    /// What adversaries have of the meshes.
    pub(crate) intrusion: Intrusion,
    pub(crate) started: Instant,
    /// The log of the first message and when it was published.
    spread: Option<(Spread, Time)>,
}

impl<'a> Run<'a> {
    fn start(scenario: &'a Scenario, seed: u64, watch: Watch) -> Result<Self, RunError> {
        let started = Instant::now();
        let builder = Network::builder(Seed::from_number(seed), scenario.core_config()?);
        let builder = scenario.network.apply(builder).body_scale(scenario.workload.scale).watch(watch);
        let mut network = scenario.trouble.apply(builder).build()?;
        let topic = Topic::new(scenario.workload.topic.as_str());
        network.subscribe_all(&topic)?;
        let (messages, checkpoints) = (Vec::new(), Vec::new());
        Ok(Self {
            scenario,
            seed,
            network,
            topic,
            messages,
            unpublished: 0,
            checkpoints,
            intrusion: Intrusion::default(),
            started,
            spread: None,
        })
    }

    /// Lets virtual time pass, in slices that leave a checkpoint each.
    fn advance(&mut self, until: Time) -> Result<(), RunError> {
        while self.network.now() < until {
            let to = until.min(self.network.now() + SLICE);
            let broken = |failure| RunError::Broken { seed: self.seed, failure: Box::new(failure) };
            self.network.run_until(to).map_err(broken)?;
            let trace_hash = format!("{:032x}", self.network.trace_hash());
            if self.scenario.judges() {
                self.intrusion.look(&self.network, &self.topic);
            }
            self.checkpoints.push(Checkpoint { at_ms: to.as_nanos() / 1_000_000, trace_hash });
        }
        Ok(())
    }

    fn publish(&mut self, index: usize, extras: Extras) -> Result<(), RunError> {
        let workload = &self.scenario.workload;
        let node = workload.publishers[index % workload.publishers.len()];
        match self.network.publish(node, &self.topic, payload(self.seed, index, workload.real_bytes)) {
            Ok(message) => {
                if extras.spread && self.messages.is_empty() {
                    self.network.log_spread(&message.id);
                    let spread = Spread::begin(&self.network, &self.topic, node, workload.chunks);
                    self.spread = Some((spread, self.network.now()));
                }
                self.messages.push(message.id);
            }
            Err(CommandError::Down { .. }) => self.unpublished += 1,
            Err(error @ CommandError::Publish(_)) => return Err(RunError::Publish(error)),
        }
        Ok(())
    }

    fn all_delivered(&self) -> bool {
        let honest = |node: &usize| !self.network.is_adversary(*node);
        self.messages.iter().all(|message| !self.network.missing(message).iter().any(honest))
    }

    pub(crate) fn stats(&self) -> impl Iterator<Item = NodeStats> {
        (0..self.network.nodes()).map(|node| self.network.stats(node))
    }
}

/// Bytes that no code can profit from, different for each seed and message (xorshift64).
fn payload(seed: u64, index: usize, len: usize) -> Bytes {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(index as u64) << 1 | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(|_| next()).collect::<Vec<u8>>().into()
}

/// Between two looks at what has arrived.
const SLICE: Duration = Duration::from_millis(100);
