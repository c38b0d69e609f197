//! An event's JSON.

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeStruct};
use serde_json::value::RawValue;

use super::{Event, EventKind};
use crate::{Epoch, Seq, StepPath, Text, Timestamp};

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut event = serializer.serialize_struct("Event", 6)?;
        event.serialize_field("seq", &self.seq)?;
        event.serialize_field("epoch", &self.epoch)?;
        event.serialize_field("at", &self.at)?;
        event.serialize_field("path", &self.path)?;
        event.serialize_field("type", self.kind.name())?;
        self.kind.serialize_data(&mut event)?;
        event.end()
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Wire {
            seq: Seq,
            #[serde(default)]
            epoch: Epoch,
            #[serde(default)]
            at: Timestamp,
            #[serde(default)]
            path: StepPath,
            r#type: Text,
            #[serde(default, deserialize_with = "present")]
            data: Option<Box<RawValue>>,
        }
        let wire = Wire::deserialize(deserializer)?;
        Ok(Self {
            seq: wire.seq,
            epoch: wire.epoch,
            at: wire.at,
            path: wire.path,
            kind: EventKind::read(&wire.r#type, wire.data).map_err(serde::de::Error::custom)?,
        })
    }
}

/// Data that is there, `null` too: it is kept as it came.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_kind_survives() {
        for json in [
            r#"{"seq":1,"epoch":2,"at":3,"path":"a/b","type":"from_tomorrow","data":{"z":1, "a":[ 2 ]}}"#,
            r#"{"seq":1,"epoch":2,"at":3,"path":"","type":"bare"}"#,
            r#"{"seq":1,"epoch":2,"at":3,"path":"","type":"nothing","data":null}"#,
        ] {
            let event: Event = serde_json::from_str(json).unwrap();
            assert!(matches!(event.kind, EventKind::Unknown(_)));
            assert_eq!(serde_json::to_string(&event).unwrap(), json);
        }
    }

    #[test]
    fn a_known_kind_with_wrong_data_is_an_error() {
        let json = r#"{"seq":1,"type":"text_delta","data":{"text":3}}"#;
        assert!(serde_json::from_str::<Event>(json).is_err());
    }

    #[test]
    fn new_fields_of_known_kinds_are_ignored() {
        let json = r#"{"seq":1,"type":"text_delta","data":{"text":"a","lang":"en"},"more":1}"#;
        let event: Event = serde_json::from_str(json).unwrap();
        assert_eq!(event.text().unwrap(), "a");
    }
}
