use std::fmt::Write as _;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::delivery::Framing;
use crate::script::{Part, Pause, Stop};

/// What the connection does next.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    /// Writes bytes, of which `body` belong to the body and the rest to its framing.
    Write {
        wire: Bytes,
        body: u64,
    },
    Pause(Pause),
    /// The last op.
    Stop(Stop),
}

/// Bytes that may be written together are gathered up to this size.
const BLOCK: usize = 64 * 1024;

/// Turns parts into writes, by the framing of the body.
#[derive(Debug)]
pub(crate) struct Ops<I> {
    parts: I,
    framing: Framing,
    /// Gathers everything between two pauses, not only what says so.
    gather: bool,
    buffer: BytesMut,
    body: u64,
    held: Option<Op>,
}

impl<I: Iterator<Item = Part>> Ops<I> {
    pub(crate) fn new(parts: I, framing: Framing) -> Self {
        Self {
            parts,
            framing,
            gather: false,
            buffer: BytesMut::new(),
            body: 0,
            held: None,
        }
    }

    /// Makes all ops now, with writes as large as possible.
    pub(crate) fn prepared(mut self) -> Arc<[Op]> {
        self.gather = true;
        self.collect()
    }

    fn encode(&mut self, data: &[u8]) {
        self.body += data.len() as u64;
        if self.framing != Framing::Chunked {
            self.buffer.extend_from_slice(data);
            return;
        }
        self.buffer.reserve(data.len() + 20);
        // Writing to a growing buffer can't fail.
        let _ = write!(self.buffer, "{:x}\r\n", data.len());
        self.buffer.extend_from_slice(data);
        self.buffer.extend_from_slice(b"\r\n");
    }

    fn write(&mut self) -> Op {
        let wire = self.buffer.split().freeze();
        let body = std::mem::take(&mut self.body);
        Op::Write { wire, body }
    }

    /// Returns the op, after what was gathered before it.
    fn after_the_buffer(&mut self, op: Op) -> Op {
        if self.buffer.is_empty() {
            return op;
        }
        self.held = Some(op);
        self.write()
    }
}

impl<I: Iterator<Item = Part>> Iterator for Ops<I> {
    type Item = Op;

    fn next(&mut self) -> Option<Op> {
        if let Some(op) = self.held.take() {
            return Some(op);
        }
        loop {
            match self.parts.next()? {
                Part::Bytes { data, batch } => {
                    self.encode(&data);
                    if self.buffer.len() >= BLOCK || !(batch || self.gather) {
                        return Some(self.write());
                    }
                }
                Part::Pause(pause) => return Some(self.after_the_buffer(Op::Pause(pause))),
                Part::Stop(how) => {
                    if how == Stop::End && self.framing == Framing::Chunked {
                        self.buffer.extend_from_slice(b"0\r\n\r\n");
                    }
                    return Some(self.after_the_buffer(Op::Stop(how)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writes(ops: impl Iterator<Item = Op>) -> Vec<(String, u64)> {
        ops.filter_map(|op| match op {
            Op::Write { wire, body } => Some((String::from_utf8(wire.to_vec()).unwrap(), body)),
            Op::Pause(_) | Op::Stop(_) => None,
        })
        .collect()
    }

    fn parts(batch: bool) -> impl Iterator<Item = Part> {
        let bytes = move |text: &'static str| Part::Bytes {
            data: text.into(),
            batch,
        };
        [
            bytes("abc"),
            bytes("0123456789abcdef"),
            Part::Stop(Stop::End),
        ]
        .into_iter()
    }

    #[test]
    fn each_frame_is_a_chunk_and_a_write_of_its_own() {
        let ops = Ops::new(parts(false), Framing::Chunked);
        let expected = [
            ("3\r\nabc\r\n", 3),
            ("10\r\n0123456789abcdef\r\n", 16),
            ("0\r\n\r\n", 0),
        ];
        assert_eq!(
            writes(ops),
            expected.map(|(text, body)| (text.to_owned(), body))
        );
    }

    #[test]
    fn a_batch_keeps_its_chunks_and_shares_a_write() {
        let expected = [(
            "3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n".to_owned(),
            19,
        )];
        assert_eq!(writes(Ops::new(parts(true), Framing::Chunked)), expected);
        let prepared = Ops::new(parts(false), Framing::Chunked).prepared();
        assert_eq!(writes(prepared.iter().cloned()), expected);
    }
}
