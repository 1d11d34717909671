//! Logs: to stderr, as text or JSON, ours in more detail than those of the libraries.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::args::CommonOptions;
use crate::config::value::Given;
use crate::exit::Failure;

/// Starts logging; `default_level` applies where LOG_LEVEL says nothing.
pub(crate) fn start(options: &CommonOptions, default_level: LevelFilter) -> Result<(), Failure> {
    let level = match options.log_level.trim() {
        "" => default_level,
        text => Given::new("LOG_LEVEL", text).word(&[
            ("debug", LevelFilter::DEBUG),
            ("info", LevelFilter::INFO),
            ("warn", LevelFilter::WARN),
            ("error", LevelFilter::ERROR),
        ])?,
    };
    let is_json = Given::new("LOG_FORMAT", &options.log_format).word(&[("text", false), ("json", true)])?;
    // One step less for libraries, and never below warnings unless asked for errors only.
    let libraries =
        if level >= LevelFilter::DEBUG { LevelFilter::INFO } else { level.min(LevelFilter::WARN) };
    let filter = Targets::new().with_default(libraries).with_target("braidcast", level);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    let started = if is_json {
        registry.with(layer.json()).try_init()
    } else {
        registry.with(layer.with_ansi(false)).try_init()
    };
    started.map_err(|error| Failure::Failed(anyhow::Error::new(error).context("logging")))
}
