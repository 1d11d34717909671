//! Messages as the JSON that clients expect. Source: compat 1.4.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use braidcast_runtime_tokio::{Message, peer_id_text};
use bytes::Bytes;
use serde::Deserialize;

/// Which keys a message's JSON has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum JsonStyle {
    /// `MessageID`, `Topic`, `Message`, `SourceNodeID`, and the ids again as `message_id` and `source_node_id`:
    /// every known client finds what it looks for.
    #[default]
    Both,
    /// `source_node_id`, `topic`, `message_id`, `message`, as later nodes write.
    Snake,
}

/// A message that a node delivered, read back from its JSON.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivered {
    /// Where it was published.
    pub topic: String,
    /// The hexadecimal SHA-256 of the payload.
    pub message_id: String,
    /// The neighbour it came from, not its publisher.
    pub source_node_id: String,
    /// What was published.
    pub payload: Bytes,
}

/// Writes the payload as base64 straight into the JSON: messages are up to many MiB.
pub(crate) fn encode(message: &Message, style: JsonStyle) -> Bytes {
    let id = message.content().to_hex();
    let source = peer_id_text(&message.via);
    // Only the topic can hold characters that need escapes; a `str` always has a JSON form.
    let topic = serde_json::Value::from(message.topic.as_str()).to_string();
    let (head, tail) = match style {
        JsonStyle::Both => (
            format!(r#"{{"MessageID":"{id}","Topic":{topic},"Message":""#),
            format!(r#"","SourceNodeID":"{source}","message_id":"{id}","source_node_id":"{source}"}}"#),
        ),
        JsonStyle::Snake => (
            format!(r#"{{"source_node_id":"{source}","topic":{topic},"message_id":"{id}","message":""#),
            r#""}"#.to_owned(),
        ),
    };
    let base64_bytes = message.payload.len().div_ceil(3) * 4;
    let mut json = String::with_capacity(head.len() + base64_bytes + tail.len());
    json.push_str(&head);
    STANDARD.encode_string(&message.payload, &mut json);
    json.push_str(&tail);
    Bytes::from(json)
}

/// Both spellings side by side: JSON that has both is not a duplicate, and the first found is taken.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(rename = "MessageID")]
    pascal_id: Option<String>,
    message_id: Option<String>,
    #[serde(rename = "Topic")]
    pascal_topic: Option<String>,
    topic: Option<String>,
    #[serde(rename = "SourceNodeID")]
    pascal_source: Option<String>,
    source_node_id: Option<String>,
    // Borrowed where it has no escapes, which base64 does not need.
    #[serde(rename = "Message", borrow)]
    pascal_message: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    message: Option<std::borrow::Cow<'a, str>>,
}

/// Reads either style; ids that are missing are empty.
pub(crate) fn decode(json: &[u8]) -> Result<Delivered, String> {
    let wire: Wire<'_> = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let base64 = wire.pascal_message.or(wire.message).ok_or("there is no key `Message` or `message`")?;
    let payload = STANDARD.decode(base64.as_bytes()).map_err(|error| error.to_string())?;
    Ok(Delivered {
        topic: wire.pascal_topic.or(wire.topic).ok_or("there is no key `Topic` or `topic`")?,
        message_id: wire.pascal_id.or(wire.message_id).unwrap_or_default(),
        source_node_id: wire.pascal_source.or(wire.source_node_id).unwrap_or_default(),
        payload: Bytes::from(payload),
    })
}

#[cfg(test)]
mod tests {
    use braidcast_runtime_tokio::{MessageId, MessageRef, PeerId, Topic};

    use super::*;

    fn message(topic: &str, payload: &'static [u8]) -> Message {
        let peer = PeerId::from_bytes(&[&[0, 36, 8, 1, 18, 32][..], &[7; 32]].concat()).unwrap();
        let names =
            MessageRef { id: MessageId::of(&peer, 1), content: None, publisher: Some(peer), seqno: Some(1) };
        Message::new(Topic::new(topic), names, peer, Bytes::from_static(payload))
    }

    #[test]
    fn the_default_style_has_the_keys_of_all_clients() {
        let json = encode(&message("t", b"Hello, world!"), JsonStyle::Both);
        let value: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&json).unwrap();
        let hash = "315f5bdb76d078c43b8ac0064e4a0164612b1fce77c869345bfc94c75894edd3";
        assert_eq!(value["MessageID"], hash);
        assert_eq!(value["message_id"], hash);
        assert_eq!(value["Topic"], "t");
        assert_eq!(value["Message"], "SGVsbG8sIHdvcmxkIQ==");
        assert!(value["SourceNodeID"].as_str().unwrap().starts_with("12D3KooW"));
        assert_eq!(value["source_node_id"], value["SourceNodeID"]);
        assert!(!value.contains_key("message"), "the payload is there once");
        assert_eq!(value.len(), 6);
    }

    #[test]
    fn the_snake_style_has_nothing_else_and_is_in_order() {
        let json = encode(&message("t", b""), JsonStyle::Snake);
        let text = std::str::from_utf8(&json).unwrap();
        assert!(text.starts_with(r#"{"source_node_id":"12D3KooW"#), "{text}");
        assert!(text.contains(r#"","topic":"t","message_id":"e3b0c442"#), "{text}");
        assert!(text.ends_with(r#"","message":""}"#), "{text}");
    }

    #[test]
    fn both_styles_are_read_back() {
        let sent = message("a \"quoted\" \u{1F9F6}\n topic", &[0xff; 1000]);
        for style in [JsonStyle::Both, JsonStyle::Snake] {
            let got = decode(&encode(&sent, style)).unwrap();
            assert_eq!(got.topic, sent.topic.as_str());
            assert_eq!(got.payload, sent.payload);
            assert_eq!(got.message_id, sent.content().to_hex());
            assert_eq!(got.source_node_id, peer_id_text(&sent.via));
        }
    }

    #[test]
    fn what_is_no_message_is_refused_with_the_reason() {
        assert!(decode(b"{}").unwrap_err().contains("`Message`"));
        assert!(decode(br#"{"Message":"%%","Topic":"t"}"#).is_err());
        assert!(decode(b"text").is_err());
    }
}
