//! Any answer reads the same, wherever its body is split.

use std::sync::Arc;

use bytes::Bytes;
use mainstem_core::{Message, ModelEvent, ModelRequest};
use mainstem_testkit::Reply;
use proptest::{prelude::*, sample::Index};

use super::Responses;
use crate::{
    http::{Answer, Exchange, Reader},
    sse::SseReader,
};

/// What is made of a body that comes in these chunks.
fn read<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<ModelEvent> {
    let model = Responses::builder("m")
        .base_url("http://localhost:9/v1")
        .client(
            reqwest::Client::builder()
                .tls_certs_only([])
                .build()
                .unwrap(),
        )
        .build()
        .unwrap()
        .0;
    let request = ModelRequest::new([Message::user("Hi")]);
    let body = model.body(&request).unwrap();
    let answer = Answer::new(Arc::clone(model.server()), None, &body);
    let mut reader = model.reader(answer);
    let mut sse = SseReader::default();
    for chunk in chunks {
        sse.push(Bytes::copy_from_slice(chunk));
        while reader.read_next(&mut sse).unwrap() {}
    }
    assert!(reader.answer().finish_reason.is_some());
    reader.answer().events.drain(..).collect()
}

/// A piece of an answer: of the thoughts, of the text, or a call.
fn piece() -> impl Strategy<Value = (u8, String)> {
    (0..3u8, "[a-zäé🐦\"\\\\\n]{1,6}")
}

fn reply(pieces: &[(u8, String)]) -> Reply {
    let mut calls = 0;
    let said = pieces
        .iter()
        .fold(Reply::stream().role(), |reply, (kind, text)| match kind {
            0 => reply.reasoning(text),
            1 => reply.content(text),
            _ => {
                let index = calls;
                calls += 1;
                let reply = reply.tool_start(index, format!("call_{index}"), "feed");
                reply.tool_arguments(index, text).tool_arguments(index, "}")
            }
        });
    said.finish("stop").usage(3, 2).done()
}

/// The pieces of a kind, one after the other.
fn joined(pieces: &[(u8, String)], wanted: u8) -> String {
    let of = |(kind, text): &(u8, String)| (*kind == wanted).then(|| text.clone());
    pieces.iter().filter_map(of).collect()
}

proptest! {
    #[test]
    fn every_split_reads_the_same(
        pieces in prop::collection::vec(piece(), 0..12),
        borders in prop::collection::vec(any::<Index>(), 0..20),
    ) {
        let body = reply(&pieces).response_bytes();
        let mut borders: Vec<_> = borders.iter().map(|at| at.index(body.len())).collect();
        borders.sort_unstable();
        let ends = borders.iter().copied().chain([body.len()]);
        let begins = [0].into_iter().chain(borders.iter().copied());
        let chunks = begins.zip(ends).map(|(begin, end)| &body[begin..end]);
        let events = read(chunks);
        prop_assert_eq!(&events, &read([&*body]));

        let text = |event: &ModelEvent| match event {
            ModelEvent::Text(text) => Some(text.to_string()),
            _ => None,
        };
        let text: String = events.iter().filter_map(text).collect();
        prop_assert_eq!(text, joined(&pieces, 1));
        let thought = |event: &ModelEvent| match event {
            ModelEvent::Reasoning(text) => Some(text.to_string()),
            _ => None,
        };
        let thoughts: String = events.iter().filter_map(thought).collect();
        prop_assert_eq!(thoughts, joined(&pieces, 0));
        let is_call = |event: &&ModelEvent| matches!(event, ModelEvent::ToolCall { .. });
        let calls = pieces.iter().filter(|(kind, _)| *kind == 2).count();
        prop_assert_eq!(events.iter().filter(is_call).count(), calls);
    }
}
