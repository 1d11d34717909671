//! TCP with Noise and Yamux, as a libp2p transport.

mod gate;
mod info;
mod line;

use std::{io, sync::Arc};

use futures::{AsyncRead, AsyncWrite};
use libp2p::{
    PeerId, Transport as _,
    core::{
        ConnectedPoint, Negotiated,
        muxing::StreamMuxerBox,
        transport::timeout::TransportTimeout,
        upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade, Version},
    },
    noise,
    tcp::{self, tokio::TcpStream},
    yamux,
};
use multistream_select::{dialer_select_proto, listener_select_proto};

use self::{
    gate::GatedYamux,
    line::{Counted, Lines},
};
use crate::{
    Config, StartError,
    stack::{Links, STREAMS_PER_CONNECTION_MAX},
};

/// Dials and listens as `config` says.
pub(crate) fn transport(config: &Config) -> Result<Links, StartError> {
    let identity = |error: noise::Error| StartError::Identity { reason: error.to_string() };
    let noise = noise::Config::new(&config.identity).map_err(identity)?;
    let mut yamux = yamux::Config::default();
    yamux.set_max_num_streams(STREAMS_PER_CONNECTION_MAX);
    let lines = Arc::new(Lines::new());
    let transport = tcp::tokio::Transport::new(tcp::Config::default().nodelay(true))
        .map(move |stream, _| {
            keep_unsent_short(&stream);
            Counted::new(stream, &lines)
        })
        .and_then(move |stream, point| secure(stream, point, noise, yamux));
    Ok(TransportTimeout::new(transport, config.connection_timeout).boxed())
}

/// What libp2p's builder does, but that the streams know their connection's line.
async fn secure(
    stream: Counted,
    point: ConnectedPoint,
    noise: noise::Config,
    yamux: yamux::Config,
) -> io::Result<(PeerId, StreamMuxerBox)> {
    let dials = matches!(point, ConnectedPoint::Dialer { role_override, .. } if role_override.is_dialer());
    let line = stream.line();
    let (peer, secured) = upgrade(stream, noise, dials).await?;
    let muxer = upgrade(secured, GatedYamux { yamux, line }, dials).await?;
    Ok((peer, StreamMuxerBox::new(muxer)))
}

/// Agrees on one of the protocols of `upgrade` (multistream-select 1.0), and follows it.
async fn upgrade<C, U, E>(
    io: C,
    upgrade: U,
    dials: bool,
) -> io::Result<<U as InboundConnectionUpgrade<Negotiated<C>>>::Output>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: InboundConnectionUpgrade<Negotiated<C>, Error = E>
        + OutboundConnectionUpgrade<
            Negotiated<C>,
            Output = <U as InboundConnectionUpgrade<Negotiated<C>>>::Output,
            Error = E,
        >,
    E: std::error::Error + Send + Sync + 'static,
{
    let protocols = upgrade.protocol_info();
    if dials {
        // V1 and not V1Lazy: the lazy variant loses short streams.
        let (protocol, io) =
            dialer_select_proto(io, protocols, Version::V1).await.map_err(io::Error::other)?;
        upgrade.upgrade_outbound(io, protocol).await.map_err(io::Error::other)
    } else {
        let (protocol, io) = listener_select_proto(io, protocols).await.map_err(io::Error::other)?;
        upgrade.upgrade_inbound(io, protocol).await.map_err(io::Error::other)
    }
}

/// Leaves what the path does not take yet with us, where it can still be replaced by something fresher.
fn keep_unsent_short(stream: &TcpStream) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Err(error) = socket2::SockRef::from(&stream.0).set_tcp_notsent_lowat(TCP_UNSENT_BYTES) {
        tracing::debug!(%error, "what is not sent yet will wait in the kernel");
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = stream;
}

/// The kernel asks for more when it holds less than this of what it cannot send yet: two shards of 8 KiB.
#[cfg(any(target_os = "linux", target_os = "android"))]
const TCP_UNSENT_BYTES: u32 = 16 << 10;

#[cfg(test)]
#[cfg(any(target_os = "linux", target_os = "android"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_kernel_is_told_to_hold_little_that_is_not_sent() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream(tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap());
        keep_unsent_short(&stream);
        assert_eq!(socket2::SockRef::from(&stream.0).tcp_notsent_lowat().unwrap(), TCP_UNSENT_BYTES);
    }
}
