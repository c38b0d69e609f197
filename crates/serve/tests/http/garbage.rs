//! Requests with something wrong at random: the server loses nothing by them.

use std::time::Duration;

use mainstem_serve::{Limits, Right};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Serving, server, within};

/// Numbers that are the same in each run of the test.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }

    /// Some bytes changed, put in, taken out, said again or left off.
    fn spoil(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len().max(2) - 1);
            match self.below(5) {
                0 => bytes[at] = u8::try_from(self.below(256)).unwrap(),
                1 => bytes.insert(at, u8::try_from(self.below(256)).unwrap()),
                2 => drop(bytes.drain(at..bytes.len().min(at + 1 + self.below(9)))),
                3 => bytes.extend_from_within(at..),
                _ => bytes.truncate(at),
            }
            if bytes.len() < 2 {
                bytes.extend(b"GET");
            }
        }
    }
}

fn requests(host: &str) -> Vec<Vec<u8>> {
    let body = r#"{"run": "say", "input": "a jay", "wire": "ndjson"}"#;
    let head = |line: &str| format!("{line} HTTP/1.1\r\nhost: {host}\r\n");
    let post = head("POST /runs") + "content-type: application/json\r\n";
    let socket = head("GET /ws")
        + "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
           sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let start = br#"{"type": "start", "name": "say", "input": "a jay"}"#;
    let mut socket = socket.into_bytes();
    socket.extend([0x81, 0x80 | u8::try_from(start.len()).unwrap(), 0, 0, 0, 0]);
    socket.extend(start);
    vec![
        format!("{post}content-length: {}\r\n\r\n{body}", body.len()).into_bytes(),
        format!(
            "{post}transfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        )
        .into_bytes(),
        (head("GET /runs/x/events?after=1-2&snapshot=true") + "last-event-id: 1-7\r\n\r\n")
            .into_bytes(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec(),
        socket,
    ]
}

#[tokio::test]
async fn garbage_costs_nothing_that_stays() {
    let limits = Limits::default()
        .header_time(Duration::from_millis(200))
        .body_time(Duration::from_millis(200))
        .idle(Duration::from_millis(200));
    let open = server().limits(limits).allow(Right::Metrics);
    let serving = Serving::start(open).await;
    let requests = requests(&serving.address.to_string());
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..400 {
        let mut bytes = requests[round % requests.len()].clone();
        if round >= requests.len() {
            random.spoil(&mut bytes);
        }
        let mut socket = serving.connect().await;
        let _ = socket.write_all(&bytes).await;
        if random.below(2) == 0 {
            let mut answer = [0; 64];
            let read = socket.read(&mut answer);
            let _ = tokio::time::timeout(Duration::from_millis(20), read).await;
        }
    }
    // All that they began has ended, but for the connection that asks.
    within(async {
        loop {
            let metrics = within(serving.get("/metrics").send()).await.unwrap();
            let metrics = metrics.text().await.unwrap();
            let is = |line: &str| metrics.lines().any(|it| it == line);
            let readers = metrics
                .lines()
                .filter(|it| it.starts_with("mainstem_readers{"));
            let none_reads = readers.clone().all(|it| it.ends_with(" 0"));
            if is("mainstem_runs_live 0") && is("mainstem_connections 1") && none_reads {
                assert!(readers.count() > 1, "{metrics}");
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}
