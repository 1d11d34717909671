//! Go's `%q`: a string in double quotes with everything unprintable escaped.

use std::fmt::Write;

/// The bytes in double quotes, as Go's `%q` writes a string that holds them.
pub(crate) fn quoted(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            push_escaped(&mut out, character);
        }
        for byte in chunk.invalid() {
            push(&mut out, format_args!("\\x{byte:02x}"));
        }
    }
    out.push('"');
    out
}

fn push_escaped(out: &mut String, character: char) {
    match character {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0c' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\x0b' => out.push_str("\\v"),
        ' ' => out.push(' '),
        '\0'..='\x1f' | '\x7f' => push(out, format_args!("\\x{:02x}", u32::from(character))),
        _ if is_printable(character) => out.push(character),
        _ if u32::from(character) <= 0xffff => push(out, format_args!("\\u{:04x}", u32::from(character))),
        _ => push(out, format_args!("\\U{:08x}", u32::from(character))),
    }
}

/// Whether Go prints it. Rust's debug escapes follow the same Unicode classes; combining marks, which
/// Rust escapes in isolation, are printable to Go.
fn is_printable(character: char) -> bool {
    let mut escaped = character.escape_debug();
    match (escaped.next(), escaped.next()) {
        (Some(first), None) => first == character,
        (_, _) => character == '\'' || is_combining(character),
    }
}

fn is_combining(character: char) -> bool {
    matches!(u32::from(character), 0x300..=0x36f | 0x1ab0..=0x1aff | 0x1dc0..=0x1dff | 0x20d0..=0x20f0)
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ok = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_those_of_go() {
        assert_eq!(quoted(b"[1757588485852133000 26] random"), "\"[1757588485852133000 26] random\"");
        assert_eq!(quoted("a\"b\\c\n\t\x01\x7f'é…".as_bytes()), "\"a\\\"b\\\\c\\n\\t\\x01\\x7f'é…\"");
        assert_eq!(quoted(b"\xff\xc3("), "\"\\xff\\xc3(\"");
        assert_eq!(quoted("\u{200b}\u{ad}\u{e000}".as_bytes()), "\"\\u200b\\u00ad\\ue000\"");
        assert_eq!(quoted("\u{f0000}e\u{301}\0".as_bytes()), "\"\\U000f0000e\u{301}\\x00\"");
    }
}
