//! One option's text to its value, or one line that names the option, the text and what is allowed.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use crate::exit::Failure;
use crate::go;

/// An option and the text it was given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Given<'a> {
    /// Its environment variable; the flag is the same in lower case with dashes.
    pub(crate) name: &'a str,
    /// What was given.
    pub(crate) text: &'a str,
}

impl<'a> Given<'a> {
    /// Pairs an option with its text.
    pub(crate) fn new(name: &'a str, text: &'a str) -> Self {
        Self { name, text: text.trim() }
    }

    /// The refusal of this value.
    pub(crate) fn refuse(self, allowed: impl Display) -> Failure {
        let own = self.name.trim_start_matches("BRAIDCAST_").trim_start_matches("DEVNET_");
        let flag = own.to_ascii_lowercase().replace('_', "-");
        Failure::Usage(format!("{} (--{flag}) is {:?}, allowed is {allowed}", self.name, self.text))
    }

    /// A whole number in a range.
    pub(crate) fn number<T>(self, range: RangeInclusive<T>) -> Result<T, Failure>
    where
        T: FromStr + PartialOrd + Display,
    {
        let number = self.text.parse().ok().filter(|number| range.contains(number));
        let (low, high) = (range.start(), range.end());
        number.ok_or_else(|| self.refuse(format_args!("a whole number from {low} to {high}")))
    }

    /// A number of bytes, plain or with a unit, up to a limit.
    pub(crate) fn bytes(self, range: RangeInclusive<usize>) -> Result<usize, Failure> {
        let bytes = size(self.text).filter(|bytes| range.contains(bytes));
        let (low, high) = (range.start(), range.end());
        bytes.ok_or_else(|| self.refuse(format_args!("{low} to {high} bytes, as 1048576, 64KiB or 1MB")))
    }

    /// A fraction that `read` takes.
    pub(crate) fn fraction<T>(self, read: fn(f64) -> Option<T>, allowed: &str) -> Result<T, Failure> {
        self.text.parse().ok().and_then(read).ok_or_else(|| self.refuse(allowed))
    }

    /// One of a few words.
    pub(crate) fn word<T: Copy>(self, words: &[(&str, T)]) -> Result<T, Failure> {
        match words.iter().find(|(word, _)| *word == self.text) {
            Some((_, value)) => Ok(*value),
            None => {
                let allowed: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                Err(self.refuse(allowed.join(" or ")))
            }
        }
    }

    /// A port: `33212` or Go's `:33212`.
    pub(crate) fn port(self) -> Result<u16, Failure> {
        let digits = self.text.strip_prefix(':').unwrap_or(self.text);
        let port = digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()));
        port.ok_or_else(|| self.refuse("a port from 0 to 65535, as 7070 or :7070"))
    }

    /// Where to serve: a port on all interfaces, or an address with a port.
    pub(crate) fn socket(self) -> Result<SocketAddr, Failure> {
        if let Ok(port) = self.port() {
            return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port));
        }
        let allowed = "a port from 0 to 65535, as 33212, :33212 or 127.0.0.1:33212";
        self.text.parse().map_err(|_| self.refuse(allowed))
    }

    /// A Go duration, or seconds as a number, in a range.
    pub(crate) fn duration(self, range: RangeInclusive<Duration>) -> Result<Duration, Failure> {
        let seconds = || self.text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let duration = go::duration::parse(self.text).or_else(seconds);
        duration.filter(|duration| range.contains(duration)).ok_or_else(|| {
            let [low, high] = [range.start(), range.end()].map(|bound| go::duration::text(*bound));
            self.refuse(format_args!("a duration from {low} to {high}, as 700ms or 1s"))
        })
    }
}

/// A number of bytes: `1000`, `64KiB`, `1MiB`, `1MB` (decimal).
pub(crate) fn size(text: &str) -> Option<usize> {
    let digits_end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits_end);
    let unit = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return None,
    };
    number.parse::<usize>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_take_binary_and_decimal_units() {
        for (text, bytes) in [
            ("0", 0),
            ("1000", 1000),
            ("64KiB", 65536),
            ("1MiB", 1 << 20),
            ("1MB", 1_000_000),
            ("2 kib", 2048),
        ] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for text in ["", "MiB", "1.5MiB", "-1", "1TiB", "99999999999999999999"] {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn ports_take_go_spelling_and_addresses() {
        let socket = |text| Given::new("SIDECAR_PORT", text).socket().map(|at| at.to_string());
        assert_eq!(socket("33212").unwrap(), "0.0.0.0:33212");
        assert_eq!(socket(":33212").unwrap(), "0.0.0.0:33212");
        assert_eq!(socket("127.0.0.1:1").unwrap(), "127.0.0.1:1");
        for text in ["", ":", "65536", "+1", "-1", "host:1", "0x10"] {
            let refusal = socket(text).unwrap_err().to_string();
            assert!(refusal.contains("SIDECAR_PORT (--sidecar-port) is"), "{refusal}");
        }
    }

    #[test]
    fn durations_are_those_of_go_or_seconds() {
        let range = Duration::from_millis(10)..=Duration::from_secs(60);
        let read = |text| Given::new("X", text).duration(range.clone()).ok();
        assert_eq!(read("700ms"), Some(Duration::from_millis(700)));
        assert_eq!(read("0.5"), Some(Duration::from_millis(500)));
        assert_eq!([read("0"), read("soon"), read("2h"), read("NaN")], [None; 4]);
    }
}
