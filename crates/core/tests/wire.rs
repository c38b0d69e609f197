//! Whatever is written as JSON is read back as it was.
#![allow(clippy::unwrap_used, clippy::panic)]

use mainstem_core::{
    Bytes, CancelledBy, ContextDelta, Custom, Epoch, Evaluated, Event, EventKind, FinishReason,
    Json, JsonDelta, Merge, Message, Notice, Part, Partial, Place, ReasoningDelta, Retracted,
    RunCancelled, Seq, StepFinished, StepPath, TextDelta, Timestamp, ToolCallDelta, ToolCallPart,
    ToolResult, TurnFinished, UnknownKind, Usage, ValueDelta,
};
use proptest::prelude::*;

/// Any text at all, with plenty of what JSON must escape.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[\"\\\\\u{0}-\u{1f}\u{7f}\u{2028}\u{d7ff}\u{10ffff}a{}:,]*",
    ]
}

fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|b| b.to_string()),
        any::<i64>().prop_map(|n| n.to_string()),
        Just("1.50".to_owned()),
        Just("-0.0e+1".to_owned()),
        text().prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    let json = leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|items| format!("[ {} ]", items.join(" ,"))),
            // The same key may stand twice: it stays as it came.
            prop::collection::vec(inner, 0..4).prop_map(|items| {
                let fields: Vec<_> = items.iter().map(|item| format!("\"z\": {item}")).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    });
    json.prop_map(|text| Json::parse(text).unwrap())
}

fn delta_of(value: Json) -> ContextDelta {
    let mut delta = ContextDelta::default();
    let value = ValueDelta::new(Merge::Append, value);
    delta.values.insert("value".into(), value);
    delta
}

fn usage() -> impl Strategy<Value = Usage> {
    any::<([u64; 5], bool)>().prop_map(|(counts, estimated)| {
        let mut usage = Usage::new(counts[0], counts[1]);
        usage.requests = counts[2];
        usage.cached_input_tokens = counts[3];
        usage.reasoning_tokens = counts[4];
        usage.estimated = estimated;
        usage
    })
}

fn place() -> impl Strategy<Value = Place> {
    any::<(u64, u64)>().prop_map(|(epoch, seq)| Place::new(Epoch(epoch), Seq(seq)))
}

fn path() -> impl Strategy<Value = StepPath> {
    let segment = (text(), prop::option::of(any::<u32>()), 1u32..5);
    prop::collection::vec(segment, 0..4).prop_map(|segments| {
        let mut path = StepPath::run();
        for (name, index, attempt) in segments {
            path = path.child(&name);
            if let Some(index) = index {
                path = path.index(index);
            }
            path = path.attempt(attempt);
        }
        path
    })
}

/// A name that no kind has.
fn unknown() -> impl Strategy<Value = EventKind> {
    let name = text().prop_filter("known", |name| !EventKind::NAMES.contains(&name.as_str()));
    (name, prop::option::of(json()))
        .prop_map(|(name, data)| EventKind::Unknown(UnknownKind::new(name, data)))
}

fn known() -> impl Strategy<Value = EventKind> {
    prop_oneof![
        text().prop_map(|text| TextDelta::new(text).into()),
        text().prop_map(|text| JsonDelta::new(text).into()),
        text().prop_map(|text| ReasoningDelta::new(text).into()),
        any::<Vec<u8>>().prop_map(|bytes| Bytes::new(bytes.into()).into()),
        (text(), text()).prop_map(|(id, text)| ToolCallDelta::new(id, text).into()),
        (text(), prop::option::of(json())).prop_map(|(id, output)| {
            let mut result = ToolResult::new(id, "tool");
            result.output = output;
            result.into()
        }),
        (text(), text()).prop_map(|(code, message)| Notice::new(code, message).into()),
        (text(), json()).prop_map(|(name, data)| Custom::new(name, data).into()),
        (text(), usage()).prop_map(|(word, usage)| {
            TurnFinished::new(FinishReason::from(word.as_str()), usage).into()
        }),
        (place(), text()).prop_map(|(since, reason)| Retracted::new(since, reason).into()),
        (json(), usage(), prop::option::of(json())).prop_map(|(output, usage, value)| {
            let mut finished = StepFinished::new(output, usage);
            finished.context_delta = value.map(|value| Box::new(delta_of(value)));
            finished.into()
        }),
        (text(), text(), usage()).prop_map(|(by, partial, usage)| {
            let mut cancelled = RunCancelled::new(CancelledBy::from(by.as_str()));
            cancelled.partial = Some(Box::new(Partial::new(partial, usage, None)));
            cancelled.into()
        }),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let kind = prop_oneof![3 => known(), 1 => unknown()];
    (place(), any::<u64>(), path(), kind).prop_map(|(place, at, path, kind)| {
        Event::new(place, Timestamp::from_unix_millis(at), path, kind)
    })
}

proptest! {
    #[test]
    fn an_event_is_read_as_it_was_written(event in event()) {
        let written = serde_json::to_string(&event).unwrap();
        prop_assert!(!written.contains('\n'), "an event is a line");
        let read: Event = serde_json::from_str(&written).unwrap();
        prop_assert_eq!(&read, &event);
        prop_assert_eq!(serde_json::to_string(&read).unwrap(), written);
    }

    #[test]
    fn a_log_of_lines_is_read_as_it_was_written(events in prop::collection::vec(event(), 0..6)) {
        let log: String = events
            .iter()
            .map(|event| serde_json::to_string(event).unwrap() + "\n")
            .collect();
        let read: Vec<Event> = serde_json::Deserializer::from_str(&log)
            .into_iter()
            .map(Result::unwrap)
            .collect();
        prop_assert_eq!(read, events);
    }

    #[test]
    fn a_message_is_read_as_it_was_written(text in text(), data in prop::option::of(json())) {
        let mut call = ToolCallPart::new("id", "tool", text.clone());
        call.provider_data = data;
        let message = Message::new(
            mainstem_core::Role::Assistant,
            [Part::text(text), Part::ToolCall(call)],
        );
        let written = serde_json::to_string(&message).unwrap();
        let read: Message = serde_json::from_str(&written).unwrap();
        prop_assert_eq!(&read, &message);
        prop_assert_eq!(serde_json::to_string(&read).unwrap(), written);
    }

    #[test]
    fn a_place_is_read_as_it_was_written(place in place()) {
        let written = place.to_string();
        prop_assert_eq!(written.parse::<Place>().unwrap(), place);
        let json = serde_json::to_string(&place).unwrap();
        prop_assert_eq!(&json, &format!("\"{written}\""));
        prop_assert_eq!(serde_json::from_str::<Place>(&json).unwrap(), place);
    }

    #[test]
    fn places_are_ordered_by_their_number(a in place(), b in place()) {
        if a.seq != b.seq {
            prop_assert_eq!(a < b, a.seq < b.seq);
        }
        prop_assert_eq!(a == b, a.cmp(&b).is_eq());
    }

    #[test]
    fn what_is_read_as_a_place_is_written_as_one(text in "[0-9+-]{0,6}") {
        if let Ok(place) = text.parse::<Place>() {
            prop_assert_eq!(place.to_string(), text);
        }
    }

    #[test]
    fn a_path_is_read_as_it_was_written(path in path()) {
        let json = serde_json::to_string(&path).unwrap();
        let read: StepPath = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(&read, &path);
        prop_assert_eq!(read.to_string(), path.as_str());
    }

    #[test]
    fn a_path_is_within_its_parents_and_they_are_not_within_it(path in path(), name in text()) {
        let inner = path.child(&name);
        prop_assert_eq!(inner.parent(), Some(path.clone()));
        prop_assert_eq!(inner.depth(), path.depth() + 1);
        prop_assert!(inner.is_within(&path) && inner.is_within(&inner));
        prop_assert!(!path.is_within(&inner));
        let last = inner.last().unwrap();
        prop_assert_eq!(last.name(), name.as_str());
    }
}

#[test]
fn a_score_is_always_a_number_that_can_be_read() {
    for (score, kept) in [
        (f64::NAN, 0.0),
        (f64::NEG_INFINITY, 0.0),
        (f64::INFINITY, 100.0),
        (-1.0, 0.0),
        (100.5, 100.0),
        (12.5, 12.5),
    ] {
        assert_eq!(Evaluated::new(score, true).score, kept);
        let mut by_field = Evaluated::new(1.0, true);
        by_field.score = score;
        let place = Place::default();
        let event = Event::new(
            place,
            Timestamp::default(),
            StepPath::run(),
            by_field.into(),
        );
        let written = serde_json::to_string(&event).unwrap();
        let read: Event = serde_json::from_str(&written).unwrap();
        assert_eq!(read.kind, Evaluated::new(kept, true).into(), "{written}");
    }
}

#[test]
fn a_text_that_is_no_place_is_refused() {
    for text in [
        "",
        "-",
        "1",
        "1-",
        "-1",
        "a-1",
        "1-2-3",
        " 1-2",
        "1- 2",
        "1-99999999999999999999",
    ] {
        assert!(text.parse::<Place>().is_err(), "{text}");
    }
}
