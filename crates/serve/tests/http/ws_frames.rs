//! Frames of a WebSocket that aren't as they should be, one by one.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use mainstem_serve::Limits;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    support::{self, Serving, server, within},
    ws::Client,
};

/// A socket of which each byte is ours, after the handshake.
async fn raw(serving: &Serving, path: &str) -> TcpStream {
    let mut socket = serving.connect().await;
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        serving.address
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within(socket.read_u8()).await.unwrap());
    }
    assert!(
        head.starts_with(b"HTTP/1.1 101"),
        "{}",
        String::from_utf8_lossy(&head)
    );
    socket
}

/// A masked frame, whose mask is zero.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..126 => frame.push(0x80 | length as u8),
        length => {
            frame.push(0x80 | 126);
            frame.extend((length as u16).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// The code of the close that comes; 0, if the socket is cut without one.
async fn close_code(socket: &mut TcpStream) -> u16 {
    let mut bytes = Vec::new();
    let _ = within(socket.read_to_end(&mut bytes)).await;
    let mut rest = &bytes[..];
    while let [first, length, tail @ ..] = rest {
        let length = usize::from(*length);
        if *first == 0x88 {
            return u16::from_be_bytes([tail[0], tail[1]]);
        }
        rest = &tail[length.min(tail.len())..];
    }
    0
}

#[tokio::test]
async fn bad_frames_close_the_socket_with_the_code_of_the_standard() {
    let serving = Serving::start(server().limits(Limits::default().body(500)).echo()).await;
    let long = "x".repeat(600);
    for path in ["/ws", "/ws/echo"] {
        for (what, bytes, code) in [
            ("reserved bits", frame(0xf1, b"{}"), 1002),
            ("an unknown opcode", frame(0x83, b"{}"), 1002),
            ("a continuation of nothing", frame(0x80, b"{}"), 1002),
            ("a ping in pieces", frame(0x09, b"{}"), 1002),
            (
                "a ping that is too long",
                frame(0x89, &long.as_bytes()[..200]),
                1002,
            ),
            ("text that isn't UTF-8", frame(0x81, b"\xff\xff"), 1007),
            (
                "a message that is too long",
                frame(0x81, long.as_bytes()),
                1009,
            ),
            ("a frame without a mask", vec![0x81, 0x01, b'x'], 1002),
        ] {
            let mut socket = raw(&serving, path).await;
            socket.write_all(&bytes).await.unwrap();
            assert_eq!(close_code(&mut socket).await, code, "{what} on {path}");
        }
    }
}

#[tokio::test]
async fn a_message_is_too_long_in_pieces_too() {
    let serving = Serving::start(server().limits(Limits::default().body(500))).await;
    let mut socket = raw(&serving, "/ws").await;
    let piece = "x".repeat(200);
    let mut bytes = frame(0x01, piece.as_bytes());
    for _ in 0..3 {
        bytes.extend(frame(0x00, piece.as_bytes()));
    }
    let _ = socket.write_all(&bytes).await;
    assert_eq!(close_code(&mut socket).await, 1009);
}

#[tokio::test]
async fn a_message_is_too_deep() {
    let serving = Serving::start(server()).await;
    let mut client = Client::connect(&serving, "/ws", &[]).await;
    let deep = format!(
        r#"{{"type": "start", "name": "shout", "input": {}"#,
        "[".repeat(100)
    );
    client.0.send(Message::text(deep)).await.unwrap();
    let (_, close) = client.rest().await;
    assert_eq!(u16::from(close.unwrap().code), 4400);
}

#[tokio::test]
async fn the_echo_says_all_again() {
    let serving = Serving::start(server().echo()).await;
    let mut client = Client::connect(&serving, "/ws/echo", &[]).await;
    for message in [
        Message::text("ein Häher"),
        Message::binary(vec![0, 255]),
        Message::text("x".repeat(100_000)),
    ] {
        client.0.send(message.clone()).await.unwrap();
        assert_eq!(within(client.0.next()).await.unwrap().unwrap(), message);
    }
    client.0.send(Message::Ping("hi".into())).await.unwrap();
    let pong = within(client.0.next()).await.unwrap().unwrap();
    assert_eq!(pong, Message::Pong("hi".into()));
    // Off by default.
    let serving = Serving::start(server()).await;
    assert!(
        Client::try_connect(&serving, "/ws/echo", &[])
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_client_that_doesnt_answer_heartbeats_is_gone() {
    let quick = server().heartbeat(Duration::from_millis(100));
    let serving = Serving::start(quick).await;
    let mut socket = raw(&serving, "/ws").await;
    let start = br#"{"type": "start", "name": "endless", "input": "x"}"#;
    socket.write_all(&frame(0x81, start)).await.unwrap();
    let began = Instant::now();
    let mut seen = Vec::new();
    let _ = within(socket.read_to_end(&mut seen)).await;
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
    assert!(seen.windows(2).any(|two| two == [0x89, 0x00]), "no ping");

    // One that does is not.
    let mut client = Client::connect(&serving, "/ws", &[]).await;
    let start = r#"{"type": "start", "name": "endless", "input": "x"}"#;
    client.0.send(Message::text(start)).await.unwrap();
    let kept = tokio::time::timeout(Duration::from_millis(800), client.rest()).await;
    assert!(kept.is_err(), "{kept:?}");
}

#[tokio::test]
async fn a_socket_that_takes_nothing_is_cut_and_its_run_ends() {
    let limits = Limits::default().stall(Duration::from_millis(300));
    let serving = Serving::start(server().limits(limits)).await;
    let mut client = Client::connect(&serving, "/ws", &[]).await;
    // More than the buffers of the two sockets take.
    let words = "word ".repeat(180_000);
    let start = json!({"type": "start", "name": "say", "input": words});
    client
        .0
        .send(Message::text(start.to_string()))
        .await
        .unwrap();
    let started = client.hear().await.unwrap();
    let run = format!("/runs/{}", started["run"].as_str().unwrap());
    within(async {
        loop {
            let state = support::json(serving.get(&run).send().await.unwrap()).await;
            match state["status"].as_str().unwrap() {
                "running" => tokio::time::sleep(Duration::from_millis(20)).await,
                status => break assert_eq!(status, "cancelled"),
            }
        }
    })
    .await;
}
