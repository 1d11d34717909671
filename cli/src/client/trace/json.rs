//! JSON as Go's `encoding/json` writes it: no spaces, base64, what is empty left out, HTML escaped.

use std::fmt::Write;

use super::schema::{Field, Kind};
use super::wire::{Message, Value};

/// A message as JSON.
pub(super) fn text(message: &Message<'_>) -> String {
    let mut out = String::new();
    push_message(&mut out, message);
    out
}

fn push_message(out: &mut String, message: &Message<'_>) {
    let mut separator = '{';
    for (field, values) in message.fields.iter().zip(&message.values) {
        let Some(last) = values.last().filter(|value| !is_omitted(field, value)) else {
            continue;
        };
        out.push(separator);
        separator = ',';
        push_string(out, field.name);
        out.push(':');
        if field.is_list {
            push_list(out, field, values);
        } else {
            push_value(out, field, last);
        }
    }
    if separator == '{' {
        out.push('{');
    }
    out.push('}');
}

/// Go omits empty bytes; everything else is a pointer, left out only when it did not come.
fn is_omitted(field: &Field, value: &Value<'_>) -> bool {
    !field.is_list && matches!((field.kind, value), (Kind::Bytes, Value::Bytes([])))
}

fn push_list(out: &mut String, field: &Field, values: &[Value<'_>]) {
    let mut separator = '[';
    for value in values {
        out.push(separator);
        separator = ',';
        push_value(out, field, value);
    }
    out.push(']');
}

fn push_value(out: &mut String, field: &Field, value: &Value<'_>) {
    match value {
        Value::Int(number) if matches!(field.kind, Kind::Bool) => {
            out.push_str(if *number == 0 { "false" } else { "true" });
        }
        // Times may be before 1970; lengths never reach the sign bit.
        Value::Int(number) => push(out, format_args!("{}", *number as i64)),
        Value::Bytes(bytes) if matches!(field.kind, Kind::Text) => {
            push_string(out, &String::from_utf8_lossy(bytes));
        }
        Value::Bytes(bytes) => push_base64(out, bytes),
        Value::Message(message) => push_message(out, message),
    }
}

fn push_string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\0'..='\x1f' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                push(out, format_args!("\\u{:04x}", u32::from(character)));
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}

fn push_base64(out: &mut String, bytes: &[u8]) {
    out.push('"');
    for group in bytes.chunks(3) {
        let bits =
            group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for position in 0..4 {
            let index = (bits >> (18 - 6 * position)) as usize & 63;
            out.push(if position <= group.len() { char::from(ALPHABET[index]) } else { '=' });
        }
    }
    out.push('"');
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ok = out.write_fmt(text);
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_go_does() {
        let mut out = String::new();
        push_string(&mut out, "a\"\\<&>\n\x01é\u{2028}");
        assert_eq!(out, "\"a\\\"\\\\\\u003c\\u0026\\u003e\\n\\u0001é\\u2028\"");
    }

    #[test]
    fn base64_is_padded() {
        for (bytes, expected) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            let mut out = String::new();
            push_base64(&mut out, bytes.as_bytes());
            assert_eq!(out, format!("\"{expected}\""));
        }
    }
}
