//! The transport's links under the core's names, and where peers were reached.

use std::collections::{BTreeMap, HashMap};

use braidcast_protocol::{DownCause, LinkId, PeerId, rpc::RpcFault};
use braidcast_transport as transport;
use braidcast_transport::Multiaddr;

use super::told::{Ended, Told};

/// One live link.
#[derive(Debug)]
pub(super) struct Link {
    /// The transport's name for it.
    pub(super) handle: transport::LinkId,
    /// Who is at its other end.
    pub(super) peer: transport::PeerId,
    /// Where the peer is, as this link sees it.
    pub(super) address: Multiaddr,
    /// What the peer has told on it.
    pub(super) told: Told,
}

/// Where a peer can be found.
#[derive(Debug, Default)]
struct Known {
    /// Where it answered last.
    reached: Option<Multiaddr>,
    /// Where its own record says it is.
    told: Vec<Multiaddr>,
}

/// All live links, and the addresses at which peers answered.
#[derive(Debug, Default)]
pub(super) struct Links {
    live: HashMap<LinkId, Link>,
    known: BTreeMap<PeerId, Known>,
    ended: Ended,
}

impl Links {
    pub(super) fn up(&mut self, link: LinkId, entry: Link) {
        self.live.insert(link, entry);
    }

    /// Forgets a link; `false` when there was none.
    pub(super) fn down(&mut self, link: LinkId) -> bool {
        let Some(entry) = self.live.remove(&link) else { return false };
        self.ended.keep(link, entry.told);
        true
    }

    /// What was told on a link that is down.
    pub(super) fn take_told(&mut self, ended: LinkId) -> Told {
        self.ended.take(ended).unwrap_or_default()
    }

    pub(super) fn find_mut(&mut self, link: LinkId) -> Option<&mut Link> {
        self.live.get_mut(&link)
    }

    pub(super) fn find(&self, link: LinkId) -> Option<&Link> {
        self.live.get(&link)
    }

    /// How many links are live.
    pub(super) fn len(&self) -> usize {
        self.live.len()
    }

    /// The live links, in no order.
    pub(super) fn ids(&self) -> Vec<LinkId> {
        self.live.keys().copied().collect()
    }

    /// Remembers an address that reached this peer.
    pub(super) fn reached(&mut self, peer: PeerId, address: Multiaddr) {
        self.known(peer).reached = Some(address);
    }

    /// Remembers what a peer's record says, instead of an earlier one.
    pub(super) fn told(&mut self, peer: PeerId, addresses: Vec<Multiaddr>) {
        self.known(peer).told = addresses;
    }

    fn known(&mut self, peer: PeerId) -> &mut Known {
        if self.known.len() >= KNOWN_MAX && !self.known.contains_key(&peer) {
            // Any will do: these are hints for dialing, and the loss of one costs a dial.
            self.known.pop_first();
        }
        self.known.entry(peer).or_default()
    }

    /// Whether anything is known of where this peer may be found.
    pub(super) fn is_known(&self, peer: &PeerId) -> bool {
        self.known.contains_key(peer)
    }

    /// Where this peer may be found; empty if nothing is known of it.
    pub(super) fn addresses_of(&self, peer: &PeerId) -> Vec<Multiaddr> {
        let Some(Known { reached, told }) = self.known.get(peer) else { return Vec::new() };
        reached.iter().chain(told).cloned().collect()
    }
}

/// The core's name for a link of the transport. Both count up and never use a number twice.
pub(super) fn link_id(handle: transport::LinkId) -> LinkId {
    LinkId::new(handle.number())
}

pub(super) fn down_cause(cause: &transport::DownCause) -> DownCause {
    match cause {
        transport::DownCause::Closed { .. }
        | transport::DownCause::Shutdown
        | transport::DownCause::Malformed(_) => DownCause::Closed,
        transport::DownCause::ControlOverflow { .. } => DownCause::TooSlow,
        transport::DownCause::ConnectionLost { .. }
        | transport::DownCause::StreamLost { .. }
        | transport::DownCause::Unresponsive => DownCause::Lost,
    }
}

pub(super) fn rpc_fault(fault: transport::FrameFault) -> RpcFault {
    match fault {
        transport::FrameFault::TooLong { bytes, bytes_max } => {
            RpcFault::FrameTooLong { bytes: usize::try_from(bytes).unwrap_or(usize::MAX), bytes_max }
        }
        transport::FrameFault::BadLength => RpcFault::BadField { field: "frame length" },
    }
}

/// Peers whose addresses are remembered.
const KNOWN_MAX: usize = 1024;
