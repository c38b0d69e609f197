//! What is compressed can be read as soon as it was sent, and is what it would have been.

use std::io::{Read, Write};

use axum::{body::Body, http::HeaderMap};
use futures::{FutureExt, channel::mpsc};
use http_body_util::BodyExt;
use mainstem_core::{Bytes, Event};
use mainstem_serve::{Encoding, ResponseOptions, respond, wire::Format};

use super::log::{event, failed, finished, started, text};

/// A decoder that can be looked into.
enum Decoder {
    Zstd(zstd::stream::write::Decoder<'static, Vec<u8>>),
    Brotli(Brotli),
    Gzip(flate2::write::GzDecoder<Vec<u8>>),
    None(Vec<u8>),
}

/// Decodes all anew each time: the crate's own writer keeps back what is there.
#[derive(Default)]
struct Brotli {
    data: Vec<u8>,
    seen: Vec<u8>,
    is_whole: bool,
}

impl Brotli {
    fn feed(&mut self, data: &[u8]) {
        self.data.extend_from_slice(data);
        self.seen.clear();
        let mut reader = brotli::Decompressor::new(&*self.data, 4096);
        self.is_whole = reader.read_to_end(&mut self.seen).is_ok();
    }
}

impl Decoder {
    fn new(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Zstd => Self::Zstd(zstd::stream::write::Decoder::new(Vec::new()).unwrap()),
            Encoding::Brotli => Self::Brotli(Brotli::default()),
            Encoding::Gzip => Self::Gzip(flate2::write::GzDecoder::new(Vec::new())),
            _ => Self::None(Vec::new()),
        }
    }

    fn feed(&mut self, data: &[u8]) -> &[u8] {
        match self {
            Self::Zstd(zstd) => {
                zstd.write_all(data).unwrap();
                zstd.flush().unwrap();
                zstd.get_ref()
            }
            Self::Brotli(brotli) => {
                brotli.feed(data);
                &brotli.seen
            }
            Self::Gzip(gzip) => {
                gzip.write_all(data).unwrap();
                gzip.flush().unwrap();
                gzip.get_ref()
            }
            Self::None(plain) => {
                plain.extend_from_slice(data);
                plain
            }
        }
    }

    /// Whether the decoder takes what it was fed for a whole stream.
    fn ends_whole(self) -> bool {
        match self {
            Self::Zstd(mut zstd) => zstd.do_finish().is_ok(),
            Self::Brotli(brotli) => brotli.is_whole,
            Self::Gzip(gzip) => gzip.finish().is_ok(),
            Self::None(_) => true,
        }
    }
}

/// Bytes that can't be compressed, the same each time.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// The next frame's data, which must be there; none at the end.
fn frame(body: &mut Body) -> Option<axum::body::Bytes> {
    let frame = body.frame().now_or_never().expect("it was sent");
    Some(frame?.unwrap().into_data().unwrap())
}

/// Plays events one by one; after each, all that came so far is what is expected.
fn play(format: Format, encoding: Encoding, events: &[(Event, &[u8])]) {
    let (sender, reader) = mpsc::unbounded();
    let options = ResponseOptions::new().encoding(encoding);
    let response = respond(format, reader, options);
    let name = response.headers().get("content-encoding");
    let expected = Some(encoding.name()).filter(|_| encoding != Encoding::Identity);
    assert_eq!(name.map(|name| name.to_str().unwrap()), expected);
    let mut body = response.into_body();
    let mut decoder = Decoder::new(encoding);
    let mut all = Vec::new();
    for (event, shown) in events {
        all.extend_from_slice(shown);
        sender.unbounded_send(Ok(event.clone())).unwrap();
        let seen = match shown.is_empty() {
            true => decoder.feed(b""),
            false => decoder.feed(&frame(&mut body).unwrap()),
        };
        let (seen, sent) = (seen.len(), (seen == all).then_some(all.len()));
        assert_eq!(Some(seen), sent, "{encoding:?} after {}", event.seq);
        assert!(body.frame().now_or_never().is_none(), "nothing more yet");
    }
    drop(sender);
    while let Some(data) = frame(&mut body) {
        assert!(decoder.feed(&data) == all);
    }
    assert!(decoder.ends_whole(), "{encoding:?}");
}

#[tokio::test]
async fn each_piece_can_be_read_before_the_next_is_sent() {
    let noise = noise(200_000);
    let same = vec![b'x'; 200_000];
    let bytes = |seq, data: &[u8]| event(seq, Bytes::new(data.to_vec().into()));
    for encoding in Encoding::ALL {
        let words = [
            (started(), &b""[..]),
            (text(2, "Jays"), b"Jays"),
            (text(3, " sing."), b" sing."),
            (text(4, "Jäys 🐦"), "Jäys 🐦".as_bytes()),
            (finished(5), b""),
        ];
        play(Format::Text, *encoding, &words);
        let data = [
            (bytes(2, &[0]), &[0][..]),
            (bytes(3, &noise), &noise),
            (bytes(4, &[255, 13, 10]), &[255, 13, 10]),
            (bytes(5, &same), &same),
            (finished(6), b""),
        ];
        play(Format::Binary, *encoding, &data);
        play(Format::Binary, *encoding, &[(finished(2), b"")]);
    }
}

#[tokio::test]
async fn what_is_cut_is_no_whole_stream() {
    for encoding in Encoding::ALL
        .iter()
        .filter(|encoding| **encoding != Encoding::Identity)
    {
        let events = super::log::read(vec![text(2, "Jays"), failed(3)]);
        let options = ResponseOptions::new().encoding(*encoding);
        let mut body = respond(Format::Text, events, options).into_body();
        let mut decoder = Decoder::new(*encoding);
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(decoder.feed(&first), b"Jays");
        drop(first);
        assert!(body.frame().await.unwrap().is_err());
        assert!(!decoder.ends_whole(), "{encoding:?}");
    }
}

#[tokio::test]
async fn a_client_gets_what_it_likes_and_caches_are_told_so() {
    for (accept, encoding) in [("br, gzip;q=0.5", Some("br")), ("deflate", None)] {
        let mut headers = HeaderMap::new();
        headers.insert("accept-encoding", accept.parse().unwrap());
        let options = ResponseOptions::new().accept_encoding(&headers);
        let response = respond(Format::Text, super::log::read(vec![]), options);
        let said = response.headers().get("content-encoding");
        assert_eq!(said.map(|said| said.to_str().unwrap()), encoding);
        assert_eq!(response.headers()["vary"], "accept-encoding");
    }
    let response = respond(
        Format::Text,
        super::log::read(vec![]),
        ResponseOptions::new(),
    );
    assert!(!response.headers().contains_key("vary"));
}
