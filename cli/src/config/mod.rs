//! Configuration: flag, environment, file, default, in this order; checked whole before anything starts.
//!
//! [`options`] declares every option once (clap gives flag, environment and default), [`mod@file`] lays the TOML
//! file under them, [`NodeConfig::check`] turns the texts into values or says in one line what is wrong.

pub(crate) mod addresses;
pub(crate) mod file;
mod gossipsub;
mod node;
mod options;
pub(crate) mod value;

pub(crate) use node::NodeConfig;
pub(crate) use options::NodeOptions;
