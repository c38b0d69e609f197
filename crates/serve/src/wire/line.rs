//! JSON on one line.

use std::io;

use bytes::BytesMut;
use mainstem_core::Place;
use serde::Serialize;

use super::Cut;

/// What serializers write to: memory takes all at once.
pub(super) struct Out<'a>(pub(super) &'a mut BytesMut);

impl io::Write for Out<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(data);
        Ok(data.len())
    }

    fn write_all(&mut self, data: &[u8]) -> io::Result<()> {
        self.0.extend_from_slice(data);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a value as JSON without a line break in it.
///
/// An application's JSON is kept as it was written, and may have line breaks between its values; within
/// its strings they are escaped.
pub(super) fn put<T: Serialize + ?Sized>(value: &T, out: &mut BytesMut) -> Result<(), Cut> {
    let begin = out.len();
    if serde_json::to_writer(Out(out), value).is_err() {
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

/// Writes a place as it is shown, `1-42`.
pub(super) fn put_place(place: Place, out: &mut BytesMut) {
    put_number(place.epoch.0, out);
    out.extend_from_slice(b"-");
    put_number(place.seq.0, out);
}

/// Writes a number; as JSON does, which is faster than what shows any value.
pub(super) fn put_number(number: u64, out: &mut BytesMut) {
    // Writing to memory doesn't fail.
    let _ = serde_json::to_writer(Out(out), &number);
}
