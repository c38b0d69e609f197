//! Exchanges with a real server, recorded without their secrets.

mod file;
mod forms;
mod json_text;
mod known_keys;
mod secrets;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
#[cfg(feature = "record")]
pub(crate) use file::header;
pub(crate) use secrets::REMOVED;
pub use secrets::Secrets;
use serde_json::Value;

use crate::fixture::{Fixture, Wire};
use crate::{Framing, Reply};

/// Exchanges with a real server, as a [`Replay`](crate::Replay) serves them again.
///
/// # The file
///
/// Each line is a JSON object, so that it can be read, compared and cut by hand. The first one is
/// `{"recording": 1, "base": "/v1"}`: the version of the form, and the path at which the API
/// begins. Each exchange follows in lines of its own:
///
/// ```text
/// {"request":"POST /v1/chat/completions","headers":[["content-type","application/json"]],"json":{..}}
/// {"response":200,"at_ms":312,"framing":"chunked","headers":[["content-type","text/event-stream"]]}
/// {"chunk":"data: {..}\n\n","at_ms":320}
/// {"end":"whole","at_ms":900}
/// ```
///
/// A body that isn't JSON is `text`, and one that isn't UTF-8 `hex`; so is a chunk, as
/// `chunk_hex`, if a border falls inside of a character. `end` is `whole`, `cut` if the
/// connection broke, or `left` if the client went away. What was a secret is `[removed]`.
///
/// ```
/// use mainstem_testkit::Recording;
///
/// let recording: Recording = r#"{"recording":1,"base":"/v1"}
/// {"request":"POST /v1/chat/completions","headers":[],"json":{"model":"m"}}
/// {"response":200,"at_ms":2,"framing":"chunked","headers":[["content-type","text/event-stream"]]}
/// {"chunk":"data: [DONE]\n\n","at_ms":5}
/// {"end":"whole","at_ms":6}
/// "#.parse()?;
/// assert_eq!(recording.exchanges[0].chunks[0].data, "data: [DONE]\n\n");
/// # Ok::<(), mainstem_testkit::RecordingError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Recording {
    /// The path at which the API begins, such as `/v1`; clients have it in their base URL.
    pub base: String,
    /// The exchanges, in the order of their ends.
    pub exchanges: Vec<Exchange>,
}

/// A request, and what the server answered.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Exchange {
    /// The method, for instance `POST`.
    pub method: String,
    /// The path, and the query if there is one.
    pub target: String,
    /// The request's headers, as far as they were kept.
    pub headers: Vec<(String, String)>,
    /// The request's body.
    pub body: Bytes,
    /// The answer's status.
    pub status: u16,
    /// The answer's headers, as far as they were kept.
    pub response_headers: Vec<(String, String)>,
    /// How the client learned where the body ends.
    pub framing: Framing,
    /// When the answer's head came, counted from the request.
    pub head_at: Duration,
    /// The answer's body, as it came.
    pub chunks: Vec<Chunk>,
    /// How the body ended.
    pub ending: Ending,
    /// When it ended, counted from the request.
    pub ended_at: Duration,
}

/// A piece of a body, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Chunk {
    /// When it came, counted from the request.
    pub at: Duration,
    /// What came.
    pub data: Bytes,
}

/// How a recorded body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ending {
    /// As its framing says.
    Whole,
    /// The connection broke.
    Cut,
    /// The client left before its end.
    Left,
}

impl Recording {
    /// Reads a recording from a file.
    ///
    /// # Errors
    ///
    /// When it can't be read, or isn't a recording; it says which line is wrong.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, RecordingError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path)
            .map_err(|error| RecordingError(format!("cannot read {}: {error}", path.display())))?;
        let read: Result<Self, _> = text.parse();
        read.map_err(|error| RecordingError(format!("{}: {error}", path.display())))
    }
}

impl Exchange {
    /// Returns the request's body as JSON; `null` if it isn't any.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Returns the answer's body.
    #[must_use]
    pub fn response_body(&self) -> Vec<u8> {
        self.chunks
            .iter()
            .flat_map(|one| one.data.clone())
            .collect()
    }

    /// Returns the answer as a reply, with its borders, at once or at its own pace.
    #[must_use]
    pub fn reply(&self, paced: bool) -> Reply {
        let mut reply = Reply::status(self.status).framing(self.framing);
        for (name, value) in &self.response_headers {
            if !value.contains(REMOVED) {
                reply = reply.header(name, value);
            }
        }
        if paced {
            reply = reply.delay_head(self.head_at);
        }
        let mut now = self.head_at;
        let mut wait = |reply: Reply, until: Duration| {
            let pause = until.saturating_sub(std::mem::replace(&mut now, until));
            if paced { reply.wait(pause) } else { reply }
        };
        for chunk in &self.chunks {
            reply = wait(reply, chunk.at).raw(chunk.data.clone());
        }
        reply = wait(reply, self.ended_at);
        match self.ending {
            Ending::Whole => reply,
            // What would have come after the client left isn't known.
            Ending::Cut | Ending::Left => reply.cut(),
        }
    }

    /// Returns the answer as a fixture, for instance for the suite of the feature `models`.
    ///
    /// None, if it isn't an event stream of chat completions or Responses.
    #[must_use]
    pub fn fixture(&self, name: impl Into<String>) -> Option<Fixture> {
        let path = self.target.split('?').next().unwrap_or_default();
        let wire = match path {
            path if path.ends_with("/chat/completions") => Wire::Chat,
            path if path.ends_with("/responses") => Wire::Responses,
            _ => return None,
        };
        let is_stream = self.response_headers.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("content-type") && value.starts_with("text/event-stream")
        });
        is_stream.then(|| Fixture::new(name, wire, self.response_body()))
    }
}

/// Why something isn't a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingError(String);

impl fmt::Display for RecordingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RecordingError {}
