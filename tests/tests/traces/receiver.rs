//! What OpenTelemetry's exporter sends, taken by a server of ours: OTLP over HTTP, as JSON.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::Value;

/// Takes spans on a socket, until the process ends.
pub(crate) struct Receiver {
    address: String,
    spans: Arc<Mutex<Vec<Sent>>>,
}

/// A span as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent(Value);

impl Receiver {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let spans = Arc::default();
        let kept = Arc::clone(&spans);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let kept = Arc::clone(&kept);
                thread::spawn(move || serve(stream.unwrap(), &kept));
            }
        });
        Self { address, spans }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}/v1/traces", self.address)
    }

    pub(crate) fn spans(&self) -> Vec<Sent> {
        self.spans.lock().unwrap().clone()
    }

    /// The only span of a name.
    pub(crate) fn span(&self, name: &str) -> Sent {
        let mut spans = self.spans();
        spans.retain(|span| span.text("name") == name);
        assert_eq!(spans.len(), 1, "{name}: {spans:?}");
        spans.remove(0)
    }
}

impl Sent {
    pub(crate) fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap_or_default()
    }

    /// 1 is internal, 3 a client's.
    pub(crate) fn kind(&self) -> i64 {
        self.0["kind"].as_i64().unwrap()
    }

    /// 0 is unset, 2 an error.
    pub(crate) fn status(&self) -> i64 {
        self.0["status"]["code"].as_i64().unwrap_or_default()
    }

    /// The value of an attribute, whatever its type.
    pub(crate) fn attribute(&self, key: &str) -> Option<String> {
        let all = self.0["attributes"].as_array().unwrap();
        let found = all.iter().find(|it| it["key"] == key)?;
        let value = found["value"].as_object().unwrap().values().next().unwrap();
        Some(
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned),
        )
    }

    /// The traces and spans that it is linked to.
    pub(crate) fn links(&self) -> Vec<(String, String)> {
        let all = self.0["links"].as_array().cloned().unwrap_or_default();
        let text = |link: &Value, field: &str| link[field].as_str().unwrap().to_owned();
        let place = |link: &Value| (text(link, "traceId"), text(link, "spanId"));
        all.iter().map(place).collect()
    }

    /// How long it was, in nanoseconds.
    pub(crate) fn took(&self) -> u64 {
        let at = |field| self.text(field).parse::<u64>().unwrap();
        at("endTimeUnixNano") - at("startTimeUnixNano")
    }
}

/// Answers one connection's requests.
fn serve(stream: TcpStream, kept: &Mutex<Vec<Sent>>) {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut length, mut line) = (0, String::new());
        let mut is_json = false;
        loop {
            line.clear();
            if reader.read_line(&mut line).unwrap_or_default() == 0 {
                return;
            }
            let header = line.trim().to_ascii_lowercase();
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            is_json |= header == "content-type: application/json";
            if header.is_empty() {
                break;
            }
        }
        assert!(is_json);
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let scopes = list(&body, "resourceSpans").flat_map(|it| list(it, "scopeSpans"));
        let spans = scopes.flat_map(|it| list(it, "spans"));
        kept.lock().unwrap().extend(spans.cloned().map(Sent));
        let answer =
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
        reader.get_mut().write_all(answer.as_bytes()).unwrap();
    }
}

fn list<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value[field].as_array().into_iter().flatten()
}
