//! The TOML file, laid under flags and environment by becoming clap's defaults.
//!
//! Top-level keys are the options of a node and those of all commands; a table (`[devnet]`) holds the options of
//! the command of that name.

use std::path::Path;

use clap::Command;
use toml::{Table, Value};

use crate::exit::Failure;

/// Reads a configuration file.
pub(crate) fn read(path: &Path) -> Result<Table, Failure> {
    let refuse = |why: String| {
        Failure::Usage(format!(
            "BRAIDCAST_CONFIG (--config) is {:?}, allowed is a TOML file: {why}",
            path.display().to_string()
        ))
    };
    let text = std::fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?;
    text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map(|span| text[..span.start].matches('\n').count() + 1);
        refuse(format!("line {}: {}", line.unwrap_or(1), error.message().replace('\n', " ")))
    })
}

/// Takes the file's values as the defaults of a command's options.
///
/// `node` says whether this command is the node itself, under whichever name.
pub(crate) fn apply(mut command: Command, table: &Table) -> Result<Command, Failure> {
    for (key, value) in table {
        command = match value {
            Value::Table(inner) if command.find_subcommand(key).is_some() => {
                let mut result = Ok(());
                command = command.mut_subcommand(key, |sub| match apply(sub.clone(), inner) {
                    Ok(changed) => changed,
                    Err(failure) => {
                        result = Err(failure);
                        sub
                    }
                });
                result?;
                command
            }
            Value::Table(_) | Value::Datetime(_) => return Err(unknown(key)),
            Value::String(_) | Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Array(_) => {
                set(command, key, &text(key, value)?)?
            }
        };
    }
    Ok(command)
}

/// Sets one option, in the command itself or, for a node's options, in its `node` command.
fn set(command: Command, key: &str, value: &str) -> Result<Command, Failure> {
    let has = |command: &Command| command.get_arguments().any(|arg| arg.get_id() == key && key != "config");
    let value = value.to_owned();
    if has(&command) {
        return Ok(command.mut_arg(key, |arg| arg.default_value(value)));
    }
    if command.find_subcommand("node").is_some_and(has) {
        return Ok(command.mut_subcommand("node", |node| node.mut_arg(key, |arg| arg.default_value(value))));
    }
    Err(unknown(key))
}

fn unknown(key: &str) -> Failure {
    Failure::Usage(format!(
        "unknown key {key:?} in the configuration file, allowed are the options that --help lists, with underscores"
    ))
}

fn text(key: &str, value: &Value) -> Result<String, Failure> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        Value::Boolean(choice) => Ok(choice.to_string()),
        Value::Array(items) => {
            let items: Result<Vec<_>, _> = items.iter().map(|item| text(key, item)).collect();
            Ok(items?.join(","))
        }
        Value::Datetime(_) | Value::Table(_) => Err(Failure::Usage(format!(
            "key {key:?} in the configuration file is {value}, allowed is a number, a text or a list"
        ))),
    }
}
