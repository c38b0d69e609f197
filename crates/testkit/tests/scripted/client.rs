//! A client so small that every byte it sends and reads can be seen.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use mainstem_testkit::ScriptedServer;

pub(crate) struct Client {
    stream: TcpStream,
    seen: Vec<u8>,
}

/// A response that was read to its end, or as far as it went.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// The HTTP chunks of the body; one if it wasn't chunked.
    pub(crate) chunks: Vec<Vec<u8>>,
    /// Whether the body ended as its framing says.
    pub(crate) complete: bool,
}

pub(crate) fn request(stream: bool) -> Value {
    json!({"model": "m", "stream": stream, "messages": [{"role": "user", "content": "Why?"}]})
}

/// Opens a connection, asks once and reads the response.
pub(crate) async fn ask(server: &ScriptedServer, body: &Value) -> Response {
    let mut client = Client::connect(server).await;
    client.send(body).await;
    client.response().await
}

impl Client {
    pub(crate) async fn connect(server: &ScriptedServer) -> Self {
        Self::connect_to(server.address()).await
    }

    pub(crate) async fn connect_to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        Self {
            stream,
            seen: Vec::new(),
        }
    }

    pub(crate) async fn with_small_buffer(server: &ScriptedServer) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let stream = socket.connect(server.address()).await.unwrap();
        Self {
            stream,
            seen: Vec::new(),
        }
    }

    pub(crate) async fn send(&mut self, body: &Value) {
        let body = body.to_string();
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        self.write((head + &body).as_bytes()).await;
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Reads until what was read ends with `end`, and returns it.
    pub(crate) async fn until(&mut self, end: &str) -> String {
        while !self.seen.ends_with(end.as_bytes()) {
            assert!(
                self.fill().await,
                "closed after {:?}",
                String::from_utf8_lossy(&self.seen)
            );
        }
        String::from_utf8(std::mem::take(&mut self.seen)).unwrap()
    }

    /// Reads until the server closes, and returns everything.
    pub(crate) async fn rest(&mut self) -> String {
        while self.fill().await {}
        String::from_utf8(std::mem::take(&mut self.seen)).unwrap()
    }

    /// Reads at least one more byte; `false` says that the server closed.
    pub(crate) async fn fill(&mut self) -> bool {
        matches!(self.stream.read_buf(&mut self.seen).await, Ok(1..))
    }

    /// Reads once and tells how the connection ended, if it did.
    pub(crate) async fn read_error(&mut self) -> Option<std::io::ErrorKind> {
        loop {
            match self.stream.read_buf(&mut self.seen).await {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => return Some(error.kind()),
            }
        }
    }

    pub(crate) async fn response(&mut self) -> Response {
        let head = self.head().await;
        let mut response = Response {
            head,
            body: Vec::new(),
            chunks: Vec::new(),
            complete: false,
        };
        if response.head.contains("transfer-encoding: chunked") {
            self.chunks(&mut response).await;
        } else if let Some(length) = response.header("content-length") {
            let length = length.parse().unwrap();
            let body = self.take(length).await;
            response.complete = body.is_some();
            response
                .chunks
                .push(body.unwrap_or_else(|| std::mem::take(&mut self.seen)));
        } else {
            while self.fill().await {}
            response.complete = true;
            response.chunks.push(std::mem::take(&mut self.seen));
        }
        response.body = response.chunks.concat();
        response
    }

    async fn head(&mut self) -> String {
        loop {
            if let Some(end) = find(&self.seen, b"\r\n\r\n") {
                let head = self.seen.drain(..end + 4).collect();
                return String::from_utf8(head).unwrap();
            }
            assert!(self.fill().await, "closed within the head");
        }
    }

    async fn chunks(&mut self, response: &mut Response) {
        while let Some(size) = self.line().await {
            let size = usize::from_str_radix(&size, 16).unwrap();
            let Some(mut chunk) = self.take(size + 2).await else {
                return;
            };
            assert_eq!(chunk.split_off(size), b"\r\n");
            if size == 0 {
                response.complete = true;
                return;
            }
            response.chunks.push(chunk);
        }
    }

    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = find(&self.seen, b"\r\n") {
                let line = self.seen.drain(..end + 2).take(end).collect();
                return Some(String::from_utf8(line).unwrap());
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    async fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.seen.len() < length {
            if !self.fill().await {
                return None;
            }
        }
        Some(self.seen.drain(..length).collect())
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

impl Response {
    pub(crate) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let line = |line: &'_ &str| line.split(':').next() == Some(name);
        self.head
            .lines()
            .find(line)
            .map(|line| line.split_once(": ").unwrap().1)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}
