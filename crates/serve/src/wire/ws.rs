//! What is said over a WebSocket, without a socket: messages, their order, and the codes of its end.
//!
//! A client asks for the subprotocol [`SUBPROTOCOL`]. It begins a run with `start`, or comes back to one
//! with `resume`, and gets `started`; then each event as its JSON, `{seq, epoch, at, path, type, data}`;
//! then `end`, and the connection is closed with the code of how the run ended; one that waits for answers stays
//! open for a while, for `input`. Bytes of the run are binary messages; see [`BinaryMessage`].
//!
//! ```text
//! > {"type":"start","name":"guide","input":"Which birds?"}
//! < {"type":"started","run":"…","name":"guide"}
//! < {"seq":2,"epoch":1,"at":…,"path":"guide/turn[0]","type":"text_delta","data":{"text":"Jays"}}
//! < {"type":"end","outcome":"finished","place":"1-9"}
//! < close 1000
//! ```
//!
//! A client of [`CHUNKS_SUBPROTOCOL`] gets pieces of text as they are, and then `[COMPLETE]`: see
//! [`TextChunks`].

mod binary;
mod chunks;
mod tag;
mod window;

pub use binary::BinaryMessage;
use bytes::{Bytes, BytesMut};
pub use chunks::{ChunkMessage, TextChunks};
use mainstem_core::{
    Answer, Error, ErrorInfo, ErrorKind, Event, EventKind, Json, Place, Result, RunId, Seq, Text,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
pub use window::Window;

use self::tag::{Tag, Untagged};
use super::{Ended, Outcome, event, line};
use crate::{
    given::{self, Given},
    misfit::{self, Object},
};

/// The name of this protocol, in `Sec-WebSocket-Protocol`.
pub const SUBPROTOCOL: &str = "mainstem.v1";
/// The name of the protocol of plain pieces of text.
pub const CHUNKS_SUBPROTOCOL: &str = "mainstem.chunks";

/// What a client says: read by [`parse`](Self::parse).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ClientMessage {
    /// Begins a run.
    Start(Start),
    /// Comes back to a run: what follows a place, or all of it.
    Resume(Resume),
    /// Answers what a suspended run waits for: it goes on.
    Input(Input),
    /// Stops the run.
    Cancel,
    /// Lets the run go on when the connection ends.
    Detach,
    /// Has read all events up to this one.
    Ack(Ack),
    /// Asks for a [`Pong`](ServerMessage::Pong).
    Ping(Ping),
}

/// Begins a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Start {
    /// The agent or flow.
    pub name: Text,
    /// What it is given.
    pub input: Json,
    /// Whether the run goes on when the connection ends; by default it is stopped.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub detach: bool,
    /// How many events may be under way before the client acknowledges some; none stands for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<u32>,
}

impl Start {
    /// A run of an agent or flow, given an input.
    pub fn new(name: impl Into<Text>, input: Json) -> Self {
        Self {
            name: name.into(),
            input,
            detach: false,
            window: None,
        }
    }
}

/// Comes back to a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Resume {
    /// The run.
    pub run: RunId,
    /// The last event that the client has; none, to begin with the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Place>,
    /// As [`Start::window`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<u32>,
}

impl Resume {
    /// The run, from its first event on.
    pub fn new(run: RunId) -> Self {
        Self {
            run,
            after: None,
            window: None,
        }
    }
}

/// Answers what a suspended run waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The answers.
    pub answers: Vec<Answer>,
}

/// Has read all events up to one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ack {
    /// The last one.
    pub seq: Seq,
}

/// Asks for a [`Pong`](ServerMessage::Pong).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ping {
    /// What comes back with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Text>,
}

impl ClientMessage {
    /// Reads what a client said.
    ///
    /// ```
    /// use mainstem_serve::wire::ws::ClientMessage;
    ///
    /// assert_eq!(ClientMessage::parse(r#"{"type":"cancel"}"#)?, ClientMessage::Cancel);
    /// assert!(ClientMessage::parse("cancel").is_err());
    /// # Ok::<(), mainstem_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Input`], if it is no message of this protocol; the connection is closed with
    /// [`CloseCode::BAD_MESSAGE`] then.
    pub fn parse(text: &str) -> Result<Self> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Answered {
            answers: Vec<Object<Given>>,
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Nothing {}
        // In two passes: where serde reads the type and the rest in one, JSON isn't kept as it was written.
        let Tag { r#type } = read(text, "the message")?;
        match r#type.as_str() {
            "start" => rest(text, "`start`").map(Self::Start),
            "resume" => rest(text, "`resume`").map(Self::Resume),
            "input" => {
                let Answered { answers } = rest(text, "`input`")?;
                let answers = given::answers(answers).map_err(|error| bad(error.message()))?;
                Ok(Self::Input(Input { answers }))
            }
            "cancel" => rest(text, "`cancel`").map(|Nothing {}| Self::Cancel),
            "detach" => rest(text, "`detach`").map(|Nothing {}| Self::Detach),
            "ack" => rest(text, "`ack`").map(Self::Ack),
            "ping" => rest(text, "`ping`").map(Self::Ping),
            _ => Err(bad(
                "the `type` is none of `start`, `resume`, `input`, `cancel`, `detach`, `ack` and `ping`",
            )),
        }
    }
}

/// A part of a message; what is wrong with it is told in a few words, for the frame that closes a socket
/// has few.
fn read<T: DeserializeOwned>(text: &str, name: &str) -> Result<T> {
    misfit::read_object(text).map_err(|misfit| {
        if misfit.is_no_json {
            return bad("the message isn't JSON");
        }
        let (pointer, what) = (misfit.pointer, misfit.what);
        match &*pointer {
            "" => bad(format!("{name} doesn't fit: {what}")),
            place => bad(format!("{name} doesn't fit: at `{place}`, {what}")),
        }
    })
}

/// What a message of a known type says besides.
fn rest<T: DeserializeOwned>(text: &str, name: &str) -> Result<T> {
    read::<Untagged<T>>(text, name).map(|message| message.0)
}

fn bad(message: impl Into<Text>) -> Error {
    Error::new(ErrorKind::Input, message)
}

/// What a server says besides events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ServerMessage {
    /// What follows are events of this run.
    Started {
        /// The run.
        run: RunId,
        /// The agent or flow.
        name: Text,
    },
    /// The run has ended, or waits for answers; nothing follows.
    End {
        /// `finished`, `failed`, `cancelled` or `suspended`.
        outcome: Text,
        /// The place of the event that said so.
        place: Place,
    },
    /// Something can't be done; what the connection is closed with says whether it goes on.
    Error {
        /// Why.
        error: Box<ErrorInfo>,
    },
    /// The answer to a ping.
    Pong {
        /// What came with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data: Option<Text>,
    },
}

impl ServerMessage {
    /// That something can't be done.
    pub fn error(error: &Error) -> Self {
        Self::Error {
            error: Box::new(error.into()),
        }
    }

    /// How the run ended.
    pub fn end(end: &Ended) -> Self {
        Self::End {
            outcome: end.outcome.as_str().into(),
            place: end.place,
        }
    }

    /// As a message of a socket.
    pub fn to_message(&self) -> Message {
        let mut out = BytesMut::new();
        // None of these messages can't be written.
        let _ = line::put(self, &mut out);
        Message::text(out)
    }
}

/// A message as a socket sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// JSON, which is UTF-8.
    Text(Bytes),
    /// A [`BinaryMessage`].
    Binary(Bytes),
}

impl Message {
    fn text(out: BytesMut) -> Self {
        Self::Text(out.freeze())
    }

    /// An event: as its JSON, or as bytes.
    ///
    /// None, if it can't be written; the connection is closed with [`CloseCode::BROKEN`] then.
    pub fn of(event: &Event) -> Option<Self> {
        if let EventKind::Bytes(bytes) = &event.kind {
            return Some(Self::Binary(binary::encode(event, &bytes.data)));
        }
        let mut out = BytesMut::with_capacity(256);
        event::put(event, &mut out).ok()?;
        Some(Self::text(out))
    }
}

/// With which code a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// The run finished.
    pub const FINISHED: Self = Self(1000);
    /// The server shuts down; the run may be read again.
    pub const SHUTDOWN: Self = Self(1001);
    /// The run failed.
    pub const FAILED: Self = Self(4001);
    /// The run was stopped.
    pub const CANCELLED: Self = Self(4002);
    /// The run waits for answers.
    pub const SUSPENDED: Self = Self(4003);
    /// The events stopped without an end: come back with `resume`.
    pub const BROKEN: Self = Self(4004);
    /// A message of the client's isn't one of this protocol, or doesn't fit now.
    pub const BAD_MESSAGE: Self = Self(4400);
    /// There is no such agent, flow or run.
    pub const NOT_FOUND: Self = Self(4404);
    /// There are too many runs or connections.
    pub const TOO_MANY: Self = Self(4429);
}

impl From<Outcome> for CloseCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Finished => Self::FINISHED,
            Outcome::Failed => Self::FAILED,
            Outcome::Cancelled => Self::CANCELLED,
            Outcome::Suspended => Self::SUSPENDED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_written_and_read_as_documented() {
        let client = [
            r#"{"type":"start","name":"guide","input":{"q":"jays"}}"#,
            r#"{"type":"start","name":"guide","input":"jays","detach":true,"window":64}"#,
            r#"{"type":"resume","run":"run-1"}"#,
            r#"{"type":"resume","run":"run-1","after":"1-42","window":8}"#,
            r#"{"type":"input","answers":[{"id":"ok","value":true}]}"#,
            r#"{"type":"cancel"}"#,
            r#"{"type":"detach"}"#,
            r#"{"type":"ack","seq":42}"#,
            r#"{"type":"ping"}"#,
            r#"{"type":"ping","data":"7"}"#,
        ];
        for json in client {
            let message = ClientMessage::parse(json).unwrap();
            assert_eq!(serde_json::to_string(&message).unwrap(), json);
        }
        let server = [
            r#"{"type":"started","run":"run-1","name":"guide"}"#,
            r#"{"type":"end","outcome":"finished","place":"1-9"}"#,
            r#"{"type":"error","error":{"kind":"not_found","message":"no","retryable":false}}"#,
            r#"{"type":"pong"}"#,
            r#"{"type":"pong","data":"7"}"#,
        ];
        for json in server {
            let message: ServerMessage = serde_json::from_str(json).unwrap();
            assert_eq!(message.to_message(), Message::Text(json.into()));
        }
    }

    #[test]
    fn what_is_no_message_is_refused_without_a_word_of_it() {
        for (json, told) in [
            ("", "the message isn't JSON"),
            ("[]", "the message doesn't fit: expected an object"),
            ("{}", "the message doesn't fit: missing field `type`"),
            (r#"{"type":"secret"}"#, "the `type` is none of `start`,"),
            (
                r#"{"type":"start","name":"secret"}"#,
                "`start` doesn't fit: missing field `input`",
            ),
            (
                r#"{"type":"start","name":"x","input":1,"window":"secret"}"#,
                "`start` doesn't fit: at `/window`, expected a whole number",
            ),
            (
                r#"{"type":"start","name":"x","input":1,"detatch":"secret"}"#,
                "unknown field `detatch`, expected one of `name`, `input`, `detach`, `window`",
            ),
            (
                r#"{"seq":1,"type":"ack","after":"secret"}"#,
                "`ack` doesn't fit: unknown field `after`, expected `seq`",
            ),
            (
                r#"{"type":"cancel","run":"secret"}"#,
                "`cancel` doesn't fit: unknown field `run`",
            ),
            (
                r#"["cancel"]"#,
                "the message doesn't fit: expected an object",
            ),
            (
                r#"{"type":"cancel","type":"detach"}"#,
                "the message doesn't fit: duplicate field `type`",
            ),
            (
                r#"{"type":"input","answers":[["a","secret"]]}"#,
                "`input` doesn't fit: at `/answers/0`, expected an object",
            ),
            (
                r#"{"type":"input","answers":[{"id":"a","valeu":"secret"}]}"#,
                "unknown field `valeu`, expected one of `id`, `value`, `refused`",
            ),
            (
                r#"{"type":"input","answers":[{"id":"a"}]}"#,
                "the answer `a` has no `value`",
            ),
        ] {
            let error = ClientMessage::parse(json).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Input);
            let shown = error.to_string();
            assert!(shown.contains(told) && !shown.contains("secret"), "{shown}");
        }
    }

    #[test]
    fn no_kind_of_event_is_called_as_a_message_of_the_servers() {
        for name in ["started", "end", "error", "pong"] {
            assert!(!EventKind::NAMES.contains(&name));
        }
    }
}
