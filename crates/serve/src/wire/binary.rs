use bytes::BytesMut;
use mainstem_core::{AppendOnly, Appended, Event};

use super::{Cut, Ended, Wire};

/// The bytes of the run and nothing else: its [`Bytes`](mainstem_core::Bytes) events, joined.
///
/// There is no word for anything but bytes in it: a run that doesn't finish, and bytes that are void, cut
/// the connection.
#[derive(Debug, Default)]
pub struct Binary {
    given: AppendOnly,
}

impl Binary {
    /// The wire of a reader that has read nothing.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Wire for Binary {
    fn fold(&mut self, event: &Event, out: &mut BytesMut) -> Result<(), Cut> {
        match self.given.bytes(event) {
            Appended::Piece(bytes) => out.extend_from_slice(bytes),
            Appended::Nothing => {}
            Appended::Void => return Err(Cut),
        }
        Ok(())
    }

    fn close(&mut self, end: &Ended, _out: &mut BytesMut) -> Result<(), Cut> {
        end.outcome.or_cut()
    }
}

/// How many bytes are enough to recognize what they are.
pub(crate) const HEAD: usize = 16;

/// The content type of bytes that begin so; `application/octet-stream`, unless they are known.
///
/// Text isn't recognized: a browser would run what a model wrote as a page.
pub(crate) fn content_type(head: &[u8]) -> &'static str {
    use infer::MatcherType;
    match infer::get(head) {
        Some(kind) if kind.matcher_type() != MatcherType::Text => kind.mime_type(),
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {

    #[test]
    fn what_bytes_are_is_seen_by_their_beginning() {
        for (head, content_type) in [
            (&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], "image/png"),
            (b"RIFF\x24\0\0\0WAVEfmt ", "audio/x-wav"),
            (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1", "application/pdf"),
            (b"<!DOCTYPE html><", "application/octet-stream"),
            (b"Jays are corvids", "application/octet-stream"),
            (b"", "application/octet-stream"),
        ] {
            assert_eq!(super::content_type(head), content_type);
        }
    }
}
