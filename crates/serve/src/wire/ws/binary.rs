use bytes::{Buf, BufMut, Bytes, BytesMut};
use mainstem_core::{Epoch, Event, Place, Seq, StepPath};

/// Bytes of a run, as one binary message.
///
/// All numbers have their highest byte first.
///
/// | length | what |
/// |---|---|
/// | 8 | the event's `epoch` |
/// | 8 | its `seq` |
/// | 2 | the length of its path |
/// | | its path, in UTF-8 |
/// | all that is left | the bytes |
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BinaryMessage {
    /// The event's place.
    pub place: Place,
    /// The step that it comes from.
    pub path: StepPath,
    /// The bytes.
    pub data: Bytes,
}

impl BinaryMessage {
    /// Takes a message apart; none, if it is none of these.
    pub fn parse(mut message: Bytes) -> Option<Self> {
        let epoch = Epoch(message.try_get_u64().ok()?);
        let seq = Seq(message.try_get_u64().ok()?);
        let length = usize::from(message.try_get_u16().ok()?);
        if message.len() < length {
            return None;
        }
        let path = message.split_to(length);
        let path = std::str::from_utf8(&path).ok()?;
        let path = serde_json::from_value(path.into()).ok()?;
        Some(Self {
            place: Place::new(epoch, seq),
            path,
            data: message,
        })
    }
}

/// The message of an event.
pub(super) fn encode(event: &Event, data: &[u8]) -> Bytes {
    let path = event.path.as_str();
    // A path that long stands in no log: it is left out rather than cut.
    let (length, path) = match u16::try_from(path.len()) {
        Ok(length) => (length, path),
        Err(_) => (0, ""),
    };
    let mut out = BytesMut::with_capacity(18 + path.len() + data.len());
    out.put_u64(event.epoch.0);
    out.put_u64(event.seq.0);
    out.put_u16(length);
    out.put_slice(path.as_bytes());
    out.put_slice(data);
    out.freeze()
}

#[cfg(test)]
mod tests {
    use mainstem_core::Timestamp;

    use super::*;

    #[test]
    fn bytes_come_back_with_their_place() {
        let place = Place::new(Epoch(2), Seq(42));
        let path = StepPath::run().child("draw").index(3);
        let data = Bytes::from_static(&[0, 255, 10]);
        let kind = mainstem_core::Bytes::new(data.clone()).into();
        let event = Event::new(place, Timestamp::now(), path.clone(), kind);
        let message = encode(&event, &data);
        assert_eq!(
            message[..18],
            [0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 42, 0, 7]
        );
        let read = BinaryMessage::parse(message.clone()).unwrap();
        assert_eq!((read.place, read.path, read.data), (place, path, data));
        for cut in [0, 7, 17, 20] {
            assert_eq!(BinaryMessage::parse(message.slice(..cut)), None);
        }
    }
}
