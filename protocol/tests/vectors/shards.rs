//! `field.json` and `shards.json`.

use braidcast_coding::{Decoder, Encoder, Offer, Params, Pool, Shard, Tag, gf256};
use serde_json::Value;

use super::{bytes, id, list, number, read, text};

#[test]
fn field_products_and_inverses_are_those_of_the_vectors() {
    let file = read(include_str!("../../../docs/spec/vectors/field.json"));
    let byte = |value: &Value| u8::try_from(number(value)).unwrap();
    for case in list(&file["products"]) {
        let (a, b) = (byte(&case["a"]), byte(&case["b"]));
        assert_eq!(gf256::mul(a, b), byte(&case["product"]), "{case}");
    }
    for case in list(&file["inverses"]) {
        assert_eq!(gf256::inv(byte(&case["a"])), Some(byte(&case["inverse"])), "{case}");
    }
}

#[test]
fn canonical_rows_are_those_of_the_vectors() {
    let file = read(include_str!("../../../docs/spec/vectors/field.json"));
    for case in list(&file["canonical_rows"]) {
        let params = Params::for_message(1, number(&case["k"])).unwrap();
        let row = id(case).coefficients(params).unwrap();
        assert_eq!(&*row, &bytes(&case["coefficients"]), "{case}");
    }
}

#[test]
fn shard_lengths_are_those_of_the_vectors() {
    let file = read(include_str!("../../../docs/spec/vectors/shards.json"));
    for case in list(&file["lengths"]) {
        let length = number(&case["message_length"]);
        let params = Params::for_message(length, number(&case["k"])).unwrap();
        assert_eq!(params.shard_len(), number(&case["shard_length"]), "{case}");
        assert_eq!(params.padded_len() - length, number(&case["padding"]), "{case}");
    }
}

#[test]
fn messages_are_cut_and_combined_as_in_the_vectors() {
    let file = read(include_str!("../../../docs/spec/vectors/shards.json"));
    for case in list(&file["messages"]) {
        let (params, encoder) = encoder(case);
        let name = text(&case["name"]);
        assert_eq!(params.shard_len(), number(&case["shard_length"]), "{name}");
        let source: Vec<_> = (0..params.k()).map(|index| encoder.systematic(index)).collect();
        let expected: Vec<_> = list(&case["source"]).iter().map(bytes).collect();
        assert_eq!(source, expected, "{name}");
        let sets = list(&case["decoding"]).iter().flat_map(|set| list(&set["shards"]));
        for shard in list(&case["canonical"]).iter().chain(sets) {
            let made = encoder.encode(&[id(shard)], &mut Pool::default()).unwrap();
            assert_eq!(made, [bytes(&shard["shard"])], "{name}: {shard}");
        }
    }
}

#[test]
fn shards_of_the_vectors_decode_to_their_messages() {
    let file = read(include_str!("../../../docs/spec/vectors/shards.json"));
    let (mut whole, mut partial) = (0, 0);
    for case in list(&file["messages"]) {
        let (params, encoder) = encoder(case);
        for set in list(&case["decoding"]) {
            let (mut pool, mut decoder) = (Pool::default(), Decoder::new(params));
            for shard in list(&set["shards"]) {
                let shard = Shard { id: id(shard), payload: bytes(&shard["shard"]), tag: Tag::new(0) };
                let expected = decoder.is_innovative(&shard.id).unwrap();
                let offer = decoder.offer(shard, &mut pool).unwrap();
                assert_eq!(matches!(offer, Offer::Innovative { .. }), expected);
            }
            assert_eq!(decoder.rank(), number(&set["rank"]), "{}", case["name"]);
            if decoder.is_complete() {
                assert_eq!(decoder.finish(&mut pool).unwrap(), *encoder.message(), "{}", case["name"]);
                whole += 1;
            } else {
                partial += 1;
            }
        }
    }
    assert!(whole > 0 && partial > 0, "both kinds are in the file");
}

fn encoder(case: &Value) -> (Params, Encoder) {
    let message = bytes(&case["message"]);
    let params = Params::for_message(message.len(), number(&case["k"])).unwrap();
    (params, Encoder::new(message, params).unwrap())
}
