//! Nothing is read or written outside the rows: memory there is inaccessible, so doing it would end the process.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod common;

use std::ptr::NonNull;

use braidcast_coding::kernel::Mode;
use braidcast_coding::{
    Coefficients, Decoder, Encoder, Offer, Params, Pool, Rank, Shard, ShardId, Strategy, Tag,
};
use bytes::Bytes;
use rand_chacha::rand_core::Rng;

/// A row that fills its memory to one end, beyond which any access is a fault.
struct Guarded {
    /// Three parts: inaccessible, the row's, inaccessible.
    mapping: NonNull<libc::c_void>,
    mapping_len: usize,
    row: NonNull<[u8]>,
}

/// The end of the memory that a row touches.
#[derive(Debug, Clone, Copy)]
enum Edge {
    Start,
    End,
}

impl Guarded {
    fn new(content: &[u8], edge: Edge) -> Self {
        // SAFETY: asks for a number only.
        let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap();
        let inner = content.len().next_multiple_of(page).max(page);
        let mapping_len = inner + 2 * page;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANON;
        // SAFETY: a new mapping anywhere; nothing else is affected.
        let mapping = unsafe { libc::mmap(std::ptr::null_mut(), mapping_len, libc::PROT_NONE, flags, -1, 0) };
        assert_ne!(mapping, libc::MAP_FAILED, "{}", std::io::Error::last_os_error());
        let at = match edge {
            Edge::Start => page,
            Edge::End => page + inner - content.len(),
        };
        // SAFETY: the pages are of the mapping above, and `at` and the row lie within the part made accessible.
        let row = unsafe {
            let changed = libc::mprotect(mapping.byte_add(page), inner, libc::PROT_READ | libc::PROT_WRITE);
            assert_eq!(changed, 0, "{}", std::io::Error::last_os_error());
            std::ptr::slice_from_raw_parts_mut(mapping.byte_add(at).cast::<u8>(), content.len())
        };
        let mut guarded =
            Self { mapping: NonNull::new(mapping).unwrap(), mapping_len, row: NonNull::new(row).unwrap() };
        guarded.as_mut().copy_from_slice(content);
        guarded
    }

    fn as_mut(&mut self) -> &mut [u8] {
        // SAFETY: the row is initialised (new pages are zero), and is borrowed from its only owner.
        unsafe { self.row.as_mut() }
    }

    /// The same as immutable bytes that unmap the memory with the last reader.
    fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Guarded {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: as for `as_mut`.
        unsafe { self.row.as_ref() }
    }
}

// SAFETY: the memory belongs to this value alone, like that of a box.
unsafe impl Send for Guarded {}

impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: the mapping is whole, and with its owner the last reference to it goes.
        unsafe { libc::munmap(self.mapping.as_ptr(), self.mapping_len) };
    }
}

/// One product with every kernel, all rows at this edge.
fn check(outputs: usize, sources: usize, len: usize, edge: Edge) {
    let mut rng = common::rng((outputs * 1000 + sources * 100 + len) as u64);
    let mut row = |_| {
        let mut bytes = vec![0; len];
        rng.fill_bytes(&mut bytes);
        Guarded::new(&bytes, edge)
    };
    let sources: Vec<Guarded> = (0..sources).map(&mut row).collect();
    let mut outputs: Vec<Guarded> = (0..outputs).map(&mut row).collect();
    let src: Vec<&[u8]> = sources.iter().map(Guarded::as_ref).collect();
    let coef = Guarded::new(&common::message(outputs.len() * src.len(), 5), edge);
    let start: Vec<Vec<u8>> = outputs.iter().map(|row| row.as_ref().to_vec()).collect();
    for mode in [Mode::Overwrite, Mode::Accumulate] {
        let mut results = common::kernels().map(|kernel| {
            for (row, start) in outputs.iter_mut().zip(&start) {
                row.as_mut().copy_from_slice(start);
            }
            let mut dst: Vec<&mut [u8]> = outputs.iter_mut().map(Guarded::as_mut).collect();
            kernel.product(&mut dst, &src, coef.as_ref(), mode);
            outputs.iter().map(|row| row.as_ref().to_vec()).collect::<Vec<_>>()
        });
        let first = results.next().unwrap();
        assert!(results.all(|result| result == first), "{} x {}, {len} bytes", start.len(), src.len());
    }
}

#[test]
fn products_stay_within_their_rows() {
    for edge in [Edge::Start, Edge::End] {
        for len in (0..=200).chain([2047, 2048, 4095, 4096, 4097, 8200]) {
            for (outputs, sources) in [(1, 1), (1, 2), (2, 3), (3, 2), (4, 5), (9, 3)] {
                check(outputs, sources, len, edge);
            }
        }
        for outputs in 1..=17 {
            for len in [1, 65, 300] {
                check(outputs, 70, len, edge);
            }
        }
    }
}

#[test]
fn decoding_stays_within_its_rows() {
    for k in [1, 2, 15, 17, 31, 32, 33, 64, 100, 255] {
        for (edge, strategy) in [(Edge::Start, Strategy::Lazy), (Edge::End, Strategy::Batched)] {
            let len = k * 64 - 7;
            let params = Params::for_message(len, k).unwrap();
            let message = Guarded::new(&common::message(len, 8), edge).into_bytes();
            check_decode(&Encoder::new(message, params).unwrap(), edge, strategy);
        }
    }
}

/// A relay and a sink, with all they are given at this edge.
fn check_decode(encoder: &Encoder, edge: Edge, strategy: Strategy) {
    let (params, mut pool, mut rng) = (encoder.params(), Pool::default(), common::rng(9));
    let mut rank = Rank::new(params);
    let mut relay = Decoder::with_strategy(params, strategy);
    let mut sink = Decoder::with_strategy(params, strategy);
    let guarded = |bytes: &[u8]| Guarded::new(bytes, edge).into_bytes();
    for index in (0..params.k()).step_by(3) {
        let payload = guarded(&encoder.systematic(index));
        let shard = Shard { id: ShardId::Canonical(index as u16), payload, tag: Tag::default() };
        relay.offer(shard, &mut pool).unwrap();
    }
    while !sink.is_complete() {
        let mut dense = encoder.coded(1, &mut rng, &mut pool).into_iter().collect::<Vec<_>>();
        dense.extend(relay.recoder(|_| true).unwrap().recode(1, &mut rng, &mut pool));
        for coded in dense {
            let vector = guarded(&coded.coefficients);
            let helps = rank.is_innovative(&vector).unwrap();
            assert_eq!(matches!(rank.offer(&vector).unwrap(), Offer::Innovative { .. }), helps);
            let id = ShardId::Dense(Coefficients::from_bytes(vector));
            let shard = Shard { id, payload: guarded(&coded.payload), tag: Tag::default() };
            relay.offer(shard.clone(), &mut pool).unwrap();
            assert_eq!(matches!(sink.offer(shard, &mut pool).unwrap(), Offer::Innovative { .. }), helps);
        }
    }
    assert!(!sink.contradicts_itself(&mut pool));
    assert_eq!(sink.finish(&mut pool).unwrap(), encoder.message());
    assert_eq!(sink.source_row(0, &mut pool).unwrap(), encoder.systematic(0));
}

#[test]
fn decoding_stays_within_its_rows_with_every_kernel() {
    common::passes_with_every_kernel("decoding_stays_within_its_rows");
}
