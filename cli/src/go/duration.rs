//! Go's text form of durations: `72.042µs`, `1m0.5s`; and reading it: `100ms`, `1h30m`.

use std::time::Duration;

/// A duration as Go prints it: the largest unit that keeps the number at or above one.
pub(crate) fn text(duration: Duration) -> String {
    let ns = duration.as_nanos();
    match ns {
        0 => "0s".to_owned(),
        1..1_000 => format!("{ns}ns"),
        1_000..1_000_000 => format!("{}µs", decimal(ns, 1_000)),
        1_000_000..1_000_000_000 => format!("{}ms", decimal(ns, 1_000_000)),
        1_000_000_000.. => clock(ns),
    }
}

/// Hours, minutes and seconds, from the first that is not zero.
fn clock(ns: u128) -> String {
    let minutes = ns / MINUTE_NS;
    let seconds = decimal(ns % MINUTE_NS, 1_000_000_000);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// `ns / unit` with as many decimals as it takes.
fn decimal(ns: u128, unit: u128) -> String {
    let (whole, rest) = (ns / unit, ns % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let width = unit.ilog10() as usize;
    let digits = format!("{rest:0width$}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

/// Reads a non-negative Go duration; `None` when it is none (a bare number other than `0` is none).
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let text = text.strip_prefix('+').unwrap_or(text);
    if text == "0" {
        return Some(Duration::ZERO);
    }
    if text.is_empty() {
        return None;
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(number_end);
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        total = total.checked_add(part(number, unit)?)?;
        rest = tail;
    }
    Some(total)
}

fn part(number: &str, unit: &str) -> Option<Duration> {
    let unit_ns = match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => MINUTE_NS,
        "h" => 60 * MINUTE_NS,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut ns = whole.checked_mul(unit_ns)?;
    let mut scale = unit_ns;
    for digit in fraction.bytes() {
        // Below a nanosecond Go truncates too.
        scale /= 10;
        ns += u128::from(digit - b'0') * scale;
    }
    // Go's durations are 64-bit.
    (ns <= i64::MAX as u128).then(|| Duration::from_nanos(ns as u64))
}

const MINUTE_NS: u128 = 60_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_as_go_prints() {
        for (ns, expected) in [
            (0, "0s"),
            (999, "999ns"),
            (72_042, "72.042µs"),
            (840_875, "840.875µs"),
            (1_000_000, "1ms"),
            (1_500_000, "1.5ms"),
            (2_000_000_001, "2.000000001s"),
            (60_000_000_000, "1m0s"),
            (3_661_500_000_000, "1h1m1.5s"),
        ] {
            assert_eq!(text(Duration::from_nanos(ns)), expected);
        }
    }

    #[test]
    fn read_as_go_reads() {
        for (given, ms) in
            [("0", 0), ("1s", 1000), ("100ms", 100), ("1m30s", 90_000), ("1.5h", 5_400_000), (".5s", 500)]
        {
            assert_eq!(parse(given), Some(Duration::from_millis(ms)), "{given}");
        }
        assert_eq!(parse("3µs"), Some(Duration::from_micros(3)));
        for refused in ["", "1", "s", "1x", "-1s", "1.2.3s", ".s", "99999999999h", "1 s"] {
            assert_eq!(parse(refused), None, "{refused}");
        }
    }
}
