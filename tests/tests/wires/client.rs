//! Clients, one a format: as much of one as is needed to say what a user would have.

use ciborium::Value as Cbor;
use mainstem::{Place, models::reqwest::Response};
use mainstem_serve::wire::Format;
use serde_json::Value;

/// What a client has at the end.
pub(crate) struct Seen {
    /// What it shows.
    shows: String,
    /// The last word of the response, if its format has any.
    last: Option<String>,
    /// Whether the response ended properly.
    is_whole: bool,
}

impl Seen {
    /// As a cell of a table.
    pub(crate) fn cell(&self) -> String {
        let words = [Some(self.shows.as_str()), self.last.as_deref()];
        let cut = (!self.is_whole).then_some("✗");
        let words: Vec<_> = words
            .into_iter()
            .chain([cut])
            .flatten()
            .filter(|word| !word.is_empty())
            .collect();
        words.join(" ")
    }
}

/// Reads a response to its end, or until it is cut.
pub(crate) async fn read(format: Format, mut response: Response) -> Seen {
    let mut body = Vec::new();
    let is_whole = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break true,
            Err(_) => break false,
        }
    };
    let (shows, last) = match format {
        Format::Text => (text(&body).to_owned(), None),
        Format::Binary => (format!("{} bytes", body.len()), None),
        Format::Json => (items(text(&body), is_whole), None),
        Format::Chunks => chunks(text(&body)),
        Format::Sse => sse(text(&body)),
        Format::Ndjson => ndjson(text(&body)),
        Format::Frames => frames(&body),
        Format::Envelope => envelope(text(&body)),
        _ => panic!("there is no client for {format}"),
    };
    Seen {
        shows,
        last,
        is_whole,
    }
}

fn text(body: &[u8]) -> &str {
    std::str::from_utf8(body).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The items of an array; of one that was cut, those that are complete.
fn items(body: &str, is_whole: bool) -> String {
    let whole = match is_whole {
        true => body.to_owned(),
        false => format!("{}]", body.trim_end()),
    };
    let items = json(&whole);
    items
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item.as_str().unwrap())
        .collect()
}

/// The `data` of server-sent events, with their `event` and `id`.
fn messages(body: &str) -> Vec<(Option<&str>, Option<Place>, Value)> {
    let blocks = body
        .split("\n\n")
        .filter(|block| !block.is_empty() && !block.starts_with(':'));
    let message = |block: &str| {
        let mut name = None;
        let mut id = None;
        let mut data = None;
        for line in block.lines() {
            let (field, value) = line.split_once(": ").unwrap();
            match field {
                "event" => name = Some(value.to_owned()),
                "id" => id = Some(value.parse().unwrap()),
                "data" => data = Some(json(value)),
                "retry" => {}
                _ => panic!("{line}"),
            }
        }
        (name, id, data.unwrap())
    };
    let messages = blocks.map(message);
    messages
        .map(|(name, id, data)| (name.map(|name| &*name.leak()), id, data))
        .collect()
}

/// Pieces of text that can be taken back.
#[derive(Default)]
struct Pieces(Vec<(Place, String)>);

impl Pieces {
    fn take(&mut self, place: Place, kind: &str, data: &Value) {
        match kind {
            "text_delta" => self
                .0
                .push((place, data["text"].as_str().unwrap().to_owned())),
            "retracted" => self.void(data),
            _ => {}
        }
    }

    fn void(&mut self, data: &Value) {
        let since: Place = data["since"].as_str().unwrap().parse().unwrap();
        self.0.retain(|(place, _)| *place < since);
    }

    fn join(&self) -> String {
        self.0.iter().map(|(_, text)| &**text).collect()
    }
}

type Shown = (String, Option<String>);

fn sse(body: &str) -> Shown {
    let mut pieces = Pieces::default();
    let mut last = None;
    for (name, id, data) in messages(body) {
        let name = name.unwrap();
        last = Some(match name {
            "end" => data["outcome"].as_str().unwrap().to_owned(),
            name => name.to_owned(),
        });
        if let Some(place) = id.filter(|_| name != "end") {
            assert_eq!(data["type"], name);
            pieces.take(place, name, &data["data"]);
        }
    }
    (pieces.join(), last)
}

fn ndjson(body: &str) -> Shown {
    let mut pieces = Pieces::default();
    let mut last = None;
    for line in body.lines() {
        let event = json(line);
        let kind = event["type"].as_str().unwrap();
        if let Some(place) = event["place"].as_str() {
            pieces.take(place.parse().unwrap(), kind, &event["data"]);
        }
        last = Some(kind.to_owned());
    }
    (pieces.join(), last)
}

fn envelope(body: &str) -> Shown {
    let mut pieces = Pieces::default();
    let mut last = None;
    for (_, id, data) in messages(body) {
        let event = data["event"].as_str().unwrap();
        match (event, id, data["delta"].as_str()) {
            ("chunk", Some(place), Some(delta)) => pieces.0.push((place, delta.to_owned())),
            ("retracted", ..) => pieces.void(&data["data"]),
            _ => {}
        }
        last = Some(event.to_owned());
    }
    (pieces.join(), last)
}

fn chunks(body: &str) -> Shown {
    let mut shows = String::new();
    let mut last = None;
    for (_, _, data) in messages(body) {
        if let Some(chunk) = data["chunk"].as_str() {
            shows.push_str(chunk);
        }
        let word = |name: &str| data.get(name).map(|_| name.to_owned());
        last = word("complete").or_else(|| word("error"));
    }
    (shows, last)
}

fn field<'a>(map: &'a Cbor, name: &str) -> Option<&'a Cbor> {
    let entries = map.as_map()?;
    let found = entries.iter().find(|(key, _)| key.as_text() == Some(name));
    found.map(|(_, value)| value)
}

fn frames(body: &[u8]) -> Shown {
    let mut pieces = Pieces::default();
    let mut last = None;
    let mut rest = body;
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (frame, after) = after.split_at(u32::from_be_bytes(*length) as usize);
        rest = after;
        let (kind, payload) = frame.split_first().unwrap();
        if *kind == 0 {
            continue;
        }
        let payload: Cbor = ciborium::from_reader(payload).unwrap();
        let word = |name: &str| field(&payload, name).and_then(Cbor::as_text);
        match kind {
            1 => frame_of_event(&mut pieces, &payload),
            2 => last = word("outcome").map(ToOwned::to_owned),
            3 => last = Some("broken".to_owned()),
            _ => panic!("an unknown frame"),
        }
    }
    assert!(rest.is_empty(), "a frame was cut");
    (pieces.join(), last)
}

fn frame_of_event(pieces: &mut Pieces, event: &Cbor) {
    let number = |name: &str| -> u64 {
        field(event, name)
            .unwrap()
            .as_integer()
            .unwrap()
            .try_into()
            .unwrap()
    };
    let place: Place = format!("{}-{}", number("epoch"), number("seq"))
        .parse()
        .unwrap();
    let kind = field(event, "type").unwrap().as_text().unwrap();
    let data = field(event, "data");
    // Of the kinds that matter here all data is text.
    let entries = data.and_then(Cbor::as_map).into_iter().flatten();
    let data = entries.filter_map(|(key, value)| Some((key.as_text()?, value.as_text()?)));
    let data: serde_json::Map<_, _> = data
        .map(|(key, value)| (key.to_owned(), value.into()))
        .collect();
    pieces.take(place, kind, &data.into());
}
