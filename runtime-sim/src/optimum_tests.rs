//! The lines let a perfect schedule reach the bound: so the bound is not beyond what the model can do, nor below it.

use std::time::Duration;

use braidcast_protocol::rpc::{Message, Rpc};
use braidcast_protocol::{Config, PeerId, Seed, SendClass, Settings, Time, Topic};
use bytes::Bytes;

use crate::host::link_id;
use crate::{Latency, Network, Topology, postal_bound};

const RATE: u64 = 1_000_000;
const PIECE_BYTES: usize = 10_000;

/// The highest piece of each node; `None` for none. A node that has piece `i` has all before it or will not miss them.
struct Pieces(Vec<Vec<bool>>);

impl Pieces {
    fn highest(&self, node: usize) -> Option<usize> {
        self.0[node].iter().rposition(|held| *held)
    }

    fn complete(&self) -> bool {
        self.0.iter().flatten().all(|held| *held)
    }
}

/// Who sends which piece to whom in a round: the nodes pair up along one dimension of a hypercube after the other, the
/// source gives out a new piece each round, everyone else passes on the highest piece that it holds.
/// Source: Ganesan and Seshadri, "On Cooperative Content Distribution and the Price of Barter", 2005 (the binomial
/// pipeline).
fn round(pieces: &Pieces, dimensions: usize, number: usize) -> Vec<(usize, usize, usize)> {
    let last = pieces.0[0].len() - 1;
    let sends = (0..pieces.0.len()).filter_map(|node| {
        let to = node ^ (1 << (number % dimensions));
        let piece = if node == 0 { number.min(last) } else { pieces.highest(node)? };
        (!pieces.0[to][piece]).then_some((node, to, piece))
    });
    sends.collect()
}

/// One frame of a piece's length, of a topic that nobody is in.
fn frame(me: usize) -> Rpc {
    let message = Message {
        publisher: PeerId::from_bytes(&[me as u8]),
        seqno: Some(me as u64),
        topic: Topic::new("pieces"),
        data: Bytes::from(vec![0; PIECE_BYTES]),
        signature: Bytes::new(),
        key: Bytes::new(),
    };
    Rpc { publish: vec![message.into()], ..Rpc::default() }
}

#[test]
fn without_latency_a_perfect_schedule_reaches_the_bound_within_one_round() {
    for (dimensions, count) in [(1, 4), (2, 8), (3, 16), (4, 64), (5, 7)] {
        let nodes = 1 << dimensions;
        let config = Config::new(Settings::default()).expect("the defaults are valid");
        let mut network = Network::builder(Seed::from_number(1), config.into())
            .nodes(nodes)
            .topology(Topology::Full)
            .latency(Latency::Constant(Duration::ZERO))
            .uplink(Some(RATE))
            .build()
            .expect("a small network");
        network.run_until(Time::EPOCH + Duration::from_secs(5)).expect("an idle network");
        let mut pieces = Pieces(vec![vec![false; count]; nodes]);
        pieces.0[0] = vec![true; count];
        let (began, mut number) = (network.now(), 0);
        while !pieces.complete() {
            let sends = round(&pieces, dimensions, number);
            network.send_all(&sends);
            for (_, to, piece) in sends {
                pieces.0[to][piece] = true;
            }
            number += 1;
        }
        let bytes = (count * network.frame_len()) as u64;
        let bound = postal_bound(nodes, bytes, count as u64, RATE, Duration::ZERO);
        let taken = network.now().since(began);
        let round = bound / (count + dimensions - 1) as u32;
        assert!(
            taken >= bound && taken <= bound + round,
            "{nodes} nodes, {count}: {taken:?}, bound {bound:?}"
        );
    }
}

impl Network {
    /// Puts one frame on each line and runs until all have arrived.
    fn send_all(&mut self, sends: &[(usize, usize, usize)]) {
        let received = |network: &Self| {
            (0..network.nodes()).map(|node| network.stats(node).data_bytes_received).sum::<u64>()
        };
        let wanted = received(self) + (sends.len() * self.frame_len()) as u64;
        for (from, to, _) in sends {
            let generation = self.hosts[*from].links.iter().find(|link| link.peer as usize == *to);
            let generation = generation.expect("a full network").generation;
            let link = link_id(*to as u32, generation, self.hosts.len());
            self.send(*from as u32, link, SendClass::Data, frame(*from));
            self.start_line(*from as u32);
        }
        while received(self) < wanted {
            self.run_until(self.now() + Duration::from_micros(10)).expect("frames that nobody wants");
        }
    }

    /// Bytes of [`frame`] on the line.
    fn frame_len(&self) -> usize {
        let encoded = frame(0).encoded_len();
        encoded + if encoded < 1 << 14 { 2 } else { 3 }
    }
}
