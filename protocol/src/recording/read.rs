//! A recording from text.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::str::{FromStr, SplitAsciiWhitespace};
use core::time::Duration;

use bytes::Bytes;

use super::write::FIRST_LINE;
use super::{Input, ReadError, Recording, Step};
use crate::rpc::{Limits, MessageHead, Rpc, RpcFault};
use crate::{
    Agent, Config, DownCause, Event, LinkId, MessageId, Origin, PeerId, Protocol, Score, Seed, Time, Topic,
    Verdict,
};

impl Recording {
    /// Reads the text that [`Self::to_text`] writes.
    pub fn from_text(text: &str) -> Result<Self, ReadError> {
        let mut lines = text.lines().enumerate();
        let at = |line| move |expected| ReadError { line, expected };
        if lines.next().is_none_or(|(_, line)| line != FIRST_LINE) {
            return Err(at(1)("`braidcast recording 2`"));
        }
        let (_, second) = lines.next().ok_or(at(2)("`node PEER seed SEED born NANOS`"))?;
        let mut recording = node(Words(second.split_ascii_whitespace())).map_err(at(2))?;
        for (number, line) in lines.filter(|(_, line)| !line.is_empty()) {
            recording.steps.push(step(Words(line.split_ascii_whitespace())).map_err(at(number + 1))?);
        }
        Ok(recording)
    }
}

/// The words of one line. Each question takes the next; the error is what was expected.
struct Words<'a>(SplitAsciiWhitespace<'a>);

type Read<T> = Result<T, &'static str>;

impl<'a> Words<'a> {
    fn word(&mut self, expected: &'static str) -> Read<&'a str> {
        self.0.next().ok_or(expected)
    }

    fn literal(&mut self, literal: &'static str) -> Read<()> {
        (self.0.next() == Some(literal)).then_some(()).ok_or(literal)
    }

    fn number<T: FromStr>(&mut self, expected: &'static str) -> Read<T> {
        self.word(expected)?.parse().map_err(|_| expected)
    }

    fn bytes(&mut self, expected: &'static str) -> Read<Bytes> {
        let word = self.word(expected)?;
        if word == "-" {
            return Ok(Bytes::new());
        }
        let (pairs, rest) = word.as_bytes().as_chunks::<2>();
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let byte = |pair: &[u8; 2]| Some((digit(pair[0])? << 4 | digit(pair[1])?) as u8);
        let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
        bytes.filter(|_| rest.is_empty()).map(Bytes::from).ok_or(expected)
    }

    fn time(&mut self) -> Read<Time> {
        Ok(Time::from_nanos(self.number("a time in nanoseconds")?))
    }

    fn link(&mut self) -> Read<LinkId> {
        Ok(LinkId::new(self.number("the number of a link")?))
    }

    fn peer(&mut self) -> Read<PeerId> {
        PeerId::from_bytes(&self.bytes("a peer id")?).ok_or("a peer id")
    }

    fn topic(&mut self) -> Read<Topic> {
        let bytes = self.bytes("a topic")?;
        core::str::from_utf8(&bytes).map(Topic::new).map_err(|_| "a topic in UTF-8")
    }

    /// One of these words.
    fn one_of<T: Copy>(&mut self, choices: &[(&str, T)], expected: &'static str) -> Read<T> {
        let word = self.word(expected)?;
        choices.iter().find(|(name, _)| *name == word).map(|(_, choice)| *choice).ok_or(expected)
    }

    fn end(&mut self) -> Read<()> {
        self.0.next().is_none().then_some(()).ok_or("the end of the line")
    }
}

fn node(mut words: Words<'_>) -> Read<Recording> {
    words.literal("node")?;
    let me = words.peer()?;
    words.literal("seed")?;
    let seed: [u8; 32] = words.bytes("a seed")?.as_ref().try_into().map_err(|_| "a seed of 32 bytes")?;
    words.literal("born")?;
    let born = words.time()?;
    words.end()?;
    Ok(Recording::new(me, Seed(seed), born))
}

fn step(mut words: Words<'_>) -> Read<Step> {
    let at = words.time()?;
    let input = input(&mut words)?;
    words.literal("=")?;
    let digest = words.word("a digest")?;
    let actions = u128::from_str_radix(digest, 16).map_err(|_| "a digest")?;
    words.end()?;
    Ok(Step { at, input, actions })
}

fn input(words: &mut Words<'_>) -> Read<Input> {
    let event = match words.word("an input")? {
        "subscribe" => return words.topic().map(Input::Subscribe),
        "unsubscribe" => return words.topic().map(Input::Unsubscribe),
        "publish" => return Ok(Input::Publish(words.topic()?, words.bytes("a payload")?)),
        "up" => link_up(words)?,
        "down" => {
            let causes =
                [("lost", DownCause::Lost), ("closed", DownCause::Closed), ("slow", DownCause::TooSlow)];
            Event::LinkDown { link: words.link()?, cause: words.one_of(&causes, "lost, closed or slow")? }
        }
        "frame" => {
            let (link, frame) = (words.link()?, words.bytes("a frame")?);
            Event::Received {
                link,
                rpc: Rpc::decode(frame, &LIMITS).map_err(|_| "a frame that can be read")?,
            }
        }
        "arriving" => {
            let (link, publisher) = (words.link()?, words.peer()?);
            let (seqno, topic) = (words.number("a sequence number")?, words.topic()?);
            let data_bytes = words.number("a length in bytes")?;
            Event::Arriving { link, head: MessageHead { publisher, seqno, topic, data_bytes } }
        }
        // The node does the same for all faults.
        "malformed" => Event::Malformed { link: words.link()?, fault: RpcFault::Truncated },
        "ready" => Event::LinkReady { link: words.link()?, bytes: words.number("a number of bytes")? },
        "stats" => Event::LinkStats {
            link: words.link()?,
            rtt: Duration::from_nanos(words.number("a round-trip time in nanoseconds")?),
            lost: words.number("a number of lost packets")?,
        },
        "record" => Event::PeerRecord { link: words.link()?, record: words.bytes("a signed peer record")? },
        "judged" => {
            let verdicts =
                [("accept", Verdict::Accept), ("reject", Verdict::Reject), ("ignore", Verdict::Ignore)];
            let message = MessageId::from_bytes(&words.bytes("a message id")?);
            Event::Judged { message, verdict: words.one_of(&verdicts, "accept, reject or ignore")? }
        }
        "rated" => {
            let score = |millionths| Score::from_millionths(millionths);
            Event::Rated { peer: words.peer()?, score: score(words.number("points in millionths")?) }
        }
        "wake" => Event::Wake,
        _ => return Err("the name of an input"),
    };
    Ok(Input::Event(Box::new(event)))
}

fn link_up(words: &mut Words<'_>) -> Read<Event> {
    let (link, peer) = (words.link()?, words.peer()?);
    let origin = words.one_of(&[("out", Origin::Outbound), ("in", Origin::Inbound)], "out or in")?;
    let protocol = Protocol::from_id(words.word("a protocol id")?).ok_or("a protocol id")?;
    let ip = match words.word("an IP address")? {
        "-" => None,
        word => Some(word.parse().map_err(|_| "an IP address")?),
    };
    Ok(Event::LinkUp { link, peer, origin, agent: Agent { protocol, ip } })
}

/// What the driver let through before is not judged again.
const LIMITS: Limits = Limits {
    message_bytes_max: Config::MESSAGE_BYTES_LIMIT,
    topic_bytes_max: Config::MESSAGE_BYTES_LIMIT,
    entries_max: Config::MESSAGE_BYTES_LIMIT,
};
