//! What the kernel knows of a TCP connection: Linux's `TCP_INFO` (`tcp(7)`, `struct tcp_info` in `linux/tcp.h`).

use std::time::Duration;

pub(super) use self::kernel::Probe;

/// Of a connection, now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Info {
    /// Bytes that the peer has acknowledged so far; its answer to our SYN counts as one.
    pub(super) acknowledged: u64,
    /// The smoothed round trip.
    pub(super) rtt: Duration,
    /// The shortest round trip of the last minutes.
    pub(super) rtt_min: Duration,
    /// Bytes that the congestion window allows on their way.
    pub(super) window: u64,
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod kernel {
    use std::{
        fs,
        os::fd::{AsFd, OwnedFd},
        sync::LazyLock,
        time::Duration,
    };

    use libp2p::tcp::tokio::TcpStream;
    use nix::{
        getsockopt_impl,
        sys::socket::{getsockopt, sockopt::GetStruct},
    };

    use super::Info;

    /// Asks about one connection. The socket stays open as long as it.
    pub(in crate::tcp) struct Probe(OwnedFd);

    impl Probe {
        /// None where the kernel does not tell.
        pub(in crate::tcp) fn new(stream: &TcpStream) -> Option<Self> {
            let told = LazyLock::force(&TOLD);
            told.then(|| stream.0.as_fd().try_clone_to_owned().ok()).flatten().map(Self)
        }

        pub(in crate::tcp) fn info(&self) -> Option<Info> {
            getsockopt(&self.0, TcpInfo).ok().map(|bytes| parse(&bytes))
        }
    }

    /// The beginning of `struct tcp_info`.
    #[derive(Clone, Copy)]
    struct TcpInfo;

    type Bytes = [u8; 168];

    getsockopt_impl!(TcpInfo, libc::IPPROTO_TCP, libc::TCP_INFO, Bytes, GetStruct<Bytes>);

    fn parse(bytes: &Bytes) -> Info {
        let word = |at: usize| u32::from_ne_bytes(std::array::from_fn(|i| bytes[at + i]));
        let micros = |at| Duration::from_micros(word(at).into());
        Info {
            acknowledged: u64::from_ne_bytes(std::array::from_fn(|i| bytes[ACKNOWLEDGED_AT + i])),
            rtt: micros(RTT_AT),
            rtt_min: micros(RTT_MIN_AT),
            window: u64::from(word(WINDOW_AT)) * u64::from(word(SEGMENT_AT)),
        }
    }

    const SEGMENT_AT: usize = 16;
    const RTT_AT: usize = 68;
    const WINDOW_AT: usize = 80;
    const ACKNOWLEDGED_AT: usize = 120;
    const RTT_MIN_AT: usize = 148;

    /// Whether this kernel tells all of it, as since 4.9. nix panics where one tells less than it is asked for.
    static TOLD: LazyLock<bool> = LazyLock::new(|| {
        fs::read_to_string("/proc/sys/kernel/osrelease").is_ok_and(|release| is_since_4_9(&release))
    });

    fn is_since_4_9(release: &str) -> bool {
        let mut numbers = release.split(['.', '-']).map(|part| part.trim().parse::<u32>());
        matches!((numbers.next(), numbers.next()), (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= (4, 9))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn old_kernels_are_not_asked() {
            for (release, is) in [
                ("4.8.17\n", false),
                ("3.10.0-1160", false),
                ("4.9-rc1", true),
                ("6.1.0-18-amd64\n", true),
                ("", false),
            ] {
                assert_eq!(is_since_4_9(release), is, "{release}");
            }
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod kernel {
    use libp2p::tcp::tokio::TcpStream;

    use super::Info;

    /// There is none: other kernels are not asked.
    pub(in crate::tcp) enum Probe {}

    impl Probe {
        pub(in crate::tcp) fn new(_: &TcpStream) -> Option<Self> {
            None
        }

        pub(in crate::tcp) fn info(&self) -> Option<Info> {
            match *self {}
        }
    }
}
