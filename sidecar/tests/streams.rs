//! The rules of the stream (compat 1.5), over real gRPC on loopback.

mod common;

use braidcast_runtime_tokio::Mode;
use braidcast_sidecar::Options;
use braidcast_sidecar::client::Response;
use braidcast_sidecar::pb::proto::Request;
use braidcast_sidecar::pb::proto::command_stream_client::CommandStreamClient;
use braidcast_sidecar::pb::{command, optimum};
use bytes::Bytes;
use common::{PAYLOAD_MAX, Running, next, next_message, next_refusal, soon};

fn request(number: i32, topic: &str, data: &'static [u8]) -> Request {
    Request { command: number, topic: topic.to_owned(), data: data.into(), ..Request::default() }
}

#[tokio::test]
async fn one_stream_takes_many_commands_of_many_topics() {
    let sidecar = Running::start().await;
    let (commands, mut responses) = sidecar.client().await.subscribe(&["a", "b"]).await.unwrap();
    for (topic, text) in [("a", "1"), ("b", "2"), ("a", "3")] {
        commands.publish(topic, text.into()).await.unwrap();
        let message = next_message(&mut responses).await;
        assert_eq!((message.topic.as_str(), &message.payload[..]), (topic, text.as_bytes()));
        assert_eq!(message.message_id.len(), 64);
        assert!(message.source_node_id.starts_with("12D3KooW"));
    }
}

#[tokio::test]
async fn a_stream_gets_the_topics_it_subscribed_to_and_no_others() {
    let sidecar = Running::start().await;
    let client = sidecar.client().await;
    let (commands, mut responses) = client.subscribe(&["mine", "left"]).await.unwrap();
    let (_others, _unread) = client.subscribe(&["other"]).await.unwrap();
    commands.publish("left", "before".into()).await.unwrap();
    assert_eq!(next_message(&mut responses).await.payload, "before");

    commands.unsubscribe("left").await.unwrap();
    for (topic, text) in [("left", "not mine any more"), ("other", "never mine"), ("mine", "for me")] {
        commands.publish(topic, text.into()).await.unwrap();
    }
    assert_eq!(next_message(&mut responses).await.payload, "for me");
    // The node stays in all of them, also when the streams are gone.
    drop((commands, responses));
    assert_eq!(client.topics().await.unwrap(), ["left", "mine", "other"]);
}

#[tokio::test]
async fn all_topics_go_to_all_streams_if_so_configured() {
    let options = Options { deliver_all: true, ..Options::default() };
    let sidecar = Running::with(Mode::Optimum, options).await;
    let client = sidecar.client().await;
    let (others, mut unread) = client.subscribe(&["before"]).await.unwrap();
    next(&mut unread).await;
    let (commands, mut responses) = client.subscribe(&["mine"]).await.unwrap();
    commands.publish("before", "known when it came".into()).await.unwrap();
    assert_eq!(next_message(&mut responses).await.payload, "known when it came");

    others.subscribe("after").await.unwrap();
    loop {
        if let Response::Optimum(event) = next(&mut responses).await
            && event.join.is_some_and(|join| join.topic() == "after")
        {
            break;
        }
    }
    commands.publish("after", "joined later".into()).await.unwrap();
    assert_eq!(next_message(&mut responses).await.payload, "joined later");
}

#[tokio::test]
async fn traces_flow_without_being_asked_for_and_begin_with_the_join() {
    use optimum::trace_event::Type;
    let sidecar = Running::start().await;
    let (commands, mut responses) = sidecar.client().await.subscribe(&["t"]).await.unwrap();
    commands.publish("t", "x".into()).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        if let Response::Optimum(event) = next(&mut responses).await {
            assert_eq!(event.peer_id(), common::me().as_bytes());
            seen.push(event.r#type());
        }
    }
    assert_eq!(seen, [Type::Join, Type::PublishMessage, Type::DeliverMessage]);
}

#[tokio::test]
async fn a_plain_node_sends_traces_of_the_plain_type() {
    let sidecar = Running::with(Mode::Gossipsub, Options::default()).await;
    let (_commands, mut responses) = sidecar.client().await.subscribe(&["t"]).await.unwrap();
    let Response::Gossipsub(event) = next(&mut responses).await else { panic!("another type") };
    assert_eq!(event.join.unwrap().topic(), "t");
}

#[tokio::test]
async fn a_publisher_that_half_closes_is_answered_and_the_stream_ends() {
    for traces in [true, false] {
        let options = Options { traces, ..Options::default() };
        let sidecar = Running::with(Mode::Optimum, options).await;
        let first = vec![request(command::PUBLISH, "t", b"x")];
        let (commands, mut responses) = sidecar.client().await.open(first).await.unwrap();
        drop(commands);
        let mut answers = Vec::new();
        while let Some(response) = soon(responses.next()).await.unwrap() {
            answers.push(response);
        }
        let answered = answers.iter().any(|answer| match answer {
            Response::Optimum(event) => traces && event.publish_message.is_some(),
            Response::Published(published) => !traces && published.topic == "t",
            Response::Message(_) | Response::Gossipsub(_) | Response::Refused(_) | Response::Other(_) => {
                false
            }
        });
        assert!(answered, "{answers:?}");
    }
}

#[tokio::test]
async fn a_subscriber_that_half_closes_is_still_served() {
    let sidecar = Running::start().await;
    let client = sidecar.client().await;
    let (commands, mut responses) = client.subscribe(&["t"]).await.unwrap();
    drop(commands);
    next(&mut responses).await;
    client.publish("t", "late".into()).await.unwrap();
    assert_eq!(next_message(&mut responses).await.payload, "late");
}

#[tokio::test]
async fn publishing_alone_joins_the_topic_and_gives_the_id() {
    let sidecar = Running::start().await;
    let client = sidecar.client().await;
    let id = client.publish("never subscribed", "Hello, world!".into()).await.unwrap();
    assert_eq!(id, "315f5bdb76d078c43b8ac0064e4a0164612b1fce77c869345bfc94c75894edd3");
    assert_eq!(client.topics().await.unwrap(), ["never subscribed"]);
}

#[tokio::test]
async fn what_is_refused_is_answered_and_the_stream_goes_on() {
    let sidecar = Running::start().await;
    let client = sidecar.client().await;
    let (commands, mut responses) = client.subscribe(&["t"]).await.unwrap();

    commands.publish("t", vec![0; PAYLOAD_MAX + 1].into()).await.unwrap();
    let refusal = next_refusal(&mut responses).await;
    assert_eq!((refusal.code.as_str(), refusal.command), ("too_large", 1));
    assert_eq!(refusal.error, format!("payload is {} bytes, limit is {PAYLOAD_MAX}", PAYLOAD_MAX + 1));

    for (bad, code) in [
        (request(command::PUBLISH, "", b"x"), "topic_empty"),
        (request(command::SUBSCRIBE, "", b""), "topic_empty"),
        (request(command::PUBLISH_BATCH, "", b"no json"), "bad_batch"),
        (request(4, "t", b""), "unknown_command"),
        (request(-1, "t", b""), "unknown_command"),
    ] {
        let number = bad.command;
        // Command 0 is ignored: the next answer is about the one after it.
        commands.send(request(command::NONE, "t", b"ignored")).await.unwrap();
        commands.send(bad).await.unwrap();
        let refusal = next_refusal(&mut responses).await;
        assert_eq!((refusal.code.as_str(), refusal.command), (code, number));
    }
    commands.publish("t", "still here".into()).await.unwrap();
    assert_eq!(next_message(&mut responses).await.payload, "still here");
    let error = client.publish("", "x".into()).await.unwrap_err();
    assert_eq!(error.to_string(), "topic name is empty");
}

#[tokio::test]
async fn batches_and_random_data_are_published() {
    let options = Options { random_bytes: 77, ..Options::default() };
    let sidecar = Running::with(Mode::Optimum, options).await;
    let batch =
        br#"{"messages":[{"topic":"a","msg":"AQI="},{"topic":"a","msg":"%"},{"topic":"b","msg":""}]}"#;
    let first = vec![
        request(command::PUBLISH_BATCH, "", batch),
        request(command::PUBLISH_RANDOM, "r", b""),
        request(command::PUBLISH_RANDOM, "r", b""),
    ];
    let (_commands, mut responses) = sidecar.client().await.open(first).await.unwrap();
    let published = sidecar.node.published(4).await;
    assert_eq!((published[0].topic.as_str(), &published[0].payload[..]), ("a", &[1, 2][..]));
    assert_eq!((published[1].topic.as_str(), &published[1].payload[..]), ("b", &[][..]));
    assert_eq!((published[2].topic.as_str(), published[2].payload.len()), ("r", 77));
    assert_ne!(published[2].payload, published[3].payload);
    assert_eq!(next_refusal(&mut responses).await.topic, "a");
}

/// The vendor's node stops after seven or eight such messages (compat 1.5, rule 6).
#[tokio::test]
async fn a_publisher_that_never_reads_does_not_stop_the_stream() {
    let sidecar = Running::start().await;
    // A client with HTTP/2's default windows: 64 KiB of responses, then nothing more gets through.
    let mut client = CommandStreamClient::connect(format!("http://{}", sidecar.address)).await.unwrap();
    let (commands, receiver) = tokio::sync::mpsc::channel(4);
    let requests = tokio_stream::wrappers::ReceiverStream::new(receiver);
    let _never_read = soon(client.listen_commands(requests)).await.unwrap();

    commands.send(request(command::SUBSCRIBE, "t", b"")).await.unwrap();
    for number in 0..200_u32 {
        let mut payload = vec![0; 256 << 10];
        payload[..4].copy_from_slice(&number.to_be_bytes());
        let publish = Request { data: payload.into(), ..request(command::PUBLISH, "t", b"") };
        soon(commands.send(publish)).await.unwrap();
    }
    let published = sidecar.node.published(200).await;
    assert_eq!(published[199].payload[..4], 199_u32.to_be_bytes());
    // And neither does it stop others.
    let other = sidecar.client().await;
    // The JOIN of the second topic says that the first one is listened to.
    let (_commands, mut responses) = other.subscribe(&["t", "ready"]).await.unwrap();
    next(&mut responses).await;
    commands.send(request(command::PUBLISH, "t", b"last")).await.unwrap();
    assert_eq!(next_message(&mut responses).await.payload, "last");
}

#[tokio::test]
async fn responses_go_on_while_a_publisher_waits_for_the_network() {
    let sidecar = Running::start().await;
    let client = sidecar.client().await;
    let (commands, mut responses) = client.subscribe(&["t"]).await.unwrap();
    next(&mut responses).await;
    sidecar.node.gate.send_replace(false);
    commands.publish("t", "waits".into()).await.unwrap();
    // Traces of what others do come meanwhile.
    let (_others, _unread) = client.subscribe(&["u"]).await.unwrap();
    let Response::Optimum(event) = next(&mut responses).await else { panic!("another type") };
    assert_eq!(event.join.unwrap().topic(), "u");
    sidecar.node.gate.send_replace(true);
    assert_eq!(next_message(&mut responses).await.payload, "waits");
}

#[tokio::test]
async fn messages_of_many_mebibytes_pass_in_both_directions() {
    let sidecar = Running::start().await;
    let client = sidecar.client().await;
    let (commands, mut responses) = client.subscribe(&["big"]).await.unwrap();
    let payload = Bytes::from(vec![0xa5; PAYLOAD_MAX]);
    commands.publish("big", payload.clone()).await.unwrap();
    let message = next_message(&mut responses).await;
    assert!(message.payload == payload, "{} bytes came back", message.payload.len());
}
