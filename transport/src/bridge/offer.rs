//! The upgrade that offers our protocols and gives back the bare stream.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::Arc,
};

use libp2p::{InboundUpgrade, OutboundUpgrade, Stream, StreamProtocol, core::UpgradeInfo};

/// The protocols, most preferred first.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    protocols: Arc<[StreamProtocol]>,
}

impl Offer {
    pub(crate) fn new(protocols: Arc<[StreamProtocol]>) -> Self {
        Self { protocols }
    }
}

impl UpgradeInfo for Offer {
    type Info = StreamProtocol;
    type InfoIter = std::vec::IntoIter<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.protocols.iter().cloned().collect::<Vec<_>>().into_iter()
    }
}

impl InboundUpgrade<Stream> for Offer {
    type Output = (Stream, StreamProtocol);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, protocol: StreamProtocol) -> Self::Future {
        ready(Ok((stream, protocol)))
    }
}

impl OutboundUpgrade<Stream> for Offer {
    type Output = (Stream, StreamProtocol);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_outbound(self, stream: Stream, protocol: StreamProtocol) -> Self::Future {
        ready(Ok((stream, protocol)))
    }
}
