//! Multiaddrs in the configuration: where to listen, and who to ask for the network.

use multiaddr::{Multiaddr, Protocol};

use super::value::Given;
use crate::exit::Failure;

/// The default: TCP and QUIC on one port, all interfaces.
pub(crate) fn on_port(port: u16) -> Vec<Multiaddr> {
    let any = || Multiaddr::empty().with(Protocol::Ip4(std::net::Ipv4Addr::UNSPECIFIED));
    vec![any().with(Protocol::Tcp(port)), any().with(Protocol::Udp(port)).with(Protocol::QuicV1)]
}

/// Addresses to listen on, comma-separated; none if the text is empty.
pub(crate) fn listen(given: Given<'_>) -> Result<Vec<Multiaddr>, Failure> {
    entries(given.text)
        .map(|entry| parse(entry).filter(is_listenable).ok_or(entry))
        .collect::<Result<_, _>>()
        .map_err(|entry| {
            let one = Given { text: entry, ..given };
            one.refuse("/ip4/ADDRESS/tcp/PORT or /ip4/ADDRESS/udp/PORT/quic-v1, or the same with /ip6")
        })
}

/// Bootstrap addresses, and a warning for each that has no peer id where one should be.
///
/// Compose files write `/p2p/${BOOTSTRAP_PEER_ID}`: with the variable unset the entry is useless but no reason
/// to refuse the whole node.
pub(crate) fn bootstrap(given: Given<'_>) -> Result<(Vec<Multiaddr>, Vec<String>), Failure> {
    let (mut addresses, mut warnings) = (Vec::new(), Vec::new());
    for entry in entries(given.text) {
        if entry.ends_with("/p2p/") || entry.ends_with("/p2p") {
            warnings.push(format!("{}: skipped {entry:?}, its peer id is empty", given.name));
            continue;
        }
        match parse(entry).filter(is_dialable) {
            Some(address) => addresses.push(address),
            None => {
                let one = Given { text: entry, ..given };
                return Err(
                    one.refuse("/ip4/ADDRESS/tcp/PORT/p2p/PEER-ID, also /ip6, /dns4, /udp/PORT/quic-v1")
                );
            }
        }
    }
    Ok((addresses, warnings))
}

/// Addresses of direct peers, each with its peer id.
pub(crate) fn direct(given: Given<'_>) -> Result<Vec<Multiaddr>, Failure> {
    let has_peer = |address: &Multiaddr| matches!(address.iter().last(), Some(Protocol::P2p(_)));
    entries(given.text)
        .map(|entry| parse(entry).filter(is_dialable).filter(has_peer).ok_or(entry))
        .collect::<Result<_, _>>()
        .map_err(|entry| {
            let one = Given { text: entry, ..given };
            one.refuse("/ip4/ADDRESS/tcp/PORT/p2p/PEER-ID, also /ip6, /dns4, /udp/PORT/quic-v1")
        })
}

fn entries(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}

/// Old documents write `/quic`; what everyone speaks today, and means, is `/quic-v1`.
fn parse(entry: &str) -> Option<Multiaddr> {
    let parsed: Multiaddr = entry.parse().ok()?;
    Some(parsed.iter().map(|part| if part == Protocol::Quic { Protocol::QuicV1 } else { part }).collect())
}

fn is_listenable(address: &Multiaddr) -> bool {
    let mut parts = address.iter();
    matches!(parts.next(), Some(Protocol::Ip4(_) | Protocol::Ip6(_)))
        && is_link(&mut parts)
        && parts.next().is_none()
}

fn is_dialable(address: &Multiaddr) -> bool {
    let mut parts = address.iter();
    let host = matches!(
        parts.next(),
        Some(
            Protocol::Ip4(_)
                | Protocol::Ip6(_)
                | Protocol::Dns(_)
                | Protocol::Dns4(_)
                | Protocol::Dns6(_)
                | Protocol::Dnsaddr(_)
        )
    );
    host && is_link(&mut parts)
        && matches!(parts.next(), None | Some(Protocol::P2p(_)))
        && parts.next().is_none()
}

fn is_link<'a>(parts: &mut impl Iterator<Item = Protocol<'a>>) -> bool {
    match parts.next() {
        Some(Protocol::Tcp(_)) => true,
        Some(Protocol::Udp(_)) => matches!(parts.next(), Some(Protocol::QuicV1)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "12D3KooWRq1VcVYyKTGRGuSzpMT792mBecAPSDKhGwKcFdCd8Pbp";

    #[test]
    fn quic_is_taken_as_quic_v1() {
        let listen = |text| listen(Given::new("P2P_LISTEN_ADDR", text));
        let given = "/ip4/0.0.0.0/tcp/4001, /ip4/0.0.0.0/udp/4001/quic,";
        let texts: Vec<_> = listen(given).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["/ip4/0.0.0.0/tcp/4001", "/ip4/0.0.0.0/udp/4001/quic-v1"]);
        for refused in
            ["4001", "/ip4/0.0.0.0", "/ip4/0.0.0.0/udp/1", "/dns4/host/tcp/1", "/ip4/1.2.3.4/tcp/1/ws"]
        {
            let line = listen(refused).unwrap_err().to_string();
            assert!(line.contains(refused) && line.contains("P2P_LISTEN_ADDR"), "{line}");
        }
    }

    #[test]
    fn an_empty_peer_id_is_skipped_with_a_warning() {
        let bootstrap = |text: &str| bootstrap(Given::new("BOOTSTRAP_PEERS", text));
        let list = format!("/ip4/172.28.0.12/tcp/7070/p2p/,/ip4/1.2.3.4/udp/7070/quic/p2p/{ID}");
        let (addresses, warnings) = bootstrap(&list).unwrap();
        assert_eq!(addresses[0].to_string(), format!("/ip4/1.2.3.4/udp/7070/quic-v1/p2p/{ID}"));
        assert_eq!((addresses.len(), warnings.len()), (1, 1));
        assert!(warnings[0].contains("/ip4/172.28.0.12/tcp/7070/p2p/"));
        assert_eq!(bootstrap("").unwrap(), (vec![], vec![]));
        for refused in ["/ip4/1.2.3.4/tcp/1/p2p/nonsense", "1.2.3.4:7070", "/ip4/1.2.3.4/udp/1"] {
            assert!(bootstrap(refused).unwrap_err().to_string().contains(refused));
        }
    }
}
