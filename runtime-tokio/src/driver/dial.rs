//! Whom the driver dials on the core's behalf, and where.

use braidcast_protocol::{Event, Hint, LinkId, PeerId};
use braidcast_transport as transport;
use bytes::Bytes;
use tokio::time::Instant;

use super::Driver;
use crate::identity::{core_peer_id, transport_peer_id};

impl Driver {
    /// Dials a peer where it was reached before and where it is said to be, if anything is known of that.
    pub(super) fn dial(&self, peer: PeerId, hint: Option<Hint>) {
        let Some(id) = transport_peer_id(&peer) else { return };
        let mut addresses = self.links.addresses_of(&peer);
        if let Some(Hint { record, via }) = hint
            && let Some(link) = self.links.find(via)
        {
            match transport::record_addresses(&record, id, &link.address) {
                Ok(told) => addresses.extend(told),
                Err(fault) => tracing::debug!(?peer, via = %link.peer, %fault, "peer record not used"),
            }
        }
        if addresses.is_empty() {
            return;
        }
        if let Err(error) = self.transport.dial_peer(id, addresses) {
            tracing::debug!(?peer, %error, "not dialed");
        }
    }

    /// Dials reliable peers that were lost, for as many links as are lacking to the degree of a mesh.
    pub(super) fn redial(&mut self) {
        let lack = self.config.mesh.target.saturating_sub(self.links.len());
        let mut preferred = if lack > 0 { self.core.preferred() } else { Vec::new() };
        preferred.retain(|peer| self.links.is_known(peer));
        for peer in self.redial.choose(Instant::now(), lack, preferred) {
            self.dial(peer, None);
        }
    }

    /// A linked peer's own record: the core passes it on to others, and it says where to find the peer later.
    pub(super) fn on_record(&mut self, link: LinkId, record: Bytes) {
        let Some(up) = self.links.find(link) else { return };
        if let (Some(peer), Ok(told)) =
            (core_peer_id(&up.peer), transport::record_addresses(&record, up.peer, &up.address))
        {
            self.links.told(peer, told);
        }
        self.input(Event::PeerRecord { link, record });
    }
}
