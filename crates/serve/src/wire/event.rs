//! An event as JSON on one line, as readers see it.

use bytes::{BufMut, BytesMut};
use mainstem_core::Event;

use super::{Cut, line, shown};

/// Writes an event: what serde makes of it, without what isn't for readers.
///
/// The names of the fields that every event has are written as they are. For a short piece of text
/// that is half of the work: a serializer looks at each byte of them.
pub(super) fn put(event: &Event, out: &mut BytesMut) -> Result<(), Cut> {
    let event = shown::of(event);
    let begin = out.len();
    out.put_slice(br#"{"seq":"#);
    line::put_number(event.seq.0, out);
    out.put_slice(br#","epoch":"#);
    line::put_number(event.epoch.0, out);
    out.put_slice(br#","at":"#);
    line::put_number(event.at.as_unix_millis(), out);
    out.put_slice(br#","path":"#);
    let path = line::put(&event.path, out);
    let opening = out.len();
    let written = path.and_then(|()| line::put(&event.kind, out));
    match out.get_mut(opening) {
        // The brace that opens the kind becomes the comma after the path.
        Some(brace) if written.is_ok() => *brace = b',',
        _ => out.truncate(begin),
    }
    written
}

#[cfg(test)]
mod tests {
    use mainstem_core::{
        Bytes, Epoch, EventKind, Json, Place, RunFinished, Seq, StepPath, TextDelta, Timestamp,
        Usage,
    };

    use super::*;

    #[test]
    fn it_is_what_serde_makes_of_it() {
        let unknown = r#"{"seq":1,"type":"say \"hi\"","data":[1]}"#;
        let unknown: Event = serde_json::from_str(unknown).unwrap();
        let bare: Event = serde_json::from_str(r#"{"seq":1,"type":"bare"}"#).unwrap();
        let kinds: [EventKind; 5] = [
            TextDelta::new("a \"jay\"\n").into(),
            Bytes::new("jay".into()).into(),
            RunFinished::new(Json::null(), Usage::default()).into(),
            unknown.kind,
            bare.kind,
        ];
        for kind in kinds {
            let place = Place::new(Epoch(7), Seq(12_345));
            let at = Timestamp::from_unix_millis(1_763_692_800_123);
            let path = StepPath::run().child("a \"b\"").index(3);
            let event = Event::new(place, at, path, kind);
            let mut out = BytesMut::from("data: ");
            put(&event, &mut out).unwrap();
            let wanted = format!("data: {}", serde_json::to_string(&event).unwrap());
            assert_eq!(std::str::from_utf8(&out).unwrap(), wanted);
        }
    }
}
