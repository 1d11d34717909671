//! What the vendor's tools inherit from Go's standard library: flags, quoting, durations, dates.
//!
//! Scripts parse this output, so it is reproduced to the letter. Written from the behaviour that the Go
//! documentation describes.

pub(crate) mod duration;
pub(crate) mod flags;
pub(crate) mod quote;
pub(crate) mod time;
