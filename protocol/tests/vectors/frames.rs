//! `frames.json`.

use braidcast_protocol::CodingId;
use braidcast_protocol::rpc::{Coded, HashList, Have, Rpc, Shard, ShardHashes, Want};
use bytes::Bytes;
use serde_json::Value;

use super::{bytes, id, limits, list, number, read};

const FILE: &str = include_str!("../../../docs/spec/vectors/frames.json");

#[test]
fn the_extension_is_announced_as_in_the_vectors() {
    let file = read(FILE);
    for case in list(&file["extensions"]) {
        let frame = bytes(&case["frame"]);
        let rpc = Rpc::decode(frame.clone(), &limits(&file)).unwrap();
        let coded = rpc.control.extensions.unwrap().coded;
        assert_eq!(coded, case["coded"].as_bool().unwrap(), "{}", case["name"]);
        if coded {
            assert_eq!(rpc.encode().into_bytes(), frame);
        }
    }
}

#[test]
fn frames_are_written_and_read_as_in_the_vectors() {
    let file = read(FILE);
    for case in list(&file["written"]) {
        let frame = bytes(&case["frame"]);
        let read = Rpc::decode(frame.clone(), &limits(&file)).unwrap();
        expect(&read, &case["rpc"], &case["name"]);
        // A header comes from the frame alone: its body is opaque to whoever passes it on.
        let coded = Coded { headers: read.coded.headers, ..coded(&case["rpc"]) };
        let written = Rpc { coded, ..Rpc::default() }.encode().into_bytes();
        assert_eq!(written, frame, "{}", case["name"]);
    }
}

#[test]
fn other_forms_of_frames_are_read_alike() {
    let file = read(FILE);
    for case in list(&file["read"]) {
        let rpc = Rpc::decode(bytes(&case["frame"]), &limits(&file)).unwrap();
        expect(&rpc, &case["rpc"], &case["name"]);
    }
}

#[test]
fn what_the_vectors_call_wrong_is_refused() {
    let file = read(FILE);
    for case in list(&file["refused"]) {
        let read = Rpc::decode(bytes(&case["frame"]), &limits(&file));
        assert!(read.is_err(), "{}: {read:?}", case["name"]);
    }
}

/// An RPC with a coded part like this and nothing else.
fn expect(rpc: &Rpc, expected: &Value, name: &Value) {
    let headers = rpc.coded.headers.iter();
    let headers: Vec<[Bytes; 3]> = headers
        .map(|header| [header.body().clone(), header.signature().clone(), header.key().clone()])
        .collect();
    let listed = expected["headers"].as_array().unwrap().iter();
    let listed: Vec<[Bytes; 3]> =
        listed.map(|header| ["body", "signature", "key"].map(|field| bytes(&header[field]))).collect();
    assert_eq!(headers, listed, "{name}");
    let coded = Coded { headers: rpc.coded.headers.clone(), ..coded(expected) };
    assert_eq!(*rpc, Rpc { coded, ..Rpc::default() }, "{name}");
}

/// The coded part without its headers.
fn coded(rpc: &Value) -> Coded {
    let each = |field: &str| rpc[field].as_array().unwrap().iter();
    let message = |entry: &Value| CodingId::from_bytes(bytes(&entry["message"]).as_ref().try_into().unwrap());
    let small = |value: &Value| u16::try_from(number(value)).unwrap();
    let shard = |entry: &Value| Shard {
        message: message(entry),
        id: id(entry),
        body: bytes(&entry["shard"]),
        vouched: entry["vouched"].as_bool().unwrap(),
    };
    let have = |entry: &Value| Have {
        message: message(entry),
        rank: small(&entry["rank"]),
        verified: entry["verified"].as_array().unwrap().iter().map(|bit| 1_u64 << number(bit)).sum(),
        sources: small(&entry["sources"]),
        checks: entry["checks"].as_bool().unwrap(),
        doubts: entry["doubts"].as_bool().unwrap(),
    };
    let want = |entry: &Value| Want {
        message: message(entry),
        count: small(&entry["count"]),
        indices: entry["indices"].as_array().unwrap().iter().map(|index| number(index) as u8).collect(),
    };
    let hash_list = |entry: &Value| HashList {
        message: message(entry),
        hashes: ShardHashes::new(list(&entry["hashes"]).iter().flat_map(bytes).collect()).unwrap(),
    };
    Coded {
        headers: Vec::new(),
        shards: each("shards").map(shard).collect(),
        haves: each("haves").map(have).collect(),
        wants: each("wants").map(want).collect(),
        lists: each("lists").map(hash_list).collect(),
    }
}
