//! Whatever is in an event, it is one message, and comes back as it was.

use mainstem_core::{
    Custom, Event, EventKind, Json, Notice, Place, StepPath, TextDelta, Timestamp, UnknownKind,
};
use mainstem_serve::wire::Format;
use proptest::prelude::*;

use super::log::{finished, play};

/// A message of server-sent events, read as the HTML standard says.
#[derive(Debug, Default, PartialEq)]
struct Message {
    event: String,
    id: Option<String>,
    data: Vec<String>,
}

fn messages(body: &str) -> Vec<Message> {
    let mut all = Vec::new();
    let mut message = Message::default();
    // All three kinds of line ends are one.
    let body = body.replace("\r\n", "\n").replace('\r', "\n");
    for line in body.split('\n') {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
        match field {
            "" if line.is_empty() => {
                let done = std::mem::take(&mut message);
                all.extend(Some(done).filter(|done| !done.data.is_empty()));
            }
            "event" => message.event = value,
            "id" => message.id = Some(value),
            "data" => message.data.push(value),
            "retry" => {}
            _ => panic!("{line:?}"),
        }
    }
    all
}

fn text() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "\n", "\r", "\r\n", "\n\n", "data: ", "\u{2028}", "\0", "\"", "\\", "🐦", "a", ":", "</",
        "\u{feff}",
    ]);
    prop::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat())
}

/// JSON of an application, as it was written: with line breaks between its values.
fn json() -> impl Strategy<Value = Json> {
    (
        text(),
        prop::sample::select(vec!["\n", "\r\n", " ", "\t", "\r"]),
    )
        .prop_map(|(text, space)| {
            let text = serde_json::to_string(&text).unwrap();
            Json::parse(format!(
                "{{{space}\"a\"{space}:[1.50,{space}{text}]{space}}}"
            ))
            .unwrap()
        })
}

fn kind() -> impl Strategy<Value = EventKind> {
    prop_oneof![
        text().prop_map(|text| TextDelta::new(text).into()),
        (text(), json()).prop_map(|(name, data)| Custom::new(name, data).into()),
        (text(), text()).prop_map(|(code, text)| Notice::new(code, text).into()),
        (text(), prop::option::of(json()))
            .prop_map(|(name, data)| EventKind::Unknown(UnknownKind::new(name, data))),
    ]
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = (kind(), text());
    prop::collection::vec(event, 1..5).prop_map(|all| {
        let event = |(seq, (kind, name)): (u64, (EventKind, String))| {
            let place: Place = format!("1-{seq}").parse().unwrap();
            let path = StepPath::run().child(&name);
            Event::new(place, Timestamp::from_unix_millis(7), path, kind)
        };
        let events = (1..).zip(all).map(event);
        events.chain([finished(99)]).collect()
    })
}

/// Equal but for the spaces between the values of an application's JSON.
fn value(event: &Event) -> serde_json::Value {
    serde_json::to_value(event).unwrap()
}

fn body(format: Format, events: &[Event]) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let events = events.iter().cloned().map(Ok).collect();
    let (body, is_whole) = runtime.block_on(play(format, events, None));
    assert!(is_whole);
    String::from_utf8(body).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_event_is_one_message(events in events()) {
        let seen = messages(&body(Format::Sse, &events));
        prop_assert_eq!(seen.len(), events.len() + 1);
        for (message, event) in seen.iter().zip(&events) {
            prop_assert_eq!(message.data.len(), 1);
            prop_assert_eq!(message.id.as_deref().unwrap(), event.place().to_string());
            let data: serde_json::Value = serde_json::from_str(&message.data[0]).unwrap();
            prop_assert_eq!(data, value(event));
        }
        prop_assert_eq!(&seen.last().unwrap().event, "end");
        prop_assert_eq!(messages(&body(Format::Envelope, &events)).len(), events.len());
    }

    #[test]
    fn each_event_is_one_line(events in events()) {
        let body = body(Format::Ndjson, &events);
        prop_assert!(body.ends_with('\n'));
        let lines: Vec<_> = body.split_terminator(['\n', '\r']).collect();
        prop_assert_eq!(lines.len(), events.len());
        for (line, event) in lines.iter().zip(&events) {
            let read: Event = serde_json::from_str(line).unwrap();
            prop_assert_eq!(value(&read), value(event));
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            prop_assert_eq!(line["place"].as_str().unwrap(), event.place().to_string());
        }
    }

    #[test]
    fn an_array_is_json(events in events()) {
        let items: Vec<serde_json::Value> = serde_json::from_str(&body(Format::Json, &events)).unwrap();
        let expected = events.iter().filter(|event| match &event.kind {
            EventKind::TextDelta(delta) => !delta.text.is_empty(),
            kind => matches!(kind, EventKind::Custom(_)),
        });
        prop_assert_eq!(items.len(), expected.count());
    }
}
