use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Chunk, Ending, Exchange, Recording, RecordingError};
use crate::Framing;

/// The version of the form.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    recording: u32,
    #[serde(default)]
    base: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestLine {
    /// The method, a space, and the target.
    request: String,
    headers: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    json: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hex: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResponseLine {
    response: u16,
    at_ms: u64,
    framing: Framing,
    headers: Vec<(String, String)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChunkLine {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chunk: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chunk_hex: Option<String>,
    at_ms: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EndLine {
    end: Ending,
    at_ms: u64,
}

/// Writes the first line of a file.
pub(crate) fn header(base: &str) -> String {
    line(&Header {
        recording: VERSION,
        base: base.to_owned(),
    })
}

/// Writes the lines of an exchange.
impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&line(&self.request_line()))?;
        f.write_str(&line(&ResponseLine {
            response: self.status,
            at_ms: millis(self.head_at),
            framing: self.framing,
            headers: self.response_headers.clone(),
        }))?;
        for chunk in &self.chunks {
            let text = str::from_utf8(&chunk.data);
            f.write_str(&line(&ChunkLine {
                chunk: text.ok().map(str::to_owned),
                chunk_hex: text.is_err().then(|| to_hex(&chunk.data)),
                at_ms: millis(chunk.at),
            }))?;
        }
        f.write_str(&line(&EndLine {
            end: self.ending,
            at_ms: millis(self.ended_at),
        }))
    }
}

/// Writes the lines of the file.
impl fmt::Display for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&header(&self.base))?;
        self.exchanges.iter().try_for_each(|one| one.fmt(f))
    }
}

impl Exchange {
    fn request_line(&self) -> RequestLine {
        let mut line = RequestLine {
            request: format!("{} {}", self.method, self.target),
            headers: self.headers.clone(),
            json: None,
            text: None,
            hex: None,
        };
        match str::from_utf8(&self.body) {
            Ok("") => {}
            Ok(text) => {
                // Between the tokens of JSON a line feed is as good as a space.
                let one_line = text.replace(['\n', '\r'], " ");
                match RawValue::from_string(one_line) {
                    Ok(json) => line.json = Some(json),
                    Err(_) => line.text = Some(text.to_owned()),
                }
            }
            Err(_) => line.hex = Some(to_hex(&self.body)),
        }
        line
    }
}

fn line(value: &impl Serialize) -> String {
    // Structs of texts and numbers can't fail to be written.
    serde_json::to_string(value).unwrap_or_default() + "\n"
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Bytes> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

/// The lines of a file that have something in them, with their numbers.
struct Lines<'a>(Box<dyn Iterator<Item = (usize, &'a str)> + 'a>);

impl<'a> Lines<'a> {
    fn next<T: Deserialize<'a>>(&mut self, what: &str) -> Result<T, RecordingError> {
        let Some((number, text)) = self.0.next() else {
            return Err(RecordingError(format!("it ends where {what} should be")));
        };
        read(number, text, what)
    }
}

fn read<'a, T: Deserialize<'a>>(
    number: usize,
    text: &'a str,
    what: &str,
) -> Result<T, RecordingError> {
    serde_json::from_str(text).map_err(|error| {
        // The error's own words may hold a piece of the line.
        let column = error.column();
        RecordingError(format!("line {number} isn't {what} (column {column})"))
    })
}

impl FromStr for Recording {
    type Err = RecordingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lines = text.lines().enumerate();
        let lines = lines.map(|(index, line)| (index + 1, line.trim()));
        let mut lines = Lines(Box::new(lines.filter(|(_, line)| !line.is_empty())));
        let header: Header = lines.next("the header `{\"recording\": 1, ..}`")?;
        if header.recording != VERSION {
            let version = header.recording;
            let message = format!("version {version} of recordings isn't known; {VERSION} is");
            return Err(RecordingError(message));
        }
        let mut exchanges = Vec::new();
        while let Some((number, text)) = lines.0.next() {
            let request: RequestLine = read(number, text, "a request")?;
            exchanges.push(exchange(request, number, &mut lines)?);
        }
        Ok(Self {
            base: header.base,
            exchanges,
        })
    }
}

/// Reads what follows a request's line.
fn exchange(
    request: RequestLine,
    number: usize,
    lines: &mut Lines<'_>,
) -> Result<Exchange, RecordingError> {
    let wrong = |what: &str| RecordingError(format!("line {number} isn't a request: {what}"));
    let target = request.request.split_once(' ');
    let (method, target) = target.ok_or_else(|| wrong("it has no target"))?;
    let body = match (request.json, request.text, request.hex) {
        (Some(json), None, None) => Bytes::from(json.get().to_owned()),
        (None, Some(text), None) => Bytes::from(text),
        (None, None, Some(hex)) => from_hex(&hex).ok_or_else(|| wrong("its `hex` is none"))?,
        (None, None, None) => Bytes::new(),
        _ => return Err(wrong("it has more than one body")),
    };
    let response: ResponseLine = lines.next("a response")?;
    let mut chunks = Vec::new();
    let end = loop {
        let Some((number, text)) = lines.0.next() else {
            return Err(RecordingError("it ends before an exchange's end".into()));
        };
        if let Ok(end) = serde_json::from_str::<EndLine>(text) {
            break end;
        }
        let line: ChunkLine = read(number, text, "a chunk or an end")?;
        let hex = line.chunk_hex.as_deref().and_then(from_hex);
        let data = line.chunk.map(Bytes::from).or(hex);
        chunks.push(Chunk {
            at: Duration::from_millis(line.at_ms),
            data: data.ok_or_else(|| RecordingError(format!("line {number} has no bytes")))?,
        });
    };
    Ok(Exchange {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: request.headers,
        body,
        status: response.response,
        response_headers: response.headers,
        framing: response.framing,
        head_at: Duration::from_millis(response.at_ms),
        chunks,
        ending: end.end,
        ended_at: Duration::from_millis(end.at_ms),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording() -> Recording {
        let chunk = |at, data: &'static [u8]| Chunk {
            at: Duration::from_millis(at),
            data: Bytes::from_static(data),
        };
        let exchange = |body: &'static [u8]| Exchange {
            method: "POST".into(),
            target: "/v1/chat/completions?a=1".into(),
            headers: vec![("accept".into(), "*/*".into())],
            body: Bytes::from_static(body),
            status: 200,
            response_headers: vec![("content-type".into(), "text/event-stream".into())],
            framing: Framing::Chunked,
            head_at: Duration::from_millis(3),
            chunks: vec![chunk(4, b"data: \"\xC3"), chunk(5, b"\xA4\"\n\n")],
            ending: Ending::Cut,
            ended_at: Duration::from_millis(9),
        };
        Recording {
            base: "/v1".into(),
            exchanges: vec![
                exchange(br#"{"b":1,"a":[]}"#),
                exchange(b"a\nb"),
                exchange(b"\xFF"),
                exchange(b""),
            ],
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let recording = recording();
        let text = recording.to_string();
        assert_eq!(text.lines().count(), 1 + 4 * 5, "{text}");
        assert!(text.contains(r#""json":{"b":1,"a":[]}"#), "{text}");
        assert_eq!(text.parse(), Ok(recording));
    }

    #[test]
    fn an_error_says_which_line() {
        let text = recording().to_string();
        let without = |from: usize, count: usize| {
            let lines = text.lines().enumerate();
            let kept = lines.filter(|(index, _)| !(from..from + count).contains(index));
            let kept: Vec<&str> = kept.map(|(_, line)| line).collect();
            kept.join("\n")
                .parse::<Recording>()
                .unwrap_err()
                .to_string()
        };
        assert!(without(0, 1).contains("line 1 isn't the header"));
        assert!(without(2, 1).contains("line 3 isn't a response"));
        assert!(without(5, 1).contains("line 6 isn't a chunk or an end"));
        assert!(without(20, 1).contains("before an exchange's end"));
        assert!(without(0, 21).contains("it ends where the header"));
        let newer = text.replacen("\"recording\":1", "\"recording\":2", 1);
        let error = newer.parse::<Recording>().unwrap_err().to_string();
        assert!(error.contains("version 2"), "{error}");
    }
}
