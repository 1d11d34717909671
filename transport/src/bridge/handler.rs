//! The bridge's end on one connection.

use std::{
    collections::VecDeque,
    sync::Arc,
    task::{Context, Poll},
};

use libp2p::{
    StreamProtocol,
    swarm::{
        ConnectionHandler, ConnectionHandlerEvent, StreamUpgradeError, SubstreamProtocol,
        handler::{ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound},
    },
};

use super::{News, offer::Offer};

/// The driver's wish for an outbound stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Open;

/// Negotiates streams on one connection.
pub(crate) struct Handler {
    protocols: Arc<[StreamProtocol]>,
    /// The driver wants a link over this connection.
    wanted: bool,
    /// Streams to ask for; the driver has at most one wish open per connection.
    wishes: u32,
    /// Bounded by the streams the muxer lets the peer open until the swarm polls.
    news: VecDeque<News>,
}

impl Handler {
    pub(crate) fn new(protocols: Arc<[StreamProtocol]>) -> Self {
        Self { protocols, wanted: false, wishes: 0, news: VecDeque::new() }
    }

    fn offer(&self) -> SubstreamProtocol<Offer> {
        SubstreamProtocol::new(Offer::new(Arc::clone(&self.protocols)), ())
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Open;
    type ToBehaviour = News;
    type InboundProtocol = Offer;
    type OutboundProtocol = Offer;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Offer> {
        self.offer()
    }

    fn connection_keep_alive(&self) -> bool {
        self.wanted
    }

    fn poll(&mut self, _cx: &mut Context<'_>) -> Poll<ConnectionHandlerEvent<Offer, (), News>> {
        if let Some(news) = self.news.pop_front() {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(news));
        }
        if self.wishes > 0 {
            self.wishes -= 1;
            let protocol = self.offer();
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
        }
        // Everything that changes this comes through a call that is followed by a poll.
        Poll::Pending
    }

    fn on_behaviour_event(&mut self, Open: Open) {
        self.wanted = true;
        self.wishes += 1;
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "foreign and non-exhaustive")]
    fn on_connection_event(&mut self, event: ConnectionEvent<'_, Offer, Offer>) {
        match event {
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol, info: () }) => {
                let (stream, protocol) = protocol;
                self.news.push_back(News::Opened { protocol, stream });
            }
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol, info: () }) => {
                let (stream, _protocol) = protocol;
                self.news.push_back(News::Accepted { stream });
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { error, info: () }) => {
                let news = match error {
                    StreamUpgradeError::NegotiationFailed => {
                        self.wanted = false;
                        News::Unsupported
                    }
                    StreamUpgradeError::Timeout => {
                        News::Failed { detail: "stream negotiation timed out".to_owned() }
                    }
                    StreamUpgradeError::Io(error) => News::Failed { detail: error.to_string() },
                    StreamUpgradeError::Apply(never) => match never {},
                };
                self.news.push_back(news);
            }
            // Nothing else concerns streams of ours.
            _ => {}
        }
    }
}
