//! The server around the service: health, reflection, HTTP/2 manners, shutdown.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod common;

use std::time::Duration;

use braidcast_runtime_tokio::Mode;
use braidcast_sidecar::client::{Client, ClientError};
use braidcast_sidecar::{Location, Options, ServeError, bind};
use common::{Running, next, soon};
use prost::Message as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::transport::Channel;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

async fn channel(sidecar: &Running) -> Channel {
    let endpoint = Channel::from_shared(format!("http://{}", sidecar.address)).unwrap();
    soon(endpoint.connect()).await.unwrap()
}

#[tokio::test]
async fn health_tells_mode_percentages_address_and_place() {
    let location = Location { country: "India".to_owned(), country_iso: "IN".to_owned() };
    let sidecar = Running::with(Mode::Gossipsub, Options { location, ..Options::default() }).await;
    let health = sidecar.client().await.health().await.unwrap();
    assert!(health.status);
    assert_eq!(health.node_mode, "gossipsub");
    for percentage in [health.cpu_used, health.memory_used, health.disk_used] {
        assert!((0.0..=100.0).contains(&percentage), "{health:?}");
    }
    assert!(health.p2p_address.starts_with("/ip4/127.0.0.1/tcp/7070/p2p/12D3KooW"));
    assert_eq!((health.country.as_str(), health.country_iso.as_str()), ("India", "IN"));
}

#[tokio::test]
async fn the_grpc_health_service_knows_the_stream_and_the_shutdown() {
    let sidecar = Running::start().await;
    let mut health = HealthClient::new(channel(&sidecar).await);
    for service in ["", "proto.CommandStream"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let answer = soon(health.check(request)).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service}");
    }
    let request = HealthCheckRequest { service: "proto.CommandStream".to_owned() };
    let mut watch = soon(health.watch(request)).await.unwrap().into_inner();
    assert_eq!(soon(watch.message()).await.unwrap().unwrap().status(), ServingStatus::Serving);
    sidecar.shutdown.cancel();
    assert_eq!(soon(watch.message()).await.unwrap().unwrap().status(), ServingStatus::NotServing);
}

#[tokio::test]
async fn reflection_lists_the_services_in_both_versions() {
    let sidecar = Running::start().await;
    let channel = channel(&sidecar).await;
    macro_rules! services {
        ($version:ident) => {{
            use tonic_reflection::pb::$version as pb;
            let request = pb::ServerReflectionRequest {
                host: String::new(),
                message_request: Some(pb::server_reflection_request::MessageRequest::ListServices(
                    String::new(),
                )),
            };
            let mut client = pb::server_reflection_client::ServerReflectionClient::new(channel.clone());
            let answers = client.server_reflection_info(futures::stream::iter([request]));
            let answer = soon(soon(answers).await.unwrap().into_inner().message()).await.unwrap().unwrap();
            let Some(pb::server_reflection_response::MessageResponse::ListServicesResponse(list)) =
                answer.message_response
            else {
                panic!("another answer");
            };
            list.service.into_iter().map(|service| service.name).collect::<Vec<_>>()
        }};
    }
    for services in [services!(v1), services!(v1alpha)] {
        assert!(services.iter().any(|name| name == "proto.CommandStream"), "{services:?}");
        assert!(services.iter().any(|name| name == "grpc.health.v1.Health"), "{services:?}");
    }
}

#[tokio::test]
async fn open_streams_are_told_and_do_not_hold_up_the_shutdown() {
    let sidecar = Running::start().await;
    let (_commands, mut responses) = sidecar.client().await.subscribe(&["t"]).await.unwrap();
    next(&mut responses).await;
    sidecar.shutdown.cancel();
    let ended = loop {
        match soon(responses.next()).await {
            Ok(Some(_)) => {}
            ended => break ended,
        }
    };
    let Err(ClientError::Status(status)) = ended else { panic!("{ended:?}") };
    assert_eq!(status.code(), tonic::Code::Unavailable);
    soon(sidecar.serving).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_client_that_does_not_leave_is_cut_at_the_deadline() {
    let options = Options { drain_deadline: Duration::from_millis(50), ..Options::default() };
    let sidecar = Running::with(Mode::Optimum, options).await;
    // Opens a stream, then never reads or writes again: nothing tells it to go.
    let mut socket = TcpStream::connect(&sidecar.address).await.unwrap();
    socket.write_all(&[preface(), headers(1), data(1, b"t", b"x")].concat()).await.unwrap();
    sidecar.node.published(1).await;
    sidecar.shutdown.cancel();
    soon(sidecar.serving).await.unwrap().unwrap();
    let mut rest = Vec::new();
    // The end of the connection, or its reset: it is over either way.
    let _cut = soon(socket.read_to_end(&mut rest)).await;
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let taken = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = taken.local_addr().unwrap();
    let error = bind(address).await.unwrap_err();
    assert_eq!(error.to_string(), format!("cannot listen on {address}"));
    assert!(matches!(error, ServeError::Bind { .. }));
    drop(taken);
    let error = Client::connect(&address.to_string()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("cannot connect to {address}"));
}

/// Command, reset and all in one write: the server sees the reset at the same time as the command.
#[tokio::test]
async fn a_command_is_done_although_its_stream_is_reset_right_after() {
    let sidecar = Running::start().await;
    let mut socket = TcpStream::connect(&sidecar.address).await.unwrap();
    let mut bytes = preface();
    for number in 0..100_u32 {
        let stream = number * 2 + 1;
        bytes.extend([headers(stream), data(stream, b"t", &number.to_be_bytes()), reset(stream)].concat());
    }
    socket.write_all(&bytes).await.unwrap();
    let published = sidecar.node.published(100).await;
    assert_eq!(published.len(), 100);
    // The connection survived: a ping is answered.
    assert_pings_are_answered(&mut socket, 1).await;
}

/// Publishers exit right after sending: then the whole connection is gone, not only the stream.
#[tokio::test]
async fn a_command_is_done_although_the_connection_is_closed_right_after() {
    let sidecar = Running::start().await;
    for (unread, count) in [(false, 1), (true, 2), (false, 3), (true, 4)] {
        let mut socket = TcpStream::connect(&sidecar.address).await.unwrap();
        if unread {
            // Closing with bytes unread makes the system send a reset instead of a plain end.
            socket.write_all(&preface()).await.unwrap();
            soon(socket.peek(&mut [0])).await.unwrap();
        } else {
            socket.write_all(&preface()).await.unwrap();
        }
        socket.write_all(&[headers(1), data(1, b"t", b"x")].concat()).await.unwrap();
        drop(socket);
        sidecar.node.published(count).await;
    }
}

/// h2 closes connections with many small unread frames; how many depends on the connection's window.
#[tokio::test]
async fn many_small_commands_may_wait_for_a_slow_network() {
    let sidecar = Running::start().await;
    sidecar.node.gate.send_replace(false);
    let mut socket = TcpStream::connect(&sidecar.address).await.unwrap();
    socket.write_all(&[preface(), headers(1)].concat()).await.unwrap();
    let commands: Vec<u8> = (0..2000_u32).flat_map(|number| data(1, b"t", &number.to_be_bytes())).collect();
    socket.write_all(&commands).await.unwrap();
    assert_pings_are_answered(&mut socket, 1).await;
    sidecar.node.gate.send_replace(true);
    assert_eq!(sidecar.node.published(2000).await[1999].payload[..], 1999_u32.to_be_bytes());
}

/// Stricter than a ping per second, and without the seconds.
#[tokio::test]
async fn pings_without_streams_are_answered_however_many() {
    let sidecar = Running::start().await;
    let mut socket = TcpStream::connect(&sidecar.address).await.unwrap();
    socket.write_all(&preface()).await.unwrap();
    assert_pings_are_answered(&mut socket, 500).await;
}

async fn assert_pings_are_answered(socket: &mut TcpStream, count: usize) {
    for number in 0..count {
        let opaque = (number as u64).to_be_bytes();
        socket.write_all(&frame(PING, 0, 0, &opaque)).await.unwrap();
        loop {
            let mut head = [0; 9];
            soon(socket.read_exact(&mut head)).await.unwrap();
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut body = vec![0; length as usize];
            soon(socket.read_exact(&mut body)).await.unwrap();
            assert_ne!(head[3], GOAWAY, "{body:?}");
            if head[3] == PING && body == opaque {
                break;
            }
        }
    }
}

const PING: u8 = 6;
const GOAWAY: u8 = 7;

/// RFC 9113, section 3.4: the client's preface and empty settings.
fn preface() -> Vec<u8> {
    [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(4, 0, 0, &[])].concat()
}

/// RFC 9113, section 4.1.
fn frame(kind: u8, flags: u8, stream: u32, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_be_bytes();
    let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
    [&head, body].concat()
}

/// A call of `ListenCommands`, in header fields of the plainest kind (RFC 7541, section 6.2.2).
fn headers(stream: u32) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/proto.CommandStream/ListenCommands"),
        (":authority", "node"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ] {
        block.extend([0, name.len() as u8]);
        block.extend(name.bytes());
        block.push(value.len() as u8);
        block.extend(value.bytes());
    }
    frame(1, 4, stream, &block)
}

fn data(stream: u32, topic: &[u8], payload: &[u8]) -> Vec<u8> {
    let request = braidcast_sidecar::pb::proto::Request {
        command: 1,
        topic: String::from_utf8(topic.to_vec()).unwrap(),
        data: payload.to_vec().into(),
        ..Default::default()
    };
    let message = request.encode_to_vec();
    let head = [&[0][..], &(message.len() as u32).to_be_bytes()].concat();
    frame(0, 0, stream, &[head, message].concat())
}

fn reset(stream: u32) -> Vec<u8> {
    frame(3, 0, stream, &8_u32.to_be_bytes())
}
