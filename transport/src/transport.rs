//! The handle of an endpoint.

use std::{
    borrow::Cow,
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use bytes::Bytes;
use libp2p::{Multiaddr, PeerId};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use crate::{
    Class, Config, DialError, DownCause, EventReceiver, LinkId, SendError, StartError,
    bootstrap::{Bootstrap, peer_of},
    driver::{Commands, Dial, Driver, Shutdown},
    inbox,
    peers::{Links, Peers, Sizes},
    stack,
};

/// A running endpoint. Clones are handles to the same endpoint.
///
/// It stops when the last handle or the [`EventReceiver`] is dropped, without flushing anything;
/// [`Self::shutdown`] is the polite way. It needs a tokio runtime with time and I/O enabled.
#[derive(Clone)]
pub struct Transport {
    peer: PeerId,
    links: Arc<Links>,
    listening: Arc<RwLock<Vec<Multiaddr>>>,
    dials: mpsc::Sender<Dial>,
    shutdown: mpsc::Sender<Shutdown>,
}

impl Transport {
    /// Starts an endpoint that listens on all configured addresses.
    ///
    /// # Errors
    /// If the configuration makes no sense or an address cannot be listened on; the error names it.
    pub async fn start(config: Config) -> Result<(Self, EventReceiver), StartError> {
        check(&config)?;
        let peer = config.identity.public().to_peer_id();
        let stack = stack::build(&config)?;
        let (events, receiver) = inbox::channel();
        let listening = Arc::new(RwLock::new(Vec::new()));
        let links = Arc::new(Links::default());
        let sizes = Sizes {
            frame_bytes_max: config.frame_bytes_max,
            send_window_bytes: config.send_window_bytes,
            receive_window_bytes: config.receive_window_bytes,
        };
        let backoff = (config.backoff_min, config.backoff_max);
        let (dials, dial_receiver) = mpsc::channel(DIALS_MAX);
        let (shutdown, shutdown_receiver) = mpsc::channel(1);
        let mut driver = Driver {
            peers: Peers::new(sizes, stack.quic.clone(), Arc::clone(&links), events.clone()),
            stack,
            bootstrap: Bootstrap::new(&config.bootstrap, peer, backoff, Instant::now()),
            events,
            commands: Commands { dials: dial_receiver, shutdown: shutdown_receiver },
            listeners: Vec::new(),
            listening: Arc::clone(&listening),
            dials: HashMap::new(),
            shutdown: None,
        };
        driver.listen(&config.listen).await?;
        tokio::spawn(driver.run());
        Ok((Self { peer, links, listening, dials, shutdown }, receiver))
    }

    /// Who we are.
    #[must_use]
    pub fn local_peer_id(&self) -> PeerId {
        self.peer
    }

    /// Where we listen now, with real ports; one entry per interface for `0.0.0.0` and `::`.
    #[must_use]
    pub fn listen_addrs(&self) -> Vec<Multiaddr> {
        self.listening.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Queues one frame, given in pieces; the length prefix is added here. Never blocks.
    ///
    /// Control overtakes queued data; within a class the order is kept, unless that is
    /// [`Class::Unordered`]. Data lowers the link's room at once by the frame's bytes
    /// ([`FRAME_COST_MIN`](crate::FRAME_COST_MIN) at least) and is accepted while there is any
    /// room, so the last frame may overshoot.
    ///
    /// # Errors
    /// [`SendError::Full`] for data without room, [`SendError::ControlOverflow`] if this control
    /// frame was one too many for a peer that does not read, [`SendError::Closed`] after the end.
    pub fn send(&self, link: LinkId, class: Class, chunks: Vec<Bytes>) -> Result<(), SendError> {
        match self.links.find(link) {
            Some(queue) => queue.push(class, chunks),
            None => Err(SendError::Closed { link }),
        }
    }

    /// Bytes of data `link` can take now; 0 when it is down.
    #[must_use]
    pub fn room(&self, link: LinkId) -> usize {
        self.links.find(link).map_or(0, |queue| queue.room())
    }

    /// Starts to dial a peer, unless it is connected or being dialed. Not repeated on failure.
    ///
    /// # Errors
    /// If the dial could not be passed on; everything later is an
    /// [`Event::LinkUp`](crate::Event::LinkUp) or an
    /// [`Event::DialFailed`](crate::Event::DialFailed).
    pub fn dial(&self, address: Multiaddr) -> Result<(), DialError> {
        let peer = peer_of(&address);
        self.queue_dial(Dial { peer, addresses: vec![address] })
    }

    /// The same for a peer that may be at several addresses, which are tried at once; at none of
    /// them anybody else is taken for it.
    ///
    /// # Errors
    /// As [`Self::dial`].
    pub fn dial_peer(&self, peer: PeerId, addresses: Vec<Multiaddr>) -> Result<(), DialError> {
        let mut each_once = Vec::new();
        for address in addresses {
            let address = address.with_p2p(peer).unwrap_or_else(|of_another| of_another);
            if !each_once.contains(&address) {
                each_once.push(address);
            }
        }
        self.queue_dial(Dial { peer: Some(peer), addresses: each_once })
    }

    fn queue_dial(&self, dial: Dial) -> Result<(), DialError> {
        self.dials.try_send(dial).map_err(|error| match error {
            mpsc::error::TrySendError::Full(Dial { addresses, .. }) => {
                DialError::Busy { addresses, pending_max: DIALS_MAX }
            }
            mpsc::error::TrySendError::Closed(_) => DialError::ShutDown,
        })
    }

    /// Closes a link and all connections to its peer at once; what is queued is dropped.
    ///
    /// `reason` comes back in [`DownCause::Closed`]. A bootstrap peer will be dialed again.
    pub fn close(&self, link: LinkId, reason: impl Into<Cow<'static, str>>) {
        if let Some(queue) = self.links.find(link) {
            queue.close(DownCause::Closed { reason: reason.into() });
        }
    }

    /// Sends what is queued, for at most `patience`, and stops. Every link goes down with
    /// [`DownCause::Shutdown`]. Does nothing if the endpoint has stopped.
    pub async fn shutdown(&self, patience: Duration) {
        let (done, stopped) = oneshot::channel();
        let deadline = Instant::now() + patience;
        if self.shutdown.send(Shutdown { deadline, done }).await.is_ok() {
            // An error means that it stopped for another reason.
            let _ = stopped.await;
        }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("peer", &self.peer).finish_non_exhaustive()
    }
}

fn check(config: &Config) -> Result<(), StartError> {
    // Semaphores and the flow control of QUIC count in 32 bits.
    let value_max = (u32::MAX >> 3) as usize;
    for (field, value) in [
        ("frame_bytes_max", config.frame_bytes_max),
        ("send_window_bytes", config.send_window_bytes),
        ("receive_window_bytes", config.receive_window_bytes),
        ("quic_send_window_bytes", config.quic_send_window_bytes),
        ("connections_max", config.connections_max as usize),
    ] {
        if value == 0 || value > value_max {
            return Err(StartError::OutOfRange { field, value, value_max });
        }
    }
    for (field, value) in [
        ("connection_timeout", config.connection_timeout),
        ("idle_timeout", config.idle_timeout),
        ("ping_interval", config.ping_interval),
        ("ping_timeout", config.ping_timeout),
        ("backoff_min", config.backoff_min),
    ] {
        if value.is_zero() {
            return Err(StartError::NoTime { field });
        }
    }
    Ok(())
}

/// Dials that wait for the driver.
const DIALS_MAX: usize = 256;
