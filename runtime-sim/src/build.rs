//! From settings to a network.

use std::sync::Arc;
use std::time::Duration;

use braidcast_protocol::Time;

use crate::drive::Happening;
use crate::host::Host;
use crate::latency::Latencies;
use crate::recorder::Recorder;
use crate::rng::{Concern, Draws, choose_nodes};
use crate::share::Shares;
use crate::topology::behind_nat;
use crate::world::Rates;
use crate::{BuildError, Builder, Network, Sharing};

impl Builder {
    /// The network at time zero, before any node started.
    pub fn build(mut self) -> Result<Network, BuildError> {
        self.check()?;
        let nat = self.nat();
        let graph = self.topology.neighbours(self.nodes, &self.seed)?;
        let graph = if nat.contains(&true) { behind_nat(graph, &nat, &self.seed)? } else { graph };
        self.world.latencies = Latencies::new(self.latency.clone(), &self.seed, self.nodes);
        let mut network =
            Network::empty(self.seed.clone(), self.world.clone(), self.queue, self.watch.clone());
        network.recorder = self.recorded.map(|node| Recorder::new(node as u32));
        if [self.world.uplinks, self.world.downlinks].contains(&Sharing::FairShare) {
            network.shares = Some(Shares::new(self.nodes));
        }
        let mut starts = Draws::new(&self.seed, Concern::StartTimes);
        for (index, neighbours) in graph.into_iter().enumerate() {
            let peer = Draws::new(&self.seed, Concern::Identity(index as u32)).peer_id();
            let config = self.configs.get(&index).unwrap_or(&self.config);
            let mut host = Host::new(peer, Arc::clone(config), neighbours);
            host.tamper = self.tampers.get(&index).copied();
            host.nat = nat[index];
            host.shares_with = self.addresses.get(&index).map(|with| *with as u32);
            network.peers.insert(peer, index as u32);
            let Rates { up, down } = *self.node_rates.get(&index).unwrap_or(&self.rates);
            host.fastest = Rates { up, down };
            network.hosts.push(host);
            network.set_uplink(index, up);
            network.set_downlink(index, down);
            let at = Time::EPOCH + starts.between(Duration::ZERO, self.start_within);
            network.queue.push(at, Happening::Start { node: index as u32, life: 0 });
        }
        for (at, fault) in self.faults {
            network.inject_at(at, fault)?;
        }
        for (node, adversary) in self.adversaries {
            network.set_adversary(node, Some(adversary));
        }
        Ok(network)
    }

    /// Which nodes nobody can dial.
    fn nat(&self) -> Vec<bool> {
        let count = self.nodes as u64 * u64::from(self.nat_ppm) / 1_000_000;
        let mut nat = vec![false; self.nodes];
        for node in choose_nodes(&self.seed, NAT, self.nodes, count as usize, &[]) {
            nat[node] = true;
        }
        nat
    }

    fn check(&self) -> Result<(), BuildError> {
        if self.nodes == 0 || self.nodes > NODES_MAX {
            return Err(BuildError::Nodes { nodes: self.nodes, max: NODES_MAX });
        }
        let named = self
            .adversaries
            .keys()
            .chain(self.addresses.keys())
            .chain(self.configs.keys())
            .chain(self.node_rates.keys())
            .chain(&self.recorded);
        if let Some(&node) = named.chain(self.tampers.keys()).find(|node| **node >= self.nodes) {
            return Err(BuildError::Node { node, nodes: self.nodes });
        }
        if self.nat_ppm > 1_000_000 {
            return Err(BuildError::Nat { ppm: self.nat_ppm });
        }
        if self.world.loss.ppm >= 1_000_000 {
            return Err(BuildError::Loss { ppm: self.world.loss.ppm });
        }
        if self.world.body_scale == 0 {
            return Err(BuildError::Zero { name: "body_scale" });
        }
        if self.world.window_bytes == 0 {
            return Err(BuildError::Zero { name: "window" });
        }
        if let Some(rules) = self.world.congestion
            && (rules.initial_bytes == 0 || rules.packet_bytes == 0 || rules.max_bytes < rules.initial_bytes)
        {
            return Err(BuildError::Congestion { rules });
        }
        Ok(())
    }
}

/// Leaves 4096 connections of each pair within a 32-bit link number.
const NODES_MAX: usize = 1 << 20;

/// The purpose of choosing the nodes behind NAT; callers' purposes are below.
const NAT: u32 = u32::MAX;
