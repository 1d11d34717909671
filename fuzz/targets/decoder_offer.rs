//! A decoder under any sequence of operations.
//!
//! While nothing forged is held, all it says must be true; whatever happened, honest shards complete the message.
#![no_main]

use braidcast_coding::{
    Coefficients, Decoder, Encoder, Offer, Params, Pool, Rank, SPARES_MAX, Shard, ShardId, Strategy, Tag,
};
use bytes::Bytes;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

#[derive(Debug, Arbitrary)]
struct Script {
    k: u8,
    message_len: u16,
    batched: bool,
    pool_bytes: u16,
    seed: u64,
    steps: Vec<Step>,
}

#[derive(Debug, Arbitrary)]
enum Step {
    /// A canonical shard as the source makes it.
    Canonical(u8),
    /// Random combinations from the source.
    Coded(u8),
    /// Combinations of sparse coefficients, so that pivots come in unusual orders.
    Sparse(Vec<(u8, u8)>),
    /// A shard from an attacker: any id, any payload.
    Forged {
        id: AnyId,
        payload: Payload,
    },
    RemoveForged,
    /// All shards of one honest origin.
    Remove(u8),
    Finish,
    SourceRow(u8),
    Recode(u8),
    Judge(u8),
    Clone,
}

#[derive(Debug, Arbitrary)]
enum AnyId {
    Canonical(u16),
    Dense(Vec<u8>),
    /// The right number of coefficients.
    Fitting(u64),
}

#[derive(Debug, Arbitrary)]
enum Payload {
    Any(Vec<u8>),
    /// The right length, all bytes the same.
    Fitting(u8),
}

fuzz_target!(|script: Script| {
    let mut run = Run::new(&script);
    for step in script.steps.into_iter().take(STEPS_MAX) {
        run.step(step);
    }
    run.complete();
});

struct Run {
    encoder: Encoder,
    decoder: Decoder,
    pool: Pool,
    rng: ChaCha8Rng,
    /// What was handed out, and what it held then: blocks must not be used again under a reader.
    readers: Vec<(Bytes, Vec<u8>)>,
    offers: u32,
}

impl Run {
    fn new(script: &Script) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(script.seed);
        let mut message = vec![0; usize::from(script.message_len) % MESSAGE_MAX];
        rng.fill_bytes(&mut message);
        let params = Params::for_message(message.len(), usize::from(script.k).max(1)).unwrap();
        let strategy = if script.batched { Strategy::Batched } else { Strategy::Lazy };
        Self {
            encoder: Encoder::new(Bytes::from(message), params).unwrap(),
            decoder: Decoder::with_strategy(params, strategy),
            pool: Pool::new(usize::from(script.pool_bytes) * 4),
            rng,
            readers: Vec::new(),
            offers: 0,
        }
    }

    fn params(&self) -> Params {
        self.encoder.params()
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Canonical(index) => {
                let payload = self.encoder.canonical(u16::from(index), &mut self.pool).unwrap();
                self.honest(ShardId::Canonical(u16::from(index)), payload);
            }
            Step::Coded(count) => {
                let batch = self.encoder.coded(usize::from(count) % 20, &mut self.rng, &mut self.pool);
                for coded in batch {
                    self.honest(ShardId::Dense(coded.coefficients), coded.payload);
                }
            }
            Step::Sparse(entries) => self.sparse(&entries),
            Step::Forged { id, payload } => self.forged(id, payload),
            Step::RemoveForged => self.remove(|shard| shard.tag == FORGED),
            Step::Remove(origin) => self.remove(|shard| shard.tag == Tag::new(u32::from(origin) % ORIGINS)),
            Step::Finish => self.finish(),
            Step::SourceRow(index) => self.source_row(usize::from(index) % self.params().k()),
            Step::Recode(count) => self.recode(usize::from(count) % 20),
            Step::Judge(index) => self.judge(usize::from(index) % self.params().k()),
            Step::Clone => self.decoder = self.decoder.clone(),
        }
        assert!(self.decoder.rank() <= self.params().k() && self.decoder.spares().len() <= SPARES_MAX);
    }

    fn honest(&mut self, id: ShardId, payload: Bytes) {
        self.offers += 1;
        self.keep(&payload);
        let shard = Shard { id, payload, tag: Tag::new(self.offers % ORIGINS) };
        let helps = self.decoder.is_innovative(&shard.id).unwrap();
        let rank = self.decoder.rank();
        let outcome = self.decoder.offer(shard, &mut self.pool).unwrap();
        assert_eq!(outcome, if helps { Offer::Innovative { rank: rank + 1 } } else { Offer::Redundant });
    }

    fn sparse(&mut self, entries: &[(u8, u8)]) {
        let k = self.params().k();
        let mut vector = vec![0; k];
        entries.iter().for_each(|(index, value)| vector[usize::from(*index) % k] = *value);
        let id = ShardId::Dense(Coefficients::from_slice(&vector));
        match self.encoder.encode(std::slice::from_ref(&id), &mut self.pool) {
            Ok(mut payloads) => self.honest(id, payloads.remove(0)),
            Err(_) => assert!(vector.iter().all(|entry| *entry == 0)),
        }
    }

    fn forged(&mut self, id: AnyId, payload: Payload) {
        let id = match id {
            AnyId::Canonical(index) => ShardId::Canonical(index),
            AnyId::Dense(vector) => ShardId::Dense(Coefficients::from_slice(&vector)),
            AnyId::Fitting(seed) => {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                ShardId::Dense(Coefficients::random(self.params().k(), &mut rng))
            }
        };
        let payload = match payload {
            Payload::Any(bytes) => bytes,
            Payload::Fitting(byte) => vec![byte; self.params().shard_len()],
        };
        let before = (self.decoder.rank(), self.decoder.spares().len());
        let shard = Shard { id, payload: Bytes::from(payload), tag: FORGED };
        let fits =
            shard.payload.len() == self.params().shard_len() && shard.id.coefficients(self.params()).is_ok();
        let outcome = self.decoder.offer(shard, &mut self.pool);
        assert_eq!(outcome.is_ok(), fits);
        if !fits {
            assert_eq!((self.decoder.rank(), self.decoder.spares().len()), before);
        }
    }

    fn remove(&mut self, mut leaves: impl FnMut(&Shard) -> bool) {
        let held = |decoder: &Decoder| decoder.shards().len() + decoder.spares().len();
        let before = held(&self.decoder);
        let expected =
            self.decoder.shards().iter().chain(self.decoder.spares()).filter(|s| leaves(s)).count();
        assert_eq!(self.decoder.remove_where(&mut leaves, &mut self.pool), expected);
        assert_eq!(held(&self.decoder), before - expected);
        assert!(!self.decoder.shards().iter().chain(self.decoder.spares()).any(leaves));
        let mut rank = Rank::new(self.params());
        for shard in self.decoder.shards().iter().chain(self.decoder.spares()) {
            rank.offer(&shard.id.coefficients(self.params()).unwrap()).unwrap();
        }
        assert_eq!(rank.rank(), self.decoder.rank(), "spares moved up as far as they help");
    }

    /// Whether all shards held are as the source made them, so that what follows from them must be, too.
    fn is_clean(&self) -> bool {
        !self.decoder.shards().iter().any(|shard| shard.tag == FORGED)
    }

    fn finish(&mut self) {
        let finished = self.decoder.finish(&mut self.pool);
        if !self.decoder.is_complete() {
            assert!(finished.is_err());
        } else if self.is_clean() {
            assert!(finished.as_ref() == Ok(self.encoder.message()));
        }
        finished.into_iter().for_each(|message| self.keep(&message));
    }

    fn source_row(&mut self, index: usize) {
        let row = self.decoder.source_row(index, &mut self.pool);
        assert!(row.is_some() || !self.decoder.is_complete());
        let Some(row) = row else { return };
        assert!(!self.is_clean() || row == self.encoder.systematic(index));
        self.keep(&row);
    }

    fn recode(&mut self, count: usize) {
        let Some(recoder) = self.decoder.recoder(|shard| shard.tag != FORGED) else { return };
        let batch = recoder.recode(count, &mut self.rng, &mut self.pool);
        assert_eq!(batch.len(), count);
        for coded in batch {
            self.keep(&coded.payload);
            let shard = coded.into_shard(Tag::new(0));
            assert!(!self.decoder.is_innovative(&shard.id).unwrap(), "it is made of what is held");
            assert_eq!(self.encoder.matches(&shard, &mut self.pool), Ok(true));
        }
    }

    /// Suspicions: none where there is nothing forged, and a single polluter is found where all else is there.
    fn judge(&mut self, index: usize) {
        let forged = |shard: &&Shard| shard.tag == FORGED;
        if !self.decoder.shards().iter().chain(self.decoder.spares()).any(|shard| forged(&shard)) {
            assert!(!self.decoder.contradicts_itself(&mut self.pool));
        }
        let truth = self.encoder.systematic(index);
        let blamed = self.decoder.find_polluter(index, |row| row == truth, &mut self.pool);
        let honest = self.decoder.shards().iter().chain(self.decoder.spares()).filter(|shard| !forged(shard));
        let mut rank = Rank::new(self.params());
        for shard in honest {
            rank.offer(&shard.id.coefficients(self.params()).unwrap()).unwrap();
        }
        if rank.is_full() && !self.is_clean() {
            assert!(blamed.is_some(), "without the forged shards the rest tells the truth");
        }
    }

    /// Without the forged shards, the source shards complete the message.
    fn complete(&mut self) {
        self.remove(|shard| shard.tag == FORGED);
        for index in 0..self.params().k() {
            self.honest(ShardId::Canonical(index as u16), self.encoder.systematic(index));
        }
        assert!(self.decoder.is_complete());
        self.finish();
        self.finish();
        for (bytes, held) in &self.readers {
            assert!(bytes == held, "a block was used again under a reader");
        }
    }

    /// Becomes a reader of every third of what it is shown.
    fn keep(&mut self, bytes: &Bytes) {
        if self.readers.len() < READERS_MAX && self.rng.next_u32().is_multiple_of(3) {
            self.readers.push((bytes.clone(), bytes.to_vec()));
        }
    }
}

const FORGED: Tag = Tag::new(u32::MAX);

/// How many honest senders there are.
const ORIGINS: u32 = 5;

const STEPS_MAX: usize = 200;
const READERS_MAX: usize = 100;
const MESSAGE_MAX: usize = 20_000;
