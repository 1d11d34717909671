//! Command-line flags in Go's style: `-x`, `--x`, `-x=v`, `-x v`; usage text and errors as Go words them.

use std::fmt::Write;
use std::time::Duration;

use super::{duration, quote};

/// What a flag takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Any text.
    Text(String),
    /// A whole number, also `0x…`, `0o…`, `0b…`.
    Int(i64),
    /// A Go duration.
    Duration(Duration),
    /// A switch: `-x` or `-x=true`.
    #[allow(dead_code, reason = "the flags of proxy-client, which comes with the gateway")]
    Bool(bool),
}

/// One flag: its name, what it does, and its value, at first the default.
#[derive(Clone, Debug)]
struct Flag {
    name: &'static str,
    help: &'static str,
    default: Value,
    value: Value,
}

/// The flags of one tool.
#[derive(Clone, Debug)]
pub(crate) struct FlagSet {
    tool: String,
    flags: Vec<Flag>,
}

/// Why parsing ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// `-h` or `-help`: the usage, exit code 0.
    Help(String),
    /// A wrong flag: the error line and the usage, exit code 2.
    Wrong(String),
}

impl FlagSet {
    /// No flags yet. `tool` is the name in the usage text.
    pub(crate) fn new(tool: &str) -> Self {
        Self { tool: tool.to_owned(), flags: Vec::new() }
    }

    /// Adds a flag with its default.
    pub(crate) fn with(mut self, name: &'static str, default: Value, help: &'static str) -> Self {
        self.flags.push(Flag { name, help, value: default.clone(), default });
        // Go lists them in this order.
        self.flags.sort_by_key(|flag| flag.name);
        self
    }

    /// Reads the arguments up to the first that is no flag; gives the rest.
    pub(crate) fn parse(&mut self, args: &[String]) -> Result<Vec<String>, Stop> {
        let mut args = args.iter();
        while let Some(arg) = args.as_slice().first() {
            let Some(body) = arg.strip_prefix('-').filter(|body| !body.is_empty()) else {
                break;
            };
            args.next();
            if body == "-" {
                break;
            }
            let body = body.strip_prefix('-').unwrap_or(body);
            if body.starts_with(['-', '=']) {
                return Err(self.wrong(&format!("bad flag syntax: {arg}")));
            }
            let (name, inline) = match body.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (body, None),
            };
            self.set(name, inline, &mut args)?;
        }
        Ok(args.cloned().collect())
    }

    fn set(
        &mut self,
        name: &str,
        inline: Option<&str>,
        rest: &mut std::slice::Iter<'_, String>,
    ) -> Result<(), Stop> {
        let Some(index) = self.flags.iter().position(|flag| flag.name == name) else {
            return Err(match name {
                "h" | "help" => Stop::Help(self.usage()),
                _ => self.wrong(&format!("flag provided but not defined: -{name}")),
            });
        };
        let is_switch = matches!(self.flags[index].value, Value::Bool(_));
        let text = match inline {
            Some(text) => text,
            None if is_switch => "true",
            None => match rest.next() {
                Some(text) => text,
                None => return Err(self.wrong(&format!("flag needs an argument: -{name}"))),
            },
        };
        match read(&self.flags[index].value, text) {
            Ok(value) => self.flags[index].value = value,
            Err(why) if is_switch => {
                let text = quote::quoted(text.as_bytes());
                return Err(self.wrong(&format!("invalid boolean value {text} for -{name}: {why}")));
            }
            Err(why) => {
                let text = quote::quoted(text.as_bytes());
                return Err(self.wrong(&format!("invalid value {text} for flag -{name}: {why}")));
            }
        }
        Ok(())
    }

    /// The value of a text flag; empty if there is none of that name.
    pub(crate) fn text(&self, name: &str) -> String {
        match self.value(name) {
            Some(Value::Text(text)) => text.clone(),
            Some(Value::Int(_) | Value::Duration(_) | Value::Bool(_)) | None => String::new(),
        }
    }

    /// The value of a number flag; 0 if there is none of that name.
    pub(crate) fn int(&self, name: &str) -> i64 {
        match self.value(name) {
            Some(Value::Int(number)) => *number,
            Some(Value::Text(_) | Value::Duration(_) | Value::Bool(_)) | None => 0,
        }
    }

    /// The value of a duration flag; 0 if there is none of that name.
    pub(crate) fn duration(&self, name: &str) -> Duration {
        match self.value(name) {
            Some(Value::Duration(duration)) => *duration,
            Some(Value::Text(_) | Value::Int(_) | Value::Bool(_)) | None => Duration::ZERO,
        }
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.flags.iter().find(|flag| flag.name == name).map(|flag| &flag.value)
    }

    fn wrong(&self, line: &str) -> Stop {
        Stop::Wrong(format!("{line}\n{}", self.usage()))
    }

    /// The usage text.
    pub(crate) fn usage(&self) -> String {
        let mut out = format!("Usage of {}:\n", self.tool);
        for Flag { name, help, default, .. } in &self.flags {
            let (kind, default) = match default {
                Value::Text(text) if text.is_empty() => (" string", None),
                Value::Text(text) => (" string", Some(quote::quoted(text.as_bytes()))),
                Value::Int(0) => (" int", None),
                Value::Int(number) => (" int", Some(number.to_string())),
                Value::Duration(Duration::ZERO) => (" duration", None),
                Value::Duration(value) => (" duration", Some(duration::text(*value))),
                Value::Bool(value) => ("", value.then(|| "true".to_owned())),
            };
            let default = default.map(|text| format!(" (default {text})")).unwrap_or_default();
            // Writing to a string cannot fail.
            let _ok = writeln!(out, "  -{name}{kind}\n    \t{help}{default}");
        }
        out
    }
}

fn read(like: &Value, text: &str) -> Result<Value, &'static str> {
    match like {
        Value::Text(_) => Ok(Value::Text(text.to_owned())),
        Value::Int(_) => int(text).map(Value::Int),
        Value::Duration(_) => duration::parse(text).map(Value::Duration).ok_or("parse error"),
        Value::Bool(_) => match text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
            _ => Err("parse error"),
        },
    }
}

/// Go takes `0x`, `0o`, `0b` and a plain leading zero (octal).
fn int(text: &str) -> Result<i64, &'static str> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (digits, radix) = match lower.split_at_checked(2) {
        Some(("0x", rest)) => (rest, 16),
        Some(("0o", rest)) => (rest, 8),
        Some(("0b", rest)) => (rest, 2),
        Some(_) if lower.starts_with('0') => (&lower[1..], 8),
        Some(_) | None => (lower.as_str(), 10),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Err("parse error");
    }
    let value = i128::from_str_radix(digits, radix).map_err(|_| "value out of range")?;
    i64::try_from(sign * value).map_err(|_| "value out of range")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags() -> FlagSet {
        FlagSet::new("./tool")
            .with("topic", Value::Text(String::new()), "topic name")
            .with("addr", Value::Text("localhost:33212".to_owned()), "where")
            .with("count", Value::Int(1), "how many")
            .with("sleep", Value::Duration(Duration::ZERO), "pause")
            .with("quiet", Value::Bool(false), "less")
    }

    fn parse(args: &[&str]) -> (FlagSet, Result<Vec<String>, Stop>) {
        let mut flags = flags();
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let rest = flags.parse(&args);
        (flags, rest)
    }

    #[test]
    fn all_four_spellings_are_taken() {
        for args in [&["-topic=a b"][..], &["--topic=a b"], &["-topic", "a b"], &["--topic", "a b"]] {
            let (flags, rest) = parse(args);
            assert_eq!((flags.text("topic").as_str(), rest), ("a b", Ok(vec![])));
        }
        let (flags, rest) =
            parse(&["-count=0x10", "-sleep", "1s", "-quiet", "-topic=a=b", "file", "-count=2"]);
        assert_eq!(flags.int("count"), 16);
        assert_eq!(flags.duration("sleep"), Duration::from_secs(1));
        assert_eq!(flags.text("topic"), "a=b");
        assert_eq!(flags.value("quiet"), Some(&Value::Bool(true)));
        assert_eq!(rest, Ok(vec!["file".to_owned(), "-count=2".to_owned()]));
        assert_eq!(parse(&["--", "-topic"]).1, Ok(vec!["-topic".to_owned()]));
        assert_eq!(parse(&["-", "x"]).1, Ok(vec!["-".to_owned(), "x".to_owned()]));
    }

    #[test]
    fn errors_are_worded_as_go_words_them() {
        for (args, line) in [
            (&["-x"][..], "flag provided but not defined: -x"),
            (&["--x=1"], "flag provided but not defined: -x"),
            (&["-topic"], "flag needs an argument: -topic"),
            (&["-count=many"], "invalid value \"many\" for flag -count: parse error"),
            (
                &["-count=9223372036854775808"],
                "invalid value \"9223372036854775808\" for flag -count: value out of range",
            ),
            (&["-sleep", "1"], "invalid value \"1\" for flag -sleep: parse error"),
            (&["-quiet=maybe"], "invalid boolean value \"maybe\" for -quiet: parse error"),
            (&["---topic"], "bad flag syntax: ---topic"),
            (&["-=v"], "bad flag syntax: -=v"),
        ] {
            assert_eq!(parse(args).1, Err(Stop::Wrong(format!("{line}\n{}", flags().usage()))));
        }
    }

    #[test]
    fn usage_is_sorted_and_shows_defaults_that_are_not_zero() {
        let usage = "Usage of ./tool:\n  -addr string\n    \twhere (default \"localhost:33212\")\n  -count int\n    \t\
                     how many (default 1)\n  -quiet\n    \tless\n  -sleep duration\n    \tpause\n  -topic string\n    \ttopic name\n";
        assert_eq!(parse(&["-h"]).1, Err(Stop::Help(usage.to_owned())));
        assert_eq!(parse(&["--help"]).1, Err(Stop::Help(usage.to_owned())));
    }
}
