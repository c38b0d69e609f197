//! What the server streams, told by the name of the model.

use std::{fmt, str::FromStr, time::Duration};

use anyhow::{Context, Error, Result};
use mainstem_testkit::Reply;
use serde_json::Value;

/// An answer: written `20000x4` for 20,000 chunks of 4 bytes, then `@20` for one each 20 ms, then
/// `!` for a server that goes silent instead of ending the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Script {
    pub(crate) chunks: u64,
    pub(crate) bytes: usize,
    pub(crate) pace_ms: u64,
    pub(crate) stalls: bool,
}

/// Bodies up to this size are made before they are sent.
const PREPARED_BYTES: u64 = 16 << 20;

impl Script {
    pub(crate) const fn new(chunks: u64, bytes: usize) -> Self {
        Self {
            chunks,
            bytes,
            pace_ms: 0,
            stalls: false,
        }
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
        let text: String = "word".chars().cycle().take(self.bytes).collect();
        let reply = Reply::stream()
            .id("chatcmpl-CdYp3kQ0vR7mZxW1uJ5tB8nLsAhEf")
            .created(1_763_692_800)
            .model("gpt-5-mini-2025-08-07")
            .extra("service_tier", "default".into())
            .extra("system_fingerprint", Value::Null)
            .role()
            .repeat(text, chunks);
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

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.chunks, self.bytes)?;
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
            let (chunks, bytes) = text.split_once('x')?;
            Some(Self {
                chunks: chunks.parse().ok()?,
                bytes: bytes.parse().ok()?,
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
        for name in ["20000x4", "100x4@20", "5x4!", "5x4@1!"] {
            assert_eq!(name.parse::<Script>().unwrap().to_string(), name);
        }
        assert!("20000".parse::<Script>().is_err());
        assert!("4x4@".parse::<Script>().is_err());
    }

    #[test]
    fn its_length_is_known_before_it_is_made() {
        for script in [Script::new(3, 4), Script::new(12, 700).stalling()] {
            let body = script.reply().body_bytes();
            assert_eq!(body.len() as u64, script.wire_bytes());
        }
        assert!((200..280).contains(&Script::new(1, 4).frame_bytes()));
    }
}
