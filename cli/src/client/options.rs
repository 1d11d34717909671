//! What a client is asked to do: by Go-style flags (`p2p-client`) or by `braidcast client`.

use std::time::Duration;

use clap::{Args, Subcommand};

use crate::config::value::Given;
use crate::exit::Failure;
use crate::go::flags::{FlagSet, Stop, Value};
use crate::output;

/// A checked request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Request {
    /// `host:port` of the node's sidecar.
    pub(crate) addr: String,
    /// Where to publish or listen.
    pub(crate) topic: String,
    /// What to do there.
    pub(crate) action: Action,
}

/// What to do with a topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    /// Print what arrives.
    Subscribe,
    /// Send messages.
    Publish {
        /// The text, used when there is one message.
        msg: String,
        /// How many.
        count: i64,
        /// Pause between two.
        sleep: Duration,
    },
}

/// Talk to a node's gRPC sidecar
#[derive(Subcommand, Debug)]
pub(crate) enum ClientCommand {
    /// Print the messages and traces of a topic until interrupted
    Subscribe {
        /// Where.
        #[command(flatten)]
        target: Target,
    },
    /// Publish messages to a topic
    Publish {
        /// Where.
        #[command(flatten)]
        target: Target,

        /// The message; with a count above 1, random messages are sent instead
        #[arg(long, env = "BRAIDCAST_MSG", default_value = "", hide_default_value = true)]
        msg: String,

        /// How many messages
        #[arg(long, env = "BRAIDCAST_COUNT", default_value = "1")]
        count: String,

        /// Pause between two messages, as 100ms or 1s
        #[arg(long, env = "BRAIDCAST_SLEEP", default_value = "0", value_name = "DURATION")]
        sleep: String,
    },
}

/// Which topic of which node.
#[derive(Args, Debug)]
pub(crate) struct Target {
    /// The node's sidecar
    #[arg(long, env = "BRAIDCAST_ADDR", default_value = "localhost:33212", value_name = "HOST:PORT")]
    addr: String,

    /// The topic
    #[arg(long, env = "BRAIDCAST_TOPIC", default_value = "", hide_default_value = true)]
    topic: String,
}

impl Request {
    /// Checks what `braidcast client` was given.
    pub(crate) fn from_clap(command: ClientCommand) -> Result<Self, Failure> {
        let (target, action) = match command {
            ClientCommand::Subscribe { target } => (target, Action::Subscribe),
            ClientCommand::Publish { target, msg, count, sleep } => {
                let count = Given::new("BRAIDCAST_COUNT", &count).number(1..=i64::MAX)?;
                let sleep = Given::new("BRAIDCAST_SLEEP", &sleep).duration(Duration::ZERO..=SLEEP_MAX)?;
                if msg.is_empty() && count == 1 {
                    return Err(Given::new("BRAIDCAST_MSG", "").refuse("any text that is not empty"));
                }
                (target, Action::Publish { msg, count, sleep })
            }
        };
        if target.topic.is_empty() {
            return Err(Given::new("BRAIDCAST_TOPIC", "").refuse("any text that is not empty"));
        }
        Ok(Self { addr: target.addr, topic: target.topic, action })
    }

    /// Reads the flags of `p2p-client`; `None` when only the usage was asked for.
    pub(crate) fn from_go(tool: &str, args: &[String]) -> Result<Option<Self>, Failure> {
        let mut flags = p2p_client_flags(tool);
        match flags.parse(args) {
            Ok(_ignored_as_go_does) => {}
            Err(Stop::Help(usage)) => {
                output::note(usage.trim_end());
                return Ok(None);
            }
            Err(Stop::Wrong(text)) => return Err(Failure::Verbatim(text)),
        }
        Self::from_flags(&flags).map(Some).map_err(|line| {
            output::go_log(&line);
            Failure::Reported
        })
    }

    fn from_flags(flags: &FlagSet) -> Result<Self, String> {
        let topic = flags.text("topic");
        if topic.is_empty() {
            return Err("-topic is required".to_owned());
        }
        let (msg, count) = (flags.text("msg"), flags.int("count"));
        let action = match flags.text("mode").as_str() {
            "subscribe" => Action::Subscribe,
            "publish" if msg.is_empty() && count == 1 => {
                return Err("-msg is required in publish mode".to_owned());
            }
            "publish" => Action::Publish { msg, count, sleep: flags.duration("sleep") },
            other => return Err(format!("unknown mode {}", crate::go::quote::quoted(other.as_bytes()))),
        };
        Ok(Self { addr: flags.text("addr"), topic, action })
    }
}

fn p2p_client_flags(tool: &str) -> FlagSet {
    let text = |default: &str| Value::Text(default.to_owned());
    FlagSet::new(tool)
        .with("addr", text("localhost:33212"), "gRPC address of the node's sidecar")
        .with("mode", text("subscribe"), "what to do: subscribe or publish")
        .with("topic", text(""), "name of the topic")
        .with("msg", text(""), "message to publish")
        .with("count", Value::Int(1), "number of messages to publish; above 1 they are random")
        .with("sleep", Value::Duration(Duration::ZERO), "pause between messages, as 500ms or 1s")
}

/// A pause longer than this is a mistake.
const SLEEP_MAX: Duration = Duration::from_secs(24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    fn from_go(args: &[&str]) -> Result<Request, String> {
        let mut flags = p2p_client_flags("p2p-client");
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        flags.parse(&args).unwrap();
        Request::from_flags(&flags)
    }

    #[test]
    fn the_documents_command_lines_are_understood() {
        let request = from_go(&["-mode=subscribe", "-topic=t", "--addr=remote-node-1:33212"]).unwrap();
        let expected =
            Request { addr: "remote-node-1:33212".into(), topic: "t".into(), action: Action::Subscribe };
        assert_eq!(request, expected);
        let args =
            ["-mode=publish", "-topic=t", "-msg=Random Message", "--addr=a:1", "-count=5", "-sleep=1s"];
        let action =
            Action::Publish { msg: "Random Message".into(), count: 5, sleep: Duration::from_secs(1) };
        assert_eq!(from_go(&args).unwrap().action, action);
        assert_eq!(from_go(&["-topic=t"]).unwrap().addr, "localhost:33212");
    }

    #[test]
    fn what_is_missing_is_said_as_the_vendor_says_it() {
        assert_eq!(from_go(&[]).unwrap_err(), "-topic is required");
        assert_eq!(from_go(&["-topic=t", "-mode=publish"]).unwrap_err(), "-msg is required in publish mode");
        assert_eq!(from_go(&["-topic=t", "-mode=x"]).unwrap_err(), "unknown mode \"x\"");
        assert!(from_go(&["-topic=t", "-mode=publish", "-count=2"]).is_ok());
    }
}
