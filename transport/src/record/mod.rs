//! Signed peer records that others pass on: who vouches for which addresses, and which of those are dialed.
//!
//! Sources: libp2p RFC 0002 "Signed envelopes", RFC 0003 "Peer routing records".

mod exchange;
mod message;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use libp2p::{
    Multiaddr, PeerId,
    core::{PeerRecord, SignedEnvelope},
    multiaddr::Protocol,
};

pub(crate) use self::exchange::{RecordEvent, Records};

/// Nobody is dialed for this record. Whoever passed it on is to blame, or its peer listens nowhere for us.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordFault {
    /// It is longer than one needs to be.
    #[error("signed peer record of {bytes} bytes, limit is {bytes_max}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// It cannot be read, or its signature is wrong.
    #[error("not a signed peer record")]
    Invalid,
    /// It is somebody else's.
    #[error("the signed peer record is of {signer}")]
    OtherPeer {
        /// Who signed it.
        signer: PeerId,
    },
    /// No address in it is one that we would dial.
    #[error("no address to dial in the signed peer record")]
    NoAddress,
}

/// Where `peer` says it is, in a record (a signed envelope) that came from somebody at `via`: only TCP and QUIC, and
/// nothing that is nearer than `via`, 8 addresses at most.
///
/// An address that means something else to each network must not travel between them: a public peer could make us
/// knock at the doors of our own. So private addresses are taken from private ones only, loopback from loopback, and
/// names, which can lead anywhere, not from public ones.
///
/// # Errors
/// If the record is not signed by this very peer, or none of its addresses is left.
pub fn record_addresses(record: &[u8], peer: PeerId, via: &Multiaddr) -> Result<Vec<Multiaddr>, RecordFault> {
    let record = verify(record, peer)?;
    let nearest = reach(via).unwrap_or(Reach::World);
    let is_open = |address: &&Multiaddr| {
        is_dialable(address, peer) && reach(address).is_some_and(|reach| reach >= nearest)
    };
    let addresses: Vec<_> = record.addresses().iter().filter(is_open).take(ADDRESSES_MAX).cloned().collect();
    if addresses.is_empty() { Err(RecordFault::NoAddress) } else { Ok(addresses) }
}

fn verify(bytes: &[u8], peer: PeerId) -> Result<PeerRecord, RecordFault> {
    if bytes.len() > RECORD_BYTES_MAX {
        return Err(RecordFault::TooLong { bytes: bytes.len(), bytes_max: RECORD_BYTES_MAX });
    }
    let envelope = SignedEnvelope::from_protobuf_encoding(bytes).map_err(|_| RecordFault::Invalid)?;
    // libp2p-identify signs for another domain than the specification's, which go, js, py and we use.
    let record = PeerRecord::from_signed_envelope_interop(envelope.clone())
        .or_else(|_| PeerRecord::from_signed_envelope(envelope))
        .map_err(|_| RecordFault::Invalid)?;
    let signer = record.peer_id();
    if signer == peer { Ok(record) } else { Err(RecordFault::OtherPeer { signer }) }
}

/// TCP or QUIC to a host, and to this peer if it names one.
fn is_dialable(address: &Multiaddr, peer: PeerId) -> bool {
    let mut parts = address.iter().skip(1);
    let is_link = match parts.next() {
        Some(Protocol::Tcp(port)) => port != 0,
        Some(Protocol::Udp(port)) => port != 0 && parts.next() == Some(Protocol::QuicV1),
        _ => false,
    };
    is_link && parts.next().is_none_or(|last| last == Protocol::P2p(peer)) && parts.next().is_none()
}

/// From where an address leads to the same host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// From the host itself.
    Host,
    /// From its network; names count as such.
    Site,
    /// From everywhere.
    World,
}

/// `None` for what no single host has.
#[expect(clippy::wildcard_enum_match_arm, reason = "foreign and non-exhaustive")]
fn reach(address: &Multiaddr) -> Option<Reach> {
    match address.iter().next()? {
        Protocol::Ip4(ip) => reach_of(IpAddr::V4(ip)),
        Protocol::Ip6(ip) => reach_of(IpAddr::V6(ip)),
        Protocol::Dns(_) | Protocol::Dns4(_) | Protocol::Dns6(_) => Some(Reach::Site),
        _ => None,
    }
}

fn reach_of(ip: IpAddr) -> Option<Reach> {
    let (local, site) = match ip.to_canonical() {
        ip if ip.is_unspecified() || ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST) => {
            return None;
        }
        IpAddr::V4(ip) => (ip.is_loopback(), ip.is_private() || ip.is_link_local() || is_shared(ip)),
        IpAddr::V6(ip) => (ip == Ipv6Addr::LOCALHOST, ip.is_unique_local() || ip.is_unicast_link_local()),
    };
    Some(match (local, site) {
        (true, _) => Reach::Host,
        (false, true) => Reach::Site,
        (false, false) => Reach::World,
    })
}

/// `100.64.0.0/10`, between a carrier and its customers (RFC 6598).
const fn is_shared(ip: Ipv4Addr) -> bool {
    ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64
}

/// Addresses of a record that are dialed: as many as libp2p tries at a time.
const ADDRESSES_MAX: usize = 8;

/// As long as rust-libp2p's whole identify message.
const RECORD_BYTES_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use libp2p_identity::Keypair;

    use super::*;

    fn addresses(texts: &[&str]) -> Vec<Multiaddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn dialed(listen: &[&str], via: &str) -> Result<Vec<Multiaddr>, RecordFault> {
        let key = Keypair::generate_ed25519();
        let record = PeerRecord::new(&key, addresses(listen)).unwrap();
        let bytes = record.into_signed_envelope().into_protobuf_encoding();
        record_addresses(&bytes, key.public().to_peer_id(), &via.parse().unwrap())
    }

    #[test]
    fn addresses_that_are_nearer_than_who_told_them_are_left_out() {
        let world = ["/ip4/192.0.2.1/tcp/1", "/ip6/2001:db8::1/udp/1/quic-v1"];
        let site = [
            "/ip4/10.0.0.1/tcp/1",
            "/ip4/192.168.1.1/udp/1/quic-v1",
            "/ip4/100.64.0.1/tcp/1",
            "/ip6/fe80::1/tcp/1",
            "/dns4/example.org/tcp/1",
        ];
        let host = ["/ip4/127.0.0.1/tcp/1"];
        let all = [&host[..], &site, &world].concat();
        for (via, expected) in [
            ("/ip4/192.0.2.7/tcp/9", &world[..]),
            ("/dns4/example.net/tcp/9", &all[1..]),
            ("/ip4/172.16.0.1/udp/9/quic-v1", &all[1..]),
            ("/ip6/::ffff:172.16.0.1/tcp/9", &all[1..]),
            ("/ip6/::1/tcp/9", &all[..]),
        ] {
            assert_eq!(dialed(&all, via), Ok(addresses(expected)), "{via}");
        }
        assert_eq!(dialed(&host, "/ip4/192.0.2.7/tcp/9"), Err(RecordFault::NoAddress));
    }

    #[test]
    fn what_we_could_not_dial_is_left_out_and_the_rest_bounded() {
        let other = PeerId::random();
        for text in [
            "/ip4/192.0.2.1/tcp/0",
            "/ip4/0.0.0.0/tcp/1",
            "/ip4/224.0.0.1/udp/1/quic-v1",
            "/ip4/192.0.2.1/udp/1",
            "/ip4/192.0.2.1/tcp/1/ws",
            "/ip4/192.0.2.1/tcp/1/p2p-circuit",
            &format!("/ip4/192.0.2.1/tcp/1/p2p/{other}"),
        ] {
            assert_eq!(dialed(&[text], "/ip4/127.0.0.1/tcp/1"), Err(RecordFault::NoAddress), "{text}");
        }
        let many: Vec<_> = (1..=20).map(|port| format!("/ip4/192.0.2.1/tcp/{port}")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        assert_eq!(dialed(&many, "/ip4/192.0.2.7/tcp/1"), Ok(addresses(&many[..ADDRESSES_MAX])));
    }

    #[test]
    fn a_record_must_be_signed_by_its_peer() {
        let (key, other) = (Keypair::generate_ed25519(), Keypair::generate_ed25519());
        let [peer, stranger] = [&key, &other].map(|key| key.public().to_peer_id());
        let (home, via) = (addresses(&["/ip4/192.0.2.1/tcp/1"]), "/ip4/192.0.2.7/tcp/1".parse().unwrap());
        let specified = PeerRecord::new_interop(&key, home.clone()).unwrap();
        let mut bytes = specified.into_signed_envelope().into_protobuf_encoding();
        assert_eq!(record_addresses(&bytes, peer, &via), Ok(home));
        let fault = RecordFault::OtherPeer { signer: peer };
        assert_eq!(record_addresses(&bytes, stranger, &via), Err(fault));
        *bytes.last_mut().unwrap() ^= 1;
        assert_eq!(record_addresses(&bytes, peer, &via), Err(RecordFault::Invalid));
        assert_eq!(record_addresses(b"", peer, &via), Err(RecordFault::Invalid));
        let long = vec![0; RECORD_BYTES_MAX + 1];
        assert!(matches!(record_addresses(&long, peer, &via), Err(RecordFault::TooLong { .. })));
    }
}
