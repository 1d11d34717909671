//! Trace events as `p2p-client` prints them: a summary line, a line for a shard, the event as Go's JSON.

mod json;
mod schema;
mod wire;

use std::fmt::Write;

use crate::go;
use schema::{GOSSIPSUB, OPTIMUM, SHARD_TYPES, TYPES};
use wire::Message;

/// The lines for an event of a node in gossipsub mode.
pub(crate) fn gossipsub(data: &[u8]) -> Vec<String> {
    match Message::decode(data, GOSSIPSUB) {
        Ok(event) => {
            let number = event.int("type");
            let name = type_name(number).map_or_else(|| number.to_string(), str::to_owned);
            vec![summary("GossipSub", &name, &event, data), as_json("GossipSub", &event)]
        }
        Err(fault) => {
            let head = hex(&data[..data.len().min(HEAD_BYTES)]);
            vec![format!("[TRACE] GossipSub decode error: {fault} raw={}B head={head}", data.len())]
        }
    }
}

/// The lines for an event of a node in optimum mode.
pub(crate) fn optimum(data: &[u8]) -> Vec<String> {
    let event = match Message::decode(data, OPTIMUM) {
        Ok(event) => event,
        Err(fault) => return vec![format!("[TRACE] OptimumP2P decode error: {fault}")],
    };
    let name = type_name(event.int("type")).unwrap_or_default();
    let mut lines = vec![summary("OptimumP2P", name, &event, data)];
    if let Some((_, field)) = SHARD_TYPES.iter().find(|(shard_type, _)| *shard_type == name) {
        lines.push(shard(name, event.message(field)));
    }
    lines.push(as_json("OptimumP2P", &event));
    lines
}

fn summary(protocol: &str, name: &str, event: &Message, data: &[u8]) -> String {
    let ts = go::time::rfc3339_nano(event.int("timestamp") as i64);
    format!("[TRACE] {protocol} type={name} ts={ts} size={}B", data.len())
}

fn as_json(protocol: &str, event: &Message) -> String {
    let text = json::text(event);
    format!("[TRACE] {protocol} JSON ({}B): {text}", text.len())
}

/// A shard's line; the id is in hex again, although it is hex text already.
fn shard(name: &str, shard: Option<&Message>) -> String {
    let id = hex(shard.map_or(&[], |shard| shard.bytes("messageID")));
    let coefficients = hex(shard.map_or(&[], |shard| shard.bytes("coefficients")));
    if name == "NEW_SHARD" {
        format!("  {name} id={id} coeff={coefficients}")
    } else {
        format!("  {name} id={id}")
    }
}

fn type_name(number: u64) -> Option<&'static str> {
    TYPES.get(usize::try_from(number).ok()?).copied()
}

fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ok = write!(out, "{byte:02x}");
    }
    out
}

/// How much of an event that cannot be read is shown.
const HEAD_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    /// The events whose lines the documents show.
    const JOIN: &str = "08091226002408011220254b8b16df5bc9caf499d5e231d2756d0f0dbb1b3663c36d4303eb5c4542b8a318f7cffbaa88f38cb2186a0c0a0a74726163652d74657374";
    const SEND_RPC: &str = "08071226002408011220254b8b16df5bc9caf499d5e231d2756d0f0dbb1b3663c36d4303eb5c4542b8a318b7bfc2aa88f38cb2185a3c0a26002408011220e3a5623e96b7d1c3b21428117625be4d2feaa4c92e5d0b0a2b4c3ee6cbf3aa4f12101a0e0801120a74726163652d746573741810";
    const GRAFT: &str = "080b1226002408011220e3a5623e96b7d1c3b21428117625be4d2feaa4c92e5d0b0a2b4c3ee6cbf3aa4f18b690cef1e0f38cb2187a340a26002408011220254b8b16df5bc9caf499d5e231d2756d0f0dbb1b3663c36d4303eb5c4542b8a3120a74726163652d74657374";

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn the_documents_lines_to_the_letter() {
        for (event, head, json) in [
            (
                JOIN,
                ("JOIN", "size=66B"),
                "[TRACE] OptimumP2P JSON (136B): {\"type\":9,\"peerID\":\"ACQIARIgJUuLFt9bycr0mdXiMdJ1bQ8Nuxs2Y8NtQwPrXEVCuKM=\",\"timestamp\":1757586484746971127,\"join\":{\"topic\":\"trace-test\"}}",
            ),
            (
                SEND_RPC,
                ("SEND_RPC", "size=114B"),
                "[TRACE] OptimumP2P JSON (260B): {\"type\":7,\"peerID\":\"ACQIARIgJUuLFt9bycr0mdXiMdJ1bQ8Nuxs2Y8NtQwPrXEVCuKM=\",\"timestamp\":1757586484746035127,\"sendRPC\":{\"sendTo\":\"ACQIARIg46ViPpa30cOyFCgRdiW+TS/qpMkuXQsKK0w+5svzqk8=\",\"meta\":{\"subscription\":[{\"subscribe\":true,\"topic\":\"trace-test\"}]},\"length\":16}}",
            ),
            (
                GRAFT,
                ("GRAFT", "size=106B"),
                "[TRACE] OptimumP2P JSON (202B): {\"type\":11,\"peerID\":\"ACQIARIg46ViPpa30cOyFCgRdiW+TS/qpMkuXQsKK0w+5svzqk8=\",\"timestamp\":1757586508517443638,\"graft\":{\"peerID\":\"ACQIARIgJUuLFt9bycr0mdXiMdJ1bQ8Nuxs2Y8NtQwPrXEVCuKM=\",\"topic\":\"trace-test\"}}",
            ),
        ] {
            let lines = optimum(&unhex(event));
            assert!(
                lines[0].starts_with(&format!("[TRACE] OptimumP2P type={} ts=2025-09-11T", head.0)),
                "{lines:?}"
            );
            assert!(lines[0].ends_with(head.1), "{lines:?}");
            assert_eq!(lines[1..], [json]);
        }
    }

    #[test]
    fn shards_have_a_line_of_their_own() {
        // type 16, field 20: id "ab" (as text), from "x", coefficients 1 and 255.
        let event = unhex("0810a2010b0a0261621201781a0201ff");
        let lines = optimum(&event);
        assert_eq!(lines[1], "  NEW_SHARD id=6162 coeff=01ff");
        assert!(lines[2].ends_with(
            "{\"type\":16,\"newShard\":{\"messageID\":\"YWI=\",\"receivedFrom\":\"eA==\",\"coefficients\":\"Af8=\"}}"
        ));
        let duplicate = unhex("080d8a01070a02616212017a");
        assert_eq!(optimum(&duplicate)[1], "  DUPLICATE_SHARD id=6162");
    }

    #[test]
    fn gossipsub_numbers_differ() {
        // RPCMeta of plain GossipSub has subscriptions at 2.
        let event = unhex("08075a0c0a0178120712050801120174");
        let lines = gossipsub(&event);
        assert!(lines[0].starts_with("[TRACE] GossipSub type=SEND_RPC ts="));
        assert!(lines[1].ends_with(
            "{\"type\":7,\"sendRPC\":{\"sendTo\":\"eA==\",\"meta\":{\"subscription\":[{\"subscribe\":true,\"topic\":\"t\"}]}}}"
        ), "{lines:?}");
        assert!(gossipsub(&unhex("081e"))[0].contains("type=30 "));
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        assert_eq!(gossipsub(&[0x08]), ["[TRACE] GossipSub decode error: unexpected EOF raw=1B head=08"]);
        assert_eq!(optimum(&[0x12, 0x05, 1]), ["[TRACE] OptimumP2P decode error: unexpected EOF"]);
    }
}
