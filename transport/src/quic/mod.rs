//! QUIC directly on quinn, as a libp2p transport and stream muxer.
//!
//! Spec: libp2p "QUIC in libp2p": QUIC v1, ALPN `libp2p`, TLS certificates that carry the peer's
//! key, bidirectional streams, and beside them those of `side`. It interoperates with `libp2p-quic`, which hides the
//! congestion controller and every other knob that matters here.

mod bbr;
mod controller;
mod listener;
mod muxer;
#[cfg(test)]
mod pair;
mod path;
mod settings;
pub(crate) mod side;
mod tls;
mod transport;
mod window;

use std::net::{IpAddr, SocketAddr};

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};

pub(crate) use self::{
    muxer::Connections,
    side::{Inbound, Outbound, SIDE_FRAME_BYTES_MAX, SIDE_STREAMS_MAX},
    transport::{QuicTransport, Sockets},
};

/// `/ip4/../udp/N/quic-v1`, with or without `/p2p/<id>`, as a socket address.
pub(crate) fn to_socket(address: &Multiaddr) -> Option<(SocketAddr, Option<PeerId>)> {
    let mut parts = address.iter();
    let first = parts.next()?;
    let ip = if let Protocol::Ip4(ip) = first {
        IpAddr::V4(ip)
    } else if let Protocol::Ip6(ip) = first {
        IpAddr::V6(ip)
    } else {
        return None;
    };
    let Protocol::Udp(port) = parts.next()? else { return None };
    let Protocol::QuicV1 = parts.next()? else { return None };
    let peer = match parts.next() {
        None => None,
        Some(Protocol::P2p(peer)) => Some(peer),
        Some(_) => return None,
    };
    parts.next().is_none().then_some((SocketAddr::new(ip, port), peer))
}

fn to_multiaddr(socket: SocketAddr) -> Multiaddr {
    Multiaddr::empty().with(socket.ip().into()).with(Protocol::Udp(socket.port())).with(Protocol::QuicV1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_convert_both_ways() {
        for text in ["/ip4/127.0.0.1/udp/4001/quic-v1", "/ip6/::1/udp/9/quic-v1"] {
            let address: Multiaddr = text.parse().unwrap();
            let (socket, peer) = to_socket(&address).unwrap();
            assert_eq!(peer, None);
            assert_eq!(to_multiaddr(socket), address);
            let id = PeerId::random();
            assert_eq!(to_socket(&address.with_p2p(id).unwrap()), Some((socket, Some(id))));
        }
    }

    #[test]
    fn other_addresses_are_not_ours() {
        for text in [
            "/ip4/127.0.0.1/tcp/4001",
            "/ip4/127.0.0.1/udp/4001",
            "/ip4/127.0.0.1/udp/4001/quic",
            "/ip4/127.0.0.1/udp/4001/quic-v1/webtransport",
            "/dns4/example.org/udp/4001/quic-v1",
        ] {
            assert_eq!(to_socket(&text.parse().unwrap()), None, "{text}");
        }
    }
}
