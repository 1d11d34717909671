//! Values with units.

use std::time::Duration;

use super::tree::Value;

/// What a duration looks like.
pub(super) const DURATION: &str = "a duration, as \"50 ms\", \"1.5 s\" or \"2 min\"";
/// What a rate looks like.
pub(super) const RATE: &str = "a rate, as \"50 Mbit/s\" or \"5 MB/s\", or \"unlimited\"";

pub(super) fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::List(_) | Value::Table(_) => None,
    }
}

pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Float(number) => Some(*number),
        Value::Integer(number) => Some(*number as f64),
        Value::Text(_) | Value::Bool(_) | Value::List(_) | Value::Table(_) => None,
    }
}

/// A duration of at most a day: nothing that is simulated takes longer.
pub(super) fn duration(value: &Value) -> Option<Duration> {
    let (number, unit) = split(text(value)?)?;
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "min" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    Some(number * seconds).filter(|seconds| *seconds <= 86_400.0).map(Duration::from_secs_f64)
}

/// Bytes, plain or with a binary or decimal unit.
pub(super) fn bytes(value: &Value) -> Option<u64> {
    if let Value::Integer(number) = value {
        return u64::try_from(*number).ok();
    }
    let (number, unit) = split(text(value)?)?;
    let scale = match unit {
        "" | "B" => 1.0,
        "KiB" => 1024.0,
        "MiB" => 1_048_576.0,
        "GiB" => 1_073_741_824.0,
        "kB" | "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        _ => return None,
    };
    Some(number * scale).filter(|bytes| *bytes < 1e15).map(|bytes| bytes.round() as u64)
}

/// Bytes per second; `None` within is unlimited.
pub(super) fn rate(value: &Value) -> Option<Option<u64>> {
    let text = text(value)?;
    if text == "unlimited" {
        return Some(None);
    }
    let (number, unit) = split(text)?;
    let per_byte = match unit {
        "kbit/s" => 1e3 / 8.0,
        "Mbit/s" => 1e6 / 8.0,
        "Gbit/s" => 1e9 / 8.0,
        "B/s" => 1.0,
        "kB/s" => 1e3,
        "MB/s" => 1e6,
        "KiB/s" => 1024.0,
        "MiB/s" => 1_048_576.0,
        _ => return None,
    };
    Some(number * per_byte).filter(|rate| (1.0..1e15).contains(rate)).map(|rate| Some(rate.round() as u64))
}

/// A number that is not negative, and its unit.
fn split(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn units_are_read() {
        assert_eq!(duration(&of("50 ms")), Some(Duration::from_millis(50)));
        assert_eq!(duration(&of("1.5s")), Some(Duration::from_millis(1500)));
        assert_eq!(bytes(&of("1 MiB")), Some(1 << 20));
        assert_eq!(bytes(&Value::Integer(1000)), Some(1000));
        assert_eq!(rate(&of("50 Mbit/s")), Some(Some(6_250_000)));
        assert_eq!(rate(&of("unlimited")), Some(None));
    }

    #[test]
    fn what_has_no_unit_or_no_sense_is_refused() {
        for text in ["", "50", "-1 ms", "ms", "1 day", "2000000 s", "1..2 s"] {
            assert_eq!(duration(&of(text)), None, "{text}");
        }
        assert_eq!(duration(&Value::Integer(50)), None);
        for text in ["50", "0 Mbit/s", "50 Mbps", "fast"] {
            assert_eq!(rate(&of(text)), None, "{text}");
        }
        assert_eq!(bytes(&Value::Integer(-1)), None);
    }
}
