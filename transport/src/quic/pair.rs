//! Two connected quinn state machines with our settings, a path and a clock of their own: what takes how long, to the
//! nanosecond.

use std::{
    collections::VecDeque,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use libp2p_identity::Keypair;
use quinn_proto::{Connection, ConnectionHandle, DatagramEvent, Dir, Endpoint, StreamId};

use super::settings::Settings;
use crate::Config;

/// The first dials the second. The path takes `delay` in one direction, at any rate, and loses nothing.
pub(super) struct Pair {
    now: Instant,
    delay: Duration,
    ends: [End; 2],
}

struct End {
    endpoint: Endpoint,
    connection: Option<(ConnectionHandle, Connection)>,
    /// What arrives here, and when.
    inbound: VecDeque<(Instant, BytesMut)>,
    address: SocketAddr,
}

impl Pair {
    pub(super) fn connected(delay: Duration) -> Self {
        let settings = [(); 2].map(|()| Settings::new(&Config::new(Keypair::generate_ed25519())).unwrap());
        let client = settings[0].client.clone();
        let mut ends = [0, 1].map(|i| End::new(&settings[i], i as u16));
        let now = Instant::now();
        let remote = ends[1].address;
        ends[0].connection = Some(ends[0].endpoint.connect(now, client, remote, "l").unwrap());
        let mut pair = Self { now, delay, ends };
        pair.run_until(|ends| ends.iter().all(|end| !end.connection().is_handshaking()));
        // No window but the congestion controller's.
        pair.ends[0].connection_mut().set_send_window(u64::MAX);
        pair
    }

    /// Sends `bytes` on a new stream: how long until the other side has read them.
    pub(super) fn transfer(&mut self, bytes: usize) -> Duration {
        let begin = self.now;
        let stream = self.ends[0].connection_mut().streams().open(Dir::Bi).unwrap();
        let (mut written, mut read) = (0, 0);
        while read < bytes {
            let mut send = self.ends[0].connection_mut().send_stream(stream);
            written += send.write(&vec![7; bytes - written]).unwrap_or(0);
            self.step();
            read += self.ends[1].read(stream);
        }
        self.now - begin
    }

    fn run_until(&mut self, done: impl Fn(&[End; 2]) -> bool) {
        while self.ends.iter().any(|end| end.connection.is_none()) || !done(&self.ends) {
            self.step();
        }
    }

    /// What is to be sent now, and then the next arrival or timeout.
    fn step(&mut self) {
        for from in 0..2 {
            let arrival = self.now + self.delay;
            let sent = self.ends[from].sent(self.now);
            self.ends[1 - from].inbound.extend(sent.into_iter().map(|datagram| (arrival, datagram)));
        }
        let next = self.ends.iter_mut().filter_map(End::next).min();
        self.now = next.expect("a connection always waits for something").max(self.now);
        let addresses = [self.ends[1].address, self.ends[0].address];
        for (end, remote) in self.ends.iter_mut().zip(addresses) {
            end.on_time(self.now, remote);
        }
    }
}

impl End {
    fn new(settings: &Settings, number: u16) -> Self {
        let server = Arc::new(settings.server.clone());
        Self {
            endpoint: Endpoint::new(Arc::new(settings.endpoint.clone()), Some(server), true, None),
            connection: None,
            inbound: VecDeque::new(),
            address: (Ipv4Addr::LOCALHOST, 4000 + number).into(),
        }
    }

    fn connection(&self) -> &Connection {
        &self.connection.as_ref().unwrap().1
    }

    fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection.as_mut().unwrap().1
    }

    fn next(&mut self) -> Option<Instant> {
        let arrival = self.inbound.front().map(|(at, _)| *at);
        let timeout = self.connection.as_mut().and_then(|(_, connection)| connection.poll_timeout());
        arrival.into_iter().chain(timeout).min()
    }

    fn sent(&mut self, now: Instant) -> Vec<BytesMut> {
        let mut datagrams = Vec::new();
        let Some((handle, connection)) = &mut self.connection else { return datagrams };
        while let Some(event) = connection.poll_endpoint_events() {
            if let Some(event) = self.endpoint.handle_event(*handle, event) {
                connection.handle_event(event);
            }
        }
        let mut buffer = Vec::new();
        while let Some(transmit) = connection.poll_transmit(now, 1, &mut buffer) {
            datagrams.push(BytesMut::from(&buffer[..transmit.size]));
            buffer.clear();
        }
        datagrams
    }

    fn on_time(&mut self, now: Instant, remote: SocketAddr) {
        let mut buffer = Vec::new();
        while let Some((_, datagram)) = self.inbound.pop_front_if(|(at, _)| *at <= now) {
            match self.endpoint.handle(now, remote, None, None, datagram, &mut buffer) {
                Some(DatagramEvent::ConnectionEvent(_, event)) => self.connection_mut().handle_event(event),
                Some(DatagramEvent::NewConnection(incoming)) => {
                    let accepted = self.endpoint.accept(incoming, now, &mut buffer, None);
                    self.connection = Some(accepted.unwrap_or_else(|error| panic!("{:?}", error.cause)));
                }
                Some(DatagramEvent::Response(_)) | None => {}
            }
        }
        if let Some((_, connection)) = &mut self.connection {
            connection.handle_timeout(now);
            while connection.poll().is_some() {}
        }
    }

    /// Reads what has come of a stream: so many bytes.
    fn read(&mut self, stream: StreamId) -> usize {
        let mut receive = self.connection_mut().recv_stream(stream);
        let Ok(mut chunks) = receive.read(true) else { return 0 };
        let mut bytes = 0;
        while let Ok(Some(chunk)) = chunks.next(usize::MAX) {
            bytes += chunk.bytes.len();
        }
        let _ = chunks.finalize();
        bytes
    }
}
