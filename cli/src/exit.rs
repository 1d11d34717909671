//! How a command ends: exit code 0 done, 1 failed, 2 wrong usage or configuration.

use std::fmt;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The caller's mistake, in one line that names the option, the value and what is allowed.
    Usage(String),
    /// It was tried and did not work.
    Failed(anyhow::Error),
    /// Failed, and everything about it has been printed already.
    Reported,
    /// A vendor tool's usage error, which is printed as it is.
    Verbatim(String),
}

impl Failure {
    /// The exit code of the process.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Verbatim(_) => 2,
            Self::Failed(_) | Self::Reported => 1,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(line) => write!(f, "error: {line}"),
            Self::Failed(error) => write!(f, "error: {}", one_line(error)),
            Self::Reported => Ok(()),
            Self::Verbatim(text) => f.write_str(text.trim_end_matches('\n')),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// An error with its causes, leaving out those that the text before them quotes already.
fn one_line(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |line, cause| match line.as_str() {
        "" => cause,
        quoted if quoted.contains(&cause) => line,
        _ => format!("{line}: {cause}"),
    })
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    use super::*;

    #[test]
    fn every_cause_is_said_once() {
        let error = Err::<(), _>(anyhow!("no such file")).context("read key: no such file (p2p.key)");
        let failure = Failure::from(error.context("identity").unwrap_err());
        assert_eq!(failure.to_string(), "error: identity: read key: no such file (p2p.key)");
    }
}
