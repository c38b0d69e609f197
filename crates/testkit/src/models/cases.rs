use std::fmt;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;

use crate::fixture::{Frame, frames, streamed};
use crate::{Fixture, Framing, Reply, Wire};

/// A way to send a fixture's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Case {
    Whole,
    /// The connection is closed after this many bytes.
    Cut(usize),
    /// The body ends properly after this many bytes.
    End(usize),
    /// Two HTTP chunks.
    Split(usize),
    /// HTTP chunks of this many bytes.
    Chunks(usize),
    Framed(Framing),
    /// Other line ends, or the like, in HTTP chunks of this many bytes.
    Written(Manner, usize),
    /// Other line ends, in two HTTP chunks.
    WrittenAndSplit(Manner, usize),
    /// Other line ends, and the connection is closed after this many bytes; the place in the
    /// fixture's body.
    WrittenAndCut(Manner, usize, usize),
    /// These bytes are sent twice.
    Twice(Range<usize>),
    /// After this many bytes, there are only comments.
    Stall(usize),
}

/// Another way to write the same events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    CrLf,
    Cr,
    Bom,
    NoSpace,
    Comments,
}

const MANNERS: [Manner; 5] = [
    Manner::CrLf,
    Manner::Cr,
    Manner::Bom,
    Manner::NoSpace,
    Manner::Comments,
];

impl Manner {
    fn write(self, body: &[u8]) -> Vec<u8> {
        let replace = |text: &str, by: &str| {
            let body = String::from_utf8_lossy(body);
            body.replace(text, by).into_bytes()
        };
        match self {
            Self::CrLf => replace("\n", "\r\n"),
            Self::Cr => replace("\n", "\r"),
            Self::Bom => [b"\xEF\xBB\xBF", body].concat(),
            Self::NoSpace => replace("data: ", "data:"),
            Self::Comments => replace("\n", "\n: keep-alive\n"),
        }
    }
}

/// Every place at which the body can stop.
pub(super) fn stops(fixture: &Fixture) -> Vec<Case> {
    let places = 0..=fixture.body().len();
    // At its last byte a body that ends properly is whole.
    let cuts = places.clone().map(Case::Cut);
    let stops = cuts.chain(places.map(Case::End));
    stops.chain(cuts_in_line_ends(fixture)).collect()
}

/// Cuts before, within and after each line end of two bytes.
fn cuts_in_line_ends(fixture: &Fixture) -> Vec<Case> {
    let written = Manner::CrLf.write(fixture.body());
    let mut place = 0;
    let mut cuts = Vec::new();
    for (at, byte) in written.iter().enumerate() {
        if *byte == b'\r' || *byte == b'\n' {
            cuts.push(Case::WrittenAndCut(Manner::CrLf, at, place));
        }
        place += usize::from(*byte != b'\r');
    }
    cuts
}

/// Every way to send the whole body.
pub(super) fn whole(fixture: &Fixture) -> Vec<Case> {
    let mut cases: Vec<Case> = (1..fixture.body().len()).map(Case::Split).collect();
    cases.extend([1, 2, 3, 7, 1 << 20].map(Case::Chunks));
    cases.extend([Framing::ContentLength, Framing::CloseDelimited].map(Case::Framed));
    for manner in MANNERS {
        cases.extend([1, 1 << 20].map(|size| Case::Written(manner, size)));
    }
    let written = Manner::CrLf.write(fixture.body());
    let after_cr = (1..written.len()).filter(|at| written[at - 1] == b'\r');
    cases.extend(after_cr.map(|at| Case::WrittenAndSplit(Manner::CrLf, at)));
    cases
}

/// What may come twice without any effect: what follows the signal of the end, that signal too if
/// it brings no data, and the whole body if its end was unmistakable.
pub(super) fn doubled(fixture: &Fixture, brings_data: impl Fn(&Frame) -> bool) -> Vec<Case> {
    let Some((terminal, _)) = fixture.terminal() else {
        return Vec::new();
    };
    let frames = fixture.frames();
    let late = frames[terminal..].iter().filter(|one| !brings_data(one));
    let mut cases: Vec<Case> = late.map(|one| Case::Twice(one.all.clone())).collect();
    let is_done = |frame: &Frame| frame.data(fixture.body()) == b"[DONE]";
    if fixture.wire() == Wire::Responses || frames.iter().any(is_done) {
        cases.push(Case::Twice(0..fixture.body().len()));
    }
    cases
}

/// A stall before the first event, and after each.
pub(super) fn stalls(fixture: &Fixture) -> Vec<Case> {
    let ends = fixture.frames().into_iter().map(|frame| frame.all.end);
    [0].into_iter().chain(ends).map(Case::Stall).collect()
}

impl Case {
    /// Returns the place in the fixture's body that it is about.
    pub(super) fn place(&self) -> Option<usize> {
        match self {
            Self::Cut(at) | Self::End(at) | Self::Split(at) | Self::Stall(at) => Some(*at),
            Self::WrittenAndCut(_, _, place) => Some(*place),
            Self::Twice(range) => Some(range.start),
            _ => None,
        }
    }

    /// Returns the reply; most are thousands, and in one chunk, or two, they are fast.
    pub(super) fn reply(&self, fixture: &Fixture) -> Reply {
        let body = fixture.body();
        let one = |bytes: Vec<u8>| streamed([Bytes::from(bytes)]);
        let whole = || streamed([body.clone()]);
        match self {
            Self::Whole => fixture.reply(),
            Self::Cut(at) => whole().cut_at(*at as u64),
            Self::End(at) => whole().end_at(*at as u64),
            Self::Split(at) => whole().split_at(*at as u64),
            Self::Chunks(size) => whole().chunk_size(*size),
            Self::Framed(framing) => fixture.reply().framing(*framing),
            Self::Written(manner, size) => one(manner.write(body)).chunk_size(*size),
            Self::WrittenAndSplit(manner, at) => one(manner.write(body)).split_at(*at as u64),
            Self::WrittenAndCut(manner, at, _) => one(manner.write(body)).cut_at(*at as u64),
            Self::Twice(range) => {
                let twice = [&body[..range.end], &body[range.clone()], &body[range.end..]];
                let twice = Bytes::from(twice.concat());
                streamed(frames(&twice).into_iter().map(|one| twice.slice(one.all)))
            }
            Self::Stall(at) => stalled(fixture, *at),
        }
    }
}

/// Comments go on for longer than the suite looks.
fn stalled(fixture: &Fixture, at: usize) -> Reply {
    const COMMENTS: usize = 40;
    let sent = fixture.frames().into_iter().map(|frame| frame.all);
    let sent = sent.take_while(|all| all.end <= at);
    let reply = streamed(sent.map(|all| fixture.body().slice(all)));
    let comment = |reply: Reply, _| {
        let wait = Duration::from_millis(5);
        reply.raw(&b": keep-alive\n\n"[..]).wait(wait)
    };
    (0..COMMENTS).fold(reply, comment).stall()
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => write!(f, "sent whole"),
            Self::Cut(at) => write!(f, "cut at byte {at}"),
            Self::End(at) => write!(f, "ended properly at byte {at}"),
            Self::Split(at) => write!(f, "split at byte {at}"),
            Self::Chunks(size) => write!(f, "in chunks of {size} bytes"),
            Self::Framed(framing) => write!(f, "with the framing {framing:?}"),
            Self::Written(manner, size) => write!(f, "{manner}, in chunks of {size} bytes"),
            Self::WrittenAndSplit(manner, at) => {
                write!(f, "{manner}, split at byte {at} of these")
            }
            Self::WrittenAndCut(manner, at, _) => write!(f, "{manner}, cut at byte {at} of these"),
            Self::Twice(range) => write!(f, "with bytes {} to {} twice", range.start, range.end),
            Self::Stall(at) => write!(f, "stalled at byte {at}"),
        }
    }
}

impl fmt::Display for Manner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CrLf => "with CR LF as line ends",
            Self::Cr => "with CR as line ends",
            Self::Bom => "with a byte order mark",
            Self::NoSpace => "without a space after `data:`",
            Self::Comments => "with a comment after every line",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manner_changes_what_stands_around_the_data() {
        let body = b"data: 1\n\n";
        let written = |manner: Manner| String::from_utf8(manner.write(body)).unwrap();
        assert_eq!(written(Manner::CrLf), "data: 1\r\n\r\n");
        assert_eq!(written(Manner::Cr), "data: 1\r\r");
        assert_eq!(written(Manner::Bom), "\u{feff}data: 1\n\n");
        assert_eq!(written(Manner::NoSpace), "data:1\n\n");
        let comments = "data: 1\n: keep-alive\n\n: keep-alive\n";
        assert_eq!(written(Manner::Comments), comments);
    }

    #[test]
    fn a_cut_in_a_line_end_knows_its_place() {
        let fixture = Fixture::new("x", Wire::Chat, "a\n\nb");
        let cuts = cuts_in_line_ends(&fixture).into_iter();
        let cuts: Vec<(Vec<u8>, Option<usize>)> = cuts
            .map(|case| (case.reply(&fixture).body_bytes(), case.place()))
            .collect();
        let expected = [("a", 1), ("a\r", 1), ("a\r\n", 2), ("a\r\n\r", 2)];
        assert_eq!(
            cuts,
            expected.map(|(body, place)| (body.into(), Some(place)))
        );
    }

    #[test]
    fn what_comes_twice_follows_itself() {
        let fixture = Fixture::new("x", Wire::Chat, "data: 1\n\ndata: 2\n\ndata: 3\n\n");
        let body = Case::Twice(9..18).reply(&fixture).body_bytes();
        assert_eq!(body, b"data: 1\n\ndata: 2\n\ndata: 2\n\ndata: 3\n\n");
    }
}
