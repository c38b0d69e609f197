//! JSON on one line.

use bytes::{BufMut, BytesMut};
use serde::Serialize;

use super::Cut;

/// Writes a value as JSON without a line break in it.
///
/// An application's JSON is kept as it was written, and may have line breaks between its values; within
/// its strings they are escaped.
pub(super) fn put<T: Serialize + ?Sized>(value: &T, out: &mut BytesMut) -> Result<(), Cut> {
    let begin = out.len();
    if serde_json::to_writer(out.writer(), value).is_err() {
        out.truncate(begin);
        return Err(Cut);
    }
    let mut rest = &mut out[begin..];
    while let Some(at) = memchr::memchr2(b'\n', b'\r', rest) {
        rest[at] = b' ';
        rest = &mut rest[at + 1..];
    }
    Ok(())
}

/// Writes what can be shown, such as a place.
pub(super) fn show(value: impl std::fmt::Display, out: &mut BytesMut) {
    use std::fmt::Write as _;
    // Writing to memory doesn't fail.
    let _ = write!(out, "{value}");
}
