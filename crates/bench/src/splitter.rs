//! What an application would write by hand: lines out of a buffer, and a borrowed delta.

use std::borrow::Cow;

use anyhow::Result;
use memchr::memchr;
use reqwest::Response;
use serde::Deserialize;

use crate::{
    errand::Kind,
    open::Request,
    reader::{Pieces, Reader},
    script::Script,
};

#[derive(Clone)]
pub(crate) struct Splitter(Request);

pub(crate) struct SplitterPieces {
    response: Response,
    buffer: Vec<u8>,
    at: usize,
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    choices: Vec<Choice<'a>>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    delta: Delta<'a>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    content: Option<Cow<'a, str>>,
}

impl Reader for Splitter {
    type Pieces = SplitterPieces;

    const KIND: Kind = Kind::Splitter;

    fn new(url: &str, script: Script) -> Result<Self> {
        Ok(Self(Request::new(url, script)?))
    }

    async fn open(&self) -> Result<SplitterPieces> {
        Ok(SplitterPieces {
            response: self.0.send().await?,
            buffer: Vec::new(),
            at: 0,
        })
    }
}

impl Pieces for SplitterPieces {
    async fn next(&mut self) -> Result<Option<u64>> {
        loop {
            while let Some(end) = memchr(b'\n', &self.buffer[self.at..]) {
                let line = &self.buffer[self.at..self.at + end];
                self.at += end + 1;
                let bytes = text_bytes(line)?;
                if bytes > 0 {
                    return Ok(Some(bytes));
                }
            }
            self.buffer.drain(..self.at);
            self.at = 0;
            match self.response.chunk().await? {
                Some(chunk) => self.buffer.extend_from_slice(&chunk),
                None => return Ok(None),
            }
        }
    }
}

fn text_bytes(line: &[u8]) -> Result<u64> {
    let Some(data) = line.strip_prefix(b"data: ") else {
        return Ok(0);
    };
    if data == b"[DONE]" {
        return Ok(0);
    }
    let chunk: Chunk<'_> = serde_json::from_slice(data)?;
    let delta = chunk.choices.first().map(|choice| &choice.delta);
    let content = delta.and_then(|delta| delta.content.as_deref());
    Ok(content.map_or(0, str::len) as u64)
}
