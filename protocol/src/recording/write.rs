//! A recording as text.

use alloc::format;
use alloc::string::String;
use core::fmt::Write;

use super::{Input, Recording};
use crate::{DownCause, Event, Origin, Verdict};

impl Recording {
    /// The text; see the module's documentation.
    pub fn to_text(&self) -> String {
        let (me, seed) = (hex(self.me.as_bytes()), hex(&self.seed.0));
        let mut text = format!("{FIRST_LINE}\nnode {me} seed {seed} born {}\n", self.born.as_nanos());
        for step in &self.steps {
            let (at, input) = (step.at.as_nanos(), step.input.to_text());
            let _infallible = writeln!(text, "{at} {input} = {:032x}", step.actions);
        }
        text
    }
}

impl Input {
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Event(event) => event_text(event),
            Self::Subscribe(topic) => format!("subscribe {}", hex(topic.as_str().as_bytes())),
            Self::Unsubscribe(topic) => format!("unsubscribe {}", hex(topic.as_str().as_bytes())),
            Self::Publish(topic, payload) => {
                format!("publish {} {}", hex(topic.as_str().as_bytes()), hex(payload))
            }
        }
    }
}

fn event_text(event: &Event) -> String {
    match event {
        Event::LinkUp { link, peer, origin, agent } => {
            let origin = match origin {
                Origin::Outbound => "out",
                Origin::Inbound => "in",
            };
            let ip = agent.ip.map_or_else(|| String::from("-"), |ip| format!("{ip}"));
            let protocol = agent.protocol.id();
            format!("up {} {} {origin} {protocol} {ip}", link.number(), hex(peer.as_bytes()))
        }
        Event::LinkDown { link, cause } => {
            let cause = match cause {
                DownCause::Lost => "lost",
                DownCause::Closed => "closed",
                DownCause::TooSlow => "slow",
            };
            format!("down {} {cause}", link.number())
        }
        Event::Received { link, rpc } => {
            format!("frame {} {}", link.number(), hex(&rpc.encode().into_bytes()))
        }
        Event::Arriving { link, head } => {
            let (publisher, topic) = (hex(head.publisher.as_bytes()), hex(head.topic.as_str().as_bytes()));
            format!("arriving {} {publisher} {} {topic} {}", link.number(), head.seqno, head.data_bytes)
        }
        Event::Malformed { link, fault: _ } => format!("malformed {}", link.number()),
        Event::LinkReady { link, bytes } => format!("ready {} {bytes}", link.number()),
        Event::LinkStats { link, rtt, lost } => {
            format!("stats {} {} {lost}", link.number(), rtt.as_nanos())
        }
        Event::PeerRecord { link, record } => format!("record {} {}", link.number(), hex(record)),
        Event::Judged { message, verdict } => {
            let verdict = match verdict {
                Verdict::Accept => "accept",
                Verdict::Reject => "reject",
                Verdict::Ignore => "ignore",
            };
            format!("judged {} {verdict}", hex(message.as_bytes()))
        }
        Event::Rated { peer, score } => format!("rated {} {}", hex(peer.as_bytes()), score.millionths()),
        Event::Wake => String::from("wake"),
    }
}

/// Hexadecimal; `-` for nothing, so that every value is a word.
fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return String::from("-");
    }
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

pub(super) const FIRST_LINE: &str = "braidcast recording 2";
