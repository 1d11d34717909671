//! Our node against nodes of other libp2p implementations, over the loopback interface.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test helper that fails is a test that fails")]

mod foreign;
mod gossip;
mod kind;
mod many;
mod ours;
mod pair;
mod refusal;
mod seen;
mod unsigned;

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use braidcast_interop::wire::Batch;

use kind::Kind;

/// The tests of one implementation.
macro_rules! against {
    ($name:ident, $kind:expr, [$($transport:ident),*]) => {
        mod $name {
            use super::*;

            $(mod $transport {
                use super::*;

                #[tokio::test]
                async fn messages_go_both_ways_when_we_dial() {
                    pair::exchange($kind, listen::$transport, pair::Dialer::Ours).await;
                }

                #[tokio::test]
                async fn messages_go_both_ways_when_it_dials() {
                    pair::exchange($kind, listen::$transport, pair::Dialer::Foreign).await;
                }
            })*

            #[tokio::test]
            async fn unsigned_messages_go_both_ways_or_are_refused() {
                unsigned::exchange($kind).await;
            }

            #[tokio::test]
            async fn without_room_in_our_mesh_it_is_pruned() {
                refusal::by_us($kind).await;
            }

            #[tokio::test]
            async fn without_room_in_its_mesh_we_are_pruned() {
                refusal::by_it($kind).await;
            }

            #[tokio::test]
            async fn when_we_leave_the_topic_it_prunes_us() {
                pair::leaving($kind).await;
            }

            #[tokio::test]
            async fn of_a_thousand_messages_each_way_none_is_lost() {
                pair::thousand($kind).await;
            }

            #[tokio::test]
            async fn both_find_each_other_again_when_one_was_restarted() {
                pair::restarts($kind).await;
            }

            #[tokio::test]
            async fn outside_our_mesh_it_gets_messages_by_gossip() {
                gossip::ours_to_outside($kind).await;
            }

            #[tokio::test]
            async fn outside_its_mesh_we_get_messages_by_gossip() {
                gossip::theirs_to_outside($kind).await;
            }

            #[tokio::test]
            async fn big_messages_are_announced_by_idontwant() {
                gossip::idontwant($kind).await;
            }
        }
    };
}

against!(rust, Kind::Rust, [tcp, quic]);
against!(js2, Kind::Js2, [tcp, quic]);
against!(js3, Kind::Js3, [tcp, quic]);
against!(go, Kind::Go, [tcp, quic]);
against!(py, Kind::Py, [tcp, quic]);

/// js-libp2p takes nothing that identify tells if the signed record in it is wrong.
#[tokio::test]
async fn our_signed_record_is_accepted() {
    for kind in [Kind::Js2, Kind::Js3] {
        pair::identified(kind).await;
    }
}

#[tokio::test]
async fn whom_it_names_in_a_prune_we_dial() {
    for kind in [Kind::Js2, Kind::Js3] {
        refusal::naming(kind).await;
    }
}

/// js-libp2p without its ping service refuses our pings, sends its own, and needs them answered.
#[tokio::test]
async fn who_speaks_no_ping_is_answered_its_own() {
    for kind in [Kind::Js2, Kind::Js3] {
        pair::pings(kind).await;
    }
}

/// Multiaddrs to listen at.
#[allow(non_upper_case_globals, reason = "named as the modules of the tests")]
mod listen {
    pub(crate) const tcp: &str = "/ip4/127.0.0.1/tcp/0";
    pub(crate) const quic: &str = "/ip4/127.0.0.1/udp/0/quic-v1";
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: not within {PATIENCE:?}"),
    }
}

/// Messages that no other batch contains.
fn batch(size: usize, count: u64) -> Batch {
    Batch { topic: TOPIC.to_owned(), size, count, first: 0, seed: unique() }
}

/// A number that this process has not used before.
fn unique() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The topic of all tests.
const TOPIC: &str = "interop";

/// Of all nodes: regrafts and gossip wait for it.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// Longest wait for anything. Far longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
