//! Dates as Go's `log` and `time.RFC3339Nano` print them, in the local time zone.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Local, TimeZone};

/// Nanoseconds since the Unix epoch, now.
pub(crate) fn unix_ns() -> i128 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_nanos() as i128,
        Err(before) => -(before.duration().as_nanos() as i128),
    }
}

/// The prefix of a line of Go's `log` package, for now.
pub(crate) fn log_prefix() -> String {
    log_date(&Local::now())
}

fn log_date<Z: TimeZone<Offset: std::fmt::Display>>(at: &DateTime<Z>) -> String {
    at.format("%Y/%m/%d %H:%M:%S").to_string()
}

/// A Unix time in nanoseconds as local `RFC3339Nano`.
pub(crate) fn rfc3339_nano(unix_ns: i64) -> String {
    nano(&Local.timestamp_nanos(unix_ns))
}

/// Go drops the zeros at the end of the fraction and writes UTC as `Z`.
fn nano<Z: TimeZone<Offset: std::fmt::Display>>(at: &DateTime<Z>) -> String {
    let seconds = at.format("%Y-%m-%dT%H:%M:%S").to_string();
    let digits = format!("{:09}", at.timestamp_subsec_nanos());
    let fraction = digits.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    let zone = at.format("%:z").to_string();
    let zone = if zone == "+00:00" { "Z" } else { &zone };
    format!("{seconds}{point}{fraction}{zone}")
}

#[cfg(test)]
mod tests {
    use chrono::{FixedOffset, Utc};

    use super::*;

    #[test]
    fn the_documents_sample_is_reproduced() {
        let kolkata = FixedOffset::east_opt(5 * 3600 + 1800).unwrap();
        let at = Utc.timestamp_nanos(1_757_586_484_746_971_127).with_timezone(&kolkata);
        assert_eq!(nano(&at), "2025-09-11T15:58:04.746971127+05:30");
        assert_eq!(log_date(&at), "2025/09/11 15:58:04");
    }

    #[test]
    fn trailing_zeros_go_and_utc_is_z() {
        assert_eq!(nano(&Utc.timestamp_nanos(1_500_000_000)), "1970-01-01T00:00:01.5Z");
        assert_eq!(nano(&Utc.timestamp_nanos(0)), "1970-01-01T00:00:00Z");
    }
}
