//! `headers.json`.

use braidcast_coding::{Encoder, Params, Pool};
use braidcast_protocol::rpc::{Header, HeaderFields, Limits, Message, Rpc, RpcFault, ShardHashes};
use braidcast_protocol::{CodingId, ContentId, Keys, MessageIds, PeerId, Topic};
use bytes::Bytes;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use prost::encoding::bytes as bytes_field;
use serde_json::Value;

use super::{bytes, limits, list, number, read, text};

const FILE: &str = include_str!("../../../docs/spec/vectors/headers.json");

#[test]
fn headers_are_built_and_signed_as_in_the_vectors() {
    let file = read(FILE);
    let keys = Ed25519::of(&file);
    for case in list(&file["headers"]) {
        let header = Header::sign(fields(case, &keys), &keys);
        let name = text(&case["name"]);
        assert_eq!(header.body(), &bytes(&case["body"]), "{name}");
        assert_eq!(header.signature(), &bytes(&case["signature"]), "{name}");
        assert_eq!(header.id(), CodingId::from_bytes(bytes(&case["coding_id"]).as_ref().try_into().unwrap()));
        assert_eq!(header.message_id(MessageIds::Origin).as_bytes(), bytes(&case["message_id"]), "{name}");
        assert_eq!(usize::from(header.hashed_shards()), number(&case["n"]), "{name}");
    }
}

#[test]
fn headers_of_the_vectors_are_read_and_verified() {
    let file = read(FILE);
    let keys = Ed25519::of(&file);
    for case in list(&file["headers"]) {
        let header = framed(case, &limits(&file)).unwrap();
        assert_eq!(*header, fields(case, &keys), "{}", case["name"]);
        assert!(header.verify(&keys), "{}", case["name"]);
    }
}

/// The list of hashes is that of the message's canonical shards, and the header means it.
#[test]
fn canonical_shards_match_the_hashes_of_the_vectors() {
    let file = read(FILE);
    for case in list(&file["headers"]) {
        let header = framed(case, &limits(&file)).unwrap();
        let encoder = Encoder::new(bytes(&case["message"]), header.params).unwrap();
        let hashes = listed(case);
        for index in 0..header.hashed_shards() {
            let mut shard = encoder.canonical(index, &mut Pool::default()).unwrap().to_vec();
            assert!(hashes.matches(index, &shard), "{}: {index}", case["name"]);
            shard[0] ^= 1;
            assert!(!hashes.matches(index, &shard), "{}: {index}", case["name"]);
        }
        assert!(!hashes.matches(header.hashed_shards(), &[]));
        assert_eq!(header.hashes, hashes.commitment());
    }
}

#[test]
fn other_headers_are_used_dropped_or_refused_as_the_vectors_say() {
    let file = read(FILE);
    let keys = Ed25519::of(&file);
    for case in list(&file["others"]) {
        let outcome = match framed(case, &limits(&file)) {
            Ok(header) if header.verify(&keys) => "used",
            Ok(_) => "dropped",
            Err(_) => "refused",
        };
        assert_eq!(outcome, text(&case["outcome"]), "{}", case["name"]);
    }
}

fn listed(case: &Value) -> ShardHashes {
    ShardHashes::new(list(&case["hashes"]).iter().flat_map(bytes).collect()).unwrap()
}

/// What a publisher knows before it signs; the message's own signature is made here.
fn fields(case: &Value, keys: &Ed25519) -> HeaderFields {
    let data = bytes(&case["message"]);
    let publisher = PeerId::from_bytes(&bytes(&case["publisher"])).unwrap();
    let (topic, seqno) = (Topic::new(text(&case["topic"])), text(&case["seqno"]).parse().unwrap());
    let content = ContentId::of(&data);
    assert_eq!(content.to_hex(), text(&case["content"]));
    let params = Params::for_message(data.len(), number(&case["k"])).unwrap();
    let hashes = listed(case).commitment();
    assert_eq!(hashes.list[..], bytes(&case["list"]));
    let mut message = Message {
        publisher: Some(publisher),
        seqno: Some(seqno),
        topic: topic.clone(),
        data,
        signature: Bytes::new(),
        key: Bytes::new(),
    };
    message.sign(keys);
    assert_eq!(message.signature, bytes(&case["message_signature"]));
    let message_signature = message.signature;
    HeaderFields { topic, publisher, seqno, params, content, hashes, message_signature }
}

/// The header of an entry as it comes in a frame: field 1 of the coded part, with body and signature.
fn framed(case: &Value, limits: &Limits) -> Result<Header, RpcFault> {
    let mut header = Vec::new();
    bytes_field::encode(1, &bytes(&case["body"]), &mut header);
    bytes_field::encode(2, &bytes(&case["signature"]), &mut header);
    let mut coded = Vec::new();
    bytes_field::encode(1, &header, &mut coded);
    let mut frame = Vec::new();
    bytes_field::encode(2_853_405, &coded, &mut frame);
    let mut headers = Rpc::decode(frame.into(), limits)?.coded.headers;
    Ok((*headers.remove(0)).clone())
}

/// An Ed25519 key as libp2p uses it: the peer id contains it.
struct Ed25519(SigningKey);

impl Ed25519 {
    fn of(file: &Value) -> Self {
        let key = &file["key"];
        let keys = Self(SigningKey::from_bytes(bytes(&key["seed"]).as_ref().try_into().unwrap()));
        assert_eq!(keys.0.verifying_key().as_bytes()[..], bytes(&key["public"]));
        assert!(bytes(&key["peer_id"]).ends_with(&bytes(&key["public"])));
        keys
    }
}

impl Keys for Ed25519 {
    fn sign(&self, message: &[&[u8]]) -> Bytes {
        Bytes::copy_from_slice(&self.0.sign(&message.concat()).to_bytes())
    }

    fn public_key(&self) -> Option<Bytes> {
        None
    }

    fn verify(&self, peer: &PeerId, key: Option<&[u8]>, message: &[&[u8]], signature: &[u8]) -> bool {
        assert_eq!(key, None, "no vector has a key beside its header");
        // Identity multihash of 36 bytes, key type 1, 32 bytes of key (libp2p, "Peer Ids").
        let public = peer.as_bytes().strip_prefix(&[0x00, 0x24, 0x08, 0x01, 0x12, 0x20]).unwrap();
        let public = VerifyingKey::from_bytes(public.try_into().unwrap()).unwrap();
        let Ok(signature) = Signature::from_slice(signature) else { return false };
        public.verify_strict(&message.concat(), &signature).is_ok()
    }
}
