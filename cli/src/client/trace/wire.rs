//! Protobuf by table: enough of the wire format to read trace events.

use std::fmt;

use super::schema::{Field, Kind};

/// A message that was read: the values of each field of its table.
#[derive(Debug)]
pub(super) struct Message<'a> {
    /// Its table.
    pub(super) fields: &'static [Field],
    /// By position in the table: what came, in order; the last counts unless it is a list.
    pub(super) values: Vec<Vec<Value<'a>>>,
}

/// One value.
#[derive(Debug)]
pub(super) enum Value<'a> {
    /// A number or a truth value.
    Int(u64),
    /// Text or bytes.
    Bytes(&'a [u8]),
    /// Another message.
    Message(Message<'a>),
}

/// Why bytes are no message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// They end too early.
    Truncated,
    /// A number has more than 64 bits.
    Overflow,
    /// A field comes in a form it cannot have.
    WireType { wire_type: u64, number: u64 },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("unexpected EOF"),
            Self::Overflow => f.write_str("proto: integer overflow"),
            Self::WireType { wire_type, number } => {
                write!(f, "proto: wrong wireType = {wire_type} for field {number}")
            }
        }
    }
}

impl<'a> Message<'a> {
    /// Reads all of `data`; unknown fields are skipped. As deep as the table, so bounded.
    pub(super) fn decode(mut data: &'a [u8], fields: &'static [Field]) -> Result<Self, Fault> {
        let mut values: Vec<Vec<Value<'a>>> = fields.iter().map(|_| Vec::new()).collect();
        while !data.is_empty() {
            let key = varint(&mut data)?;
            let (number, wire_type) = (key >> 3, key & 7);
            let raw = raw(&mut data, number, wire_type)?;
            let Some(index) = fields.iter().position(|field| field.number == number) else {
                continue;
            };
            let value = match (fields[index].kind, raw) {
                (Kind::Int | Kind::Bool, Some(Value::Int(number))) => Value::Int(number),
                (Kind::Text | Kind::Bytes, Some(Value::Bytes(bytes))) => Value::Bytes(bytes),
                (Kind::Message(inner), Some(Value::Bytes(bytes))) => {
                    Value::Message(Self::decode(bytes, inner)?)
                }
                (Kind::Int | Kind::Bool | Kind::Text | Kind::Bytes | Kind::Message(_), _) => {
                    return Err(Fault::WireType { wire_type, number });
                }
            };
            values[index].push(value);
        }
        Ok(Self { fields, values })
    }

    /// The last value of the field of this name.
    fn last(&self, name: &str) -> Option<&Value<'a>> {
        let index = self.fields.iter().position(|field| field.name == name)?;
        self.values[index].last()
    }

    /// A number; 0 if it did not come.
    pub(super) fn int(&self, name: &str) -> u64 {
        match self.last(name) {
            Some(Value::Int(number)) => *number,
            Some(Value::Bytes(_) | Value::Message(_)) | None => 0,
        }
    }

    /// Bytes; empty if they did not come.
    pub(super) fn bytes(&self, name: &str) -> &'a [u8] {
        match self.last(name) {
            Some(Value::Bytes(bytes)) => bytes,
            Some(Value::Int(_) | Value::Message(_)) | None => &[],
        }
    }

    /// A message inside this one.
    pub(super) fn message(&self, name: &str) -> Option<&Self> {
        match self.last(name)? {
            Value::Message(message) => Some(message),
            Value::Int(_) | Value::Bytes(_) => None,
        }
    }
}

/// The value after a key; `None` for fixed-width numbers, which trace events do not use.
fn raw<'a>(data: &mut &'a [u8], number: u64, wire_type: u64) -> Result<Option<Value<'a>>, Fault> {
    match wire_type {
        0 => varint(data).map(|value| Some(Value::Int(value))),
        1 => take(data, 8).map(|_| None),
        2 => {
            let length = varint(data)?;
            take(data, length).map(|bytes| Some(Value::Bytes(bytes)))
        }
        5 => take(data, 4).map(|_| None),
        _ => Err(Fault::WireType { wire_type, number }),
    }
}

fn varint(data: &mut &[u8]) -> Result<u64, Fault> {
    let mut value = 0u64;
    for shift in (0..70).step_by(7) {
        let (byte, rest) = data.split_first().ok_or(Fault::Truncated)?;
        *data = rest;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return Err(Fault::Overflow);
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Fault::Overflow)
}

fn take<'a>(data: &mut &'a [u8], length: u64) -> Result<&'a [u8], Fault> {
    let length = usize::try_from(length).map_err(|_| Fault::Truncated)?;
    let (bytes, rest) = data.split_at_checked(length).ok_or(Fault::Truncated)?;
    *data = rest;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::schema::OPTIMUM;
    use super::*;

    fn fault(data: &[u8]) -> Option<Fault> {
        Message::decode(data, OPTIMUM).err()
    }

    #[test]
    fn every_way_to_be_broken_has_a_name() {
        assert_eq!(fault(&[0x80]), Some(Fault::Truncated));
        assert_eq!(
            fault(&[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
            Some(Fault::Truncated)
        );
        assert_eq!(
            fault(&[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]),
            Some(Fault::Overflow)
        );
        assert_eq!(fault(&[0x0a, 0]), Some(Fault::WireType { wire_type: 2, number: 1 }));
        assert_eq!(fault(&[0x0b]), Some(Fault::WireType { wire_type: 3, number: 1 }));
        // Unknown fields of every width are skipped.
        assert_eq!(fault(&[0xf8, 1, 7, 0xf9, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xfd, 1, 0, 0, 0, 0]), None);
    }
}
