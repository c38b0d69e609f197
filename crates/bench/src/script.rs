//! What the server streams, told by the name of the model.

use std::{fmt, str::FromStr, time::Duration};

use anyhow::{Context, Error, Result};
use mainstem_testkit::Reply;
use serde_json::Value;

/// An answer: written `20000x4` for 20,000 chunks of 4 bytes, then `~` for frames that are padded or `^`
/// for frames that differ in more than their text, then `@20` for one each 20 ms, then `!` for a server that goes silent instead of
/// ending the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Script {
    pub(crate) chunks: u64,
    pub(crate) bytes: usize,
    pub(crate) frames: Frames,
    pub(crate) pace_ms: u64,
    pub(crate) stalls: bool,
}

/// What differs from frame to frame: a reader that remembers one may skip some of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Frames {
    /// The text alone.
    Alike,
    /// Random characters at the end, too, as OpenAI pads its frames by default.
    Padded,
    /// The time, too: nothing can be remembered.
    Differ,
}

impl Frames {
    pub(crate) const ALL: [Self; 3] = [Self::Alike, Self::Padded, Self::Differ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Alike => "frames alike",
            Self::Padded => "frames padded",
            Self::Differ => "frames differ",
        }
    }

    fn mark(self) -> &'static str {
        match self {
            Self::Alike => "",
            Self::Padded => "~",
            Self::Differ => "^",
        }
    }
}

const ID: &str = "chatcmpl-CdYp3kQ0vR7mZxW1uJ5tB8nLsAhEf";
const CREATED: u64 = 1_763_692_800;
const MODEL: &str = "gpt-5-mini-2025-08-07";

/// Bodies up to this size are made before they are sent.
const PREPARED_BYTES: u64 = 16 << 20;

impl Script {
    pub(crate) const fn new(chunks: u64, bytes: usize) -> Self {
        Self {
            chunks,
            bytes,
            frames: Frames::Alike,
            pace_ms: 0,
            stalls: false,
        }
    }

    pub(crate) const fn with(mut self, frames: Frames) -> Self {
        self.frames = frames;
        self
    }

    pub(crate) const fn paced(mut self, milliseconds: u64) -> Self {
        self.pace_ms = milliseconds;
        self
    }

    pub(crate) const fn stalling(mut self) -> Self {
        self.stalls = true;
        self
    }

    /// The answer, in frames as OpenAI sends them.
    pub(crate) fn reply(&self) -> Reply {
        let mut reply = self.steps(self.chunks);
        if self.pace_ms > 0 {
            reply = reply.every(Duration::from_millis(self.pace_ms));
        }
        if self.wire_bytes() <= PREPARED_BYTES {
            reply.prepared()
        } else {
            reply
        }
    }

    fn steps(&self, chunks: u64) -> Reply {
        let mut reply = Reply::stream()
            .id(ID)
            .created(CREATED)
            .model(MODEL)
            .extra("service_tier", "default".into())
            .extra("system_fingerprint", Value::Null)
            .role();
        let text: String = "word".chars().cycle().take(self.bytes).collect();
        let each = |frame: fn(&str, u64) -> String, reply: Reply| {
            (0..chunks).fold(reply, |reply, n| reply.data(frame(&text, n)))
        };
        reply = match self.frames {
            Frames::Alike => reply.repeat(text, chunks),
            Frames::Padded => each(|text, n| frame(text, CREATED, n), reply),
            Frames::Differ => each(|text, n| frame(text, CREATED + n, n), reply),
        };
        if self.stalls {
            reply.stall()
        } else {
            reply.finish("stop").usage(3, 7).done()
        }
    }

    /// Bytes of text.
    pub(crate) fn text_bytes(&self) -> u64 {
        self.chunks * self.bytes as u64
    }

    /// Bytes of the body.
    pub(crate) fn wire_bytes(&self) -> u64 {
        self.body_of(0)
            .saturating_add(self.chunks.saturating_mul(self.frame_bytes()))
    }

    /// Bytes of the body for each chunk of text.
    pub(crate) fn frame_bytes(&self) -> u64 {
        self.body_of(1) - self.body_of(0)
    }

    fn body_of(&self, chunks: u64) -> u64 {
        self.steps(chunks).body_bytes().len() as u64
    }
}

/// A frame of OpenAI with the padding that it adds by default.
fn frame(text: &str, created: u64, n: u64) -> String {
    // Any odd number spreads; what comes out is 8 characters that are never the same twice in a row.
    let padding = (n as u32).wrapping_mul(2_654_435_761);
    format!(
        concat!(
            r#"{{"id":"{}","object":"chat.completion.chunk","created":{},"model":"{}","#,
            r#""service_tier":"default","system_fingerprint":null,"#,
            r#""choices":[{{"index":0,"delta":{{"content":"{}"}},"finish_reason":null}}],"#,
            r#""obfuscation":"{:08x}"}}"#
        ),
        ID, created, MODEL, text, padding
    )
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.chunks, self.bytes)?;
        f.write_str(self.frames.mark())?;
        if self.pace_ms > 0 {
            write!(f, "@{}", self.pace_ms)?;
        }
        f.write_str(if self.stalls { "!" } else { "" })
    }
}

impl FromStr for Script {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let read = || {
            let (text, stalls) = match text.strip_suffix('!') {
                Some(text) => (text, true),
                None => (text, false),
            };
            let (text, pace_ms) = match text.split_once('@') {
                Some((text, pace)) => (text, pace.parse().ok()?),
                None => (text, 0),
            };
            let marked = |frames: &Frames| Some((text.strip_suffix(frames.mark())?, *frames));
            let (text, frames) = Frames::ALL.iter().rev().find_map(marked)?;
            let (chunks, bytes) = text.split_once('x')?;
            Some(Self {
                chunks: chunks.parse().ok()?,
                bytes: bytes.parse().ok()?,
                frames,
                pace_ms,
                stalls,
            })
        };
        read().with_context(|| format!("`{text}` is no script, such as `20000x4` or `100x4@20`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_name_says_all() {
        for name in ["20000x4", "100x4@20", "5x4!", "5x4~", "5x4~@1!", "5x4^!"] {
            assert_eq!(name.parse::<Script>().unwrap().to_string(), name);
        }
        assert!("20000".parse::<Script>().is_err());
        assert!("4x4@".parse::<Script>().is_err());
    }

    #[test]
    fn its_length_is_known_before_it_is_made() {
        for script in [
            Script::new(3, 4),
            Script::new(12, 700).stalling(),
            Script::new(12, 4).with(Frames::Padded),
            Script::new(12, 4).with(Frames::Differ),
        ] {
            let body = script.reply().body_bytes();
            assert_eq!(body.len() as u64, script.wire_bytes());
        }
        let frames: [serde_json::Result<Value>; 2] =
            [0, 1].map(|n| serde_json::from_str(&frame("word", CREATED, n)));
        let [first, second] = frames.map(Result::unwrap);
        assert_eq!(first["choices"], second["choices"]);
        assert_ne!(first["obfuscation"], second["obfuscation"]);
        assert!((200..280).contains(&Script::new(1, 4).frame_bytes()));
    }
}
