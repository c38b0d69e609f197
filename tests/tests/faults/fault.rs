//! What goes wrong, once: the next request is answered as it should be.

use mainstem_testkit::{Recorded, Reply};
use serde_json::Value;

pub(crate) const HALF: &str = "Half of ";
pub(crate) const REST: &str = "the answer.";

/// Something that goes wrong with the first request.
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    /// What the server does; none, if there is no server.
    pub(crate) reply: Option<Reply>,
    /// Whether the agent wants numbers, and gets words.
    pub(crate) is_typed: bool,
    /// How long the server wants to be left alone.
    pub(crate) asks_to_wait: bool,
}

fn half() -> Reply {
    Reply::stream().role().content(HALF)
}

/// All faults, in the order of the page.
pub(crate) fn all() -> Vec<Fault> {
    let busy = || Reply::error_status(429, "slow down");
    let no_utf_8 = &b"data: {\"choices\":[{\"delta\":{\"content\":\"\xFF\"}}]}\n\n"[..];
    let replies = [
        ("Connect refused", None),
        ("401", Some(Reply::error_status(401, "who are you?"))),
        ("404", Some(Reply::error_status(404, "no such model"))),
        (
            "429 with `retry-after: 1`",
            Some(busy().header("retry-after", "1")),
        ),
        ("429 without `retry-after`", Some(busy())),
        ("500", Some(Reply::error_status(500, "oh"))),
        ("503", Some(Reply::error_status(503, "overloaded"))),
        ("An error in mid-stream", Some(half().error("overloaded"))),
        ("A clean end without a finish reason", Some(half())),
        ("A hard cut", Some(half().cut())),
        ("A stall", Some(half().stall())),
        (
            "Malformed SSE: bytes that are no UTF-8",
            Some(half().raw(no_utf_8)),
        ),
        (
            "A malformed JSON frame",
            Some(half().data("{\"choices\": [{\"del")),
        ),
        (
            "Output that doesn't fit its schema",
            Some(Reply::text(["[1, ", "\"two\"]"])),
        ),
    ];
    let fault = |(name, reply): (&'static str, _)| Fault {
        name,
        reply,
        is_typed: name.contains("schema"),
        asks_to_wait: name.contains("with `retry-after"),
    };
    replies.into_iter().map(fault).collect()
}

impl Fault {
    /// The answer, in its two pieces.
    pub(crate) fn pieces(&self) -> [&'static str; 2] {
        match self.is_typed {
            true => ["[1, ", "2]"],
            false => [HALF, REST],
        }
    }
}

/// Answers; a request that goes on with an answer gets the rest of it.
pub(crate) fn answer(request: &Recorded, pieces: [&'static str; 2]) -> Reply {
    let text = |message: &Value| message["content"].as_str().unwrap().to_owned();
    let messages = request.body["messages"].as_array().unwrap();
    let said = match &messages[..] {
        [.., said, _] if said["role"] == "assistant" => text(said),
        _ => String::new(),
    };
    let mut left = said.len();
    let rest = pieces.iter().filter_map(|piece| {
        let skipped = left.min(piece.len());
        left -= skipped;
        Some(&piece[skipped..]).filter(|rest| !rest.is_empty())
    });
    Reply::text(rest)
}
