//! The lines that `p2p-client` prints and the payloads it makes, to the letter.

use std::time::Duration;

use crate::go::{duration, quote};

/// stdout, at SIGINT or SIGTERM.
pub(crate) const SHUTTING_DOWN: &str = "\nshutting down…";

/// stderr, before the connection.
pub(crate) fn connecting(addr: &str) -> String {
    format!("Connecting to node at: {addr}…")
}

/// stderr, before the subscription.
pub(crate) fn trying(topic: &str) -> String {
    format!("Trying to subscribe to topic {topic}…")
}

/// stdout, after the subscription.
pub(crate) fn subscribed(topic: &str) -> String {
    format!("Subscribed to topic {}, waiting for messages…", quote::quoted(topic.as_bytes()))
}

/// stdout, before the payload of a received message; an empty line follows the payload.
pub(crate) fn received(number: u64, unix_ns: i128, bytes: usize) -> String {
    format!("Recv message: [{number}] [{unix_ns} {bytes}] ")
}

/// stdout, after a publication.
pub(crate) fn published(payload: &[u8], topic: &str, took: Duration) -> String {
    let (payload, topic) = (quote::quoted(payload), quote::quoted(topic.as_bytes()));
    format!("Published {payload} to {topic} (took {})", duration::text(took))
}

/// The payload of a single message.
pub(crate) fn payload(unix_ns: i128, msg: &str) -> Vec<u8> {
    format!("[{unix_ns} {}] {msg}", msg.len()).into_bytes()
}

/// The payload of message `number` (from 1) of many.
pub(crate) fn numbered_payload(unix_ns: i128, number: i64, random: u32) -> Vec<u8> {
    format!("[{unix_ns} 8] {number} - {random:08x} XXX").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NS: i128 = 1_757_588_485_852_133_000;

    #[test]
    fn the_documents_lines() {
        assert_eq!(connecting("127.0.0.1:33221"), "Connecting to node at: 127.0.0.1:33221…");
        assert_eq!(trying("testtopic"), "Trying to subscribe to topic testtopic…");
        assert_eq!(subscribed("testtopic"), "Subscribed to topic \"testtopic\", waiting for messages…");
        assert_eq!(received(1, 1_757_588_485_854_443_000, 75), "Recv message: [1] [1757588485854443000 75] ");
        let line = published(b"[1757588485852133000 26] random", "mytopic", Duration::from_nanos(72_042));
        assert_eq!(line, "Published \"[1757588485852133000 26] random\" to \"mytopic\" (took 72.042µs)");
    }

    #[test]
    fn payloads_carry_time_and_length() {
        assert_eq!(payload(NS, "HelloWorld"), b"[1757588485852133000 10] HelloWorld");
        assert_eq!(payload(NS, "é").len(), b"[1757588485852133000 2] ".len() + 2);
        assert_eq!(payload(NS, &"x".repeat(50)).len(), 75);
        assert_eq!(payload(NS, &"x".repeat(100)).len(), 126);
        assert_eq!(numbered_payload(NS, 3, 0xabc), b"[1757588485852133000 8] 3 - 00000abc XXX");
    }
}
