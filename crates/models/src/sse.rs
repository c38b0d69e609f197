//! Server-sent events, read from chunks that end anywhere.
//!
//! The format: <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>.
//! Of the fields only `data` and `event` are kept; nothing here reconnects.

use std::ops::Range;

use bytes::Bytes;
use mainstem_core::{Error, ErrorKind, Result};

/// The longest event that is read, in bytes.
const MAX_EVENT_BYTES: usize = 16 << 20;

/// Takes chunks, gives events. Each byte is looked at once.
#[derive(Debug, Default)]
pub(crate) struct SseReader {
    chunk: Bytes,
    at: usize,
    /// The beginning of a line whose end hasn't come.
    line: Vec<u8>,
    /// The event's data so far.
    data: Vec<u8>,
    has_data: bool,
    is_error: bool,
    /// Whether `data` has been given out, and goes with the next line.
    given: bool,
    /// Whether the last line ended in CR, so that an LF belongs to it.
    after_cr: bool,
    began: bool,
}

/// One event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    /// Its data lines, joined by LF.
    pub(crate) data: &'a [u8],
    /// Whether its type is `error`.
    pub(crate) is_error: bool,
}

impl SseReader {
    /// Adds the next chunk; all events of the one before must have been taken.
    pub(crate) fn push(&mut self, chunk: Bytes) {
        debug_assert!(
            self.at == self.chunk.len(),
            "a chunk is read to its end first"
        );
        self.chunk = chunk;
        self.at = 0;
    }

    /// The next event that is complete.
    pub(crate) fn next_frame(&mut self) -> Result<Option<Frame<'_>>> {
        self.forget_given();
        while self.at < self.chunk.len() {
            if self.after_cr {
                self.after_cr = false;
                if self.chunk[self.at] == b'\n' {
                    self.at += 1;
                    continue;
                }
            }
            let rest = &self.chunk[self.at..];
            let Some(end) = memchr::memchr2(b'\n', b'\r', rest) else {
                self.line.extend_from_slice(rest);
                self.at = self.chunk.len();
                self.check_size()?;
                break;
            };
            let start = self.at;
            if let Some(data) = self.whole_event(end) {
                self.at += end + 2;
                self.given = true;
                return Ok(Some(Frame {
                    data: &self.chunk[start..][data],
                    is_error: self.is_error,
                }));
            }
            self.after_cr = rest[end] == b'\r';
            self.at += end + 1;
            if self.line.is_empty() {
                let chunk = std::mem::take(&mut self.chunk);
                self.take_line(&chunk[start..start + end]);
                self.chunk = chunk;
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(&self.chunk[start..start + end]);
                self.take_line(&line);
                line.clear();
                self.line = line;
            }
            self.check_size()?;
            if self.given {
                return Ok(Some(self.frame()));
            }
        }
        // Held, it would keep the connection's whole read buffer.
        self.chunk = Bytes::new();
        self.at = 0;
        Ok(None)
    }

    /// Where the data of an event lie that is there as a whole and has one line of them, as most have:
    /// they needn't be copied. The line ends here.
    fn whole_event(&self, end: usize) -> Option<Range<usize>> {
        let rest = &self.chunk[self.at..];
        let begins = self.began && self.line.is_empty() && !self.has_data;
        if !begins || !rest[end..].starts_with(b"\n\n") {
            return None;
        }
        let data = field(&rest[..end], b"data")?;
        (data.len() <= MAX_EVENT_BYTES).then(|| end - data.len()..end)
    }

    /// What is left when the body has ended properly: an event that lacks its blank line.
    pub(crate) fn last_frame(&mut self) -> Option<Frame<'_>> {
        self.forget_given();
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.take_line(&line);
        }
        self.given = self.has_data;
        self.has_data.then(|| self.frame())
    }

    fn frame(&self) -> Frame<'_> {
        Frame {
            data: &self.data,
            is_error: self.is_error,
        }
    }

    fn forget_given(&mut self) {
        if std::mem::take(&mut self.given) {
            self.data.clear();
            self.has_data = false;
            self.is_error = false;
        }
    }

    fn take_line(&mut self, line: &[u8]) {
        let mut line = line;
        if !std::mem::replace(&mut self.began, true) {
            line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        }
        if line.is_empty() {
            // A blank line gives out what there is; without data it only ends an event's fields.
            self.given = self.has_data;
            self.is_error &= self.has_data;
        } else if let Some(value) = field(line, b"data") {
            self.add_data(value);
        } else if let Some(value) = field(line, b"event") {
            self.is_error = value == b"error";
        } else if line[0] == b'{' {
            // Some servers send an error as bare JSON. As a field it would be ignored.
            self.add_data(line);
        }
    }

    fn add_data(&mut self, value: &[u8]) {
        if self.has_data {
            self.data.push(b'\n');
        }
        self.has_data = true;
        self.data.extend_from_slice(value);
    }

    fn check_size(&self) -> Result<()> {
        if self.line.len().max(self.data.len()) <= MAX_EVENT_BYTES {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Limit,
            format!("the server sent an event of more than {MAX_EVENT_BYTES} bytes"),
        ))
    }
}

/// The value of a line, if it is of that field.
fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let rest = line.strip_prefix(name)?;
    if rest.is_empty() {
        return Some(rest);
    }
    let value = rest.strip_prefix(b":")?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a text in the given chunks; data and whether it is an error.
    fn read<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<(String, bool)> {
        let mut reader = SseReader::default();
        let mut frames = Vec::new();
        let own = |frame: Frame<'_>| {
            (
                String::from_utf8_lossy(frame.data).into_owned(),
                frame.is_error,
            )
        };
        for chunk in chunks {
            reader.push(Bytes::copy_from_slice(chunk));
            while let Some(frame) = reader.next_frame().unwrap() {
                frames.push(own(frame));
            }
        }
        frames.extend(reader.last_frame().map(own));
        frames
    }

    #[test]
    fn every_split_reads_the_same() {
        let stream = "\u{FEFF}: hello\n\ndata: one\n\ndata:two\r\n\r\nevent: error\rdata: thr\u{e9}e\r\
                      data:  3\r\rid: 7\nretry: 1\ndata\n\nevent: error\ndata: 4\n\ndata:5\n\nevent: error\n\ndata: [DONE]";
        let expected = [
            ("one", false),
            ("two", false),
            ("thr\u{e9}e\n 3", true),
            ("", false),
            ("4", true),
            ("5", false),
            ("[DONE]", false),
        ]
        .map(|(data, is_error)| (data.to_owned(), is_error));
        let bytes = stream.as_bytes();
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let chunks = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(read(chunks), expected, "split at {first} and {second}");
            }
        }
        assert_eq!(read(bytes.chunks(1)), expected);
    }

    #[test]
    fn bare_json_is_data() {
        let body = "data: a\n\n{\"error\": 1}\n";
        let expected = [
            ("a".to_owned(), false),
            ("{\"error\": 1}".to_owned(), false),
        ];
        assert_eq!(read([body.as_bytes()]), expected);
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut reader = SseReader::default();
        let chunk = Bytes::from(vec![b'x'; MAX_EVENT_BYTES]);
        reader.push(chunk.clone());
        assert!(reader.next_frame().unwrap().is_none());
        reader.push(chunk);
        assert_eq!(reader.next_frame().unwrap_err().kind(), ErrorKind::Limit);
    }
}
