//! How many peers have an address: P6.
//!
//! Spec: gossipsub v1.1 "IP Colocation Factor". Deviation: IPv6 counts by /64, which is what a host is given, and
//! addresses within one site do not count.

use alloc::collections::BTreeMap;
use core::net::IpAddr;

use crate::ColocationSettings;

/// Linked peers by the address under which they are counted.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct Addresses(BTreeMap<IpAddr, u32>);

impl Addresses {
    pub(super) fn enter(&mut self, address: Option<IpAddr>) {
        if let Some(address) = address {
            *self.0.entry(address).or_default() += 1;
        }
    }

    pub(super) fn leave(&mut self, address: Option<IpAddr>) {
        let Some(address) = address else { return };
        if let Some(peers) = self.0.get_mut(&address) {
            *peers -= 1;
            if *peers == 0 {
                self.0.remove(&address);
            }
        }
    }

    /// Peers there.
    pub(super) fn peers(&self, address: Option<IpAddr>) -> u32 {
        address.and_then(|address| self.0.get(&address)).copied().unwrap_or(0)
    }
}

impl FromIterator<IpAddr> for Addresses {
    fn from_iter<I: IntoIterator<Item = IpAddr>>(addresses: I) -> Self {
        let mut counted = Self::default();
        addresses.into_iter().for_each(|address| counted.enter(Some(address)));
        counted
    }
}

/// The address under which a peer is counted; `None` for one that may hold any number.
pub(super) fn counted(settings: &ColocationSettings, ip: IpAddr) -> Option<IpAddr> {
    let ip = ip.to_canonical();
    let local = match ip {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    };
    if local || settings.allowed.contains(&ip) {
        return None;
    }
    Some(match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() >> 64 << 64).into()),
    })
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn addresses_count_as_one_host_each_and_local_ones_not_at_all() {
        let settings =
            ColocationSettings { allowed: alloc::vec!["9.9.9.9".parse().unwrap()], ..Default::default() };
        let of = |text: &str| counted(&settings, text.parse().unwrap()).map(|ip| ip.to_string());
        assert_eq!(of("1.2.3.4").as_deref(), Some("1.2.3.4"));
        assert_eq!(of("2001:db8:1:2:3:4:5:6").as_deref(), Some("2001:db8:1:2::"));
        for uncounted in [
            "127.0.0.1",
            "::ffff:127.0.0.1",
            "10.1.2.3",
            "192.168.0.9",
            "169.254.1.1",
            "::1",
            "fd00::1",
            "fe80::1",
            "9.9.9.9",
        ] {
            assert_eq!(of(uncounted), None, "{uncounted}");
        }
    }
}
