use std::{fmt, time::Duration};

use http::{HeaderMap, header::ACCEPT};

use super::{Binary, Chunks, Envelope, Frames, JsonArray, Ndjson, PlainText, Sse, Wire};

/// The wires by name.
///
/// ```
/// use mainstem_serve::wire::Format;
///
/// assert_eq!(Format::parse("ndjson"), Some(Format::Ndjson));
/// assert_eq!(Format::Ndjson.content_type(), "application/x-ndjson");
/// assert_eq!(Format::default(), Format::Sse);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Server-sent events; what a client gets that doesn't mind.
    #[default]
    Sse,
    /// The run's text.
    Text,
    /// What the run says, as one JSON array.
    Json,
    /// Events as lines of JSON.
    Ndjson,
    /// The run's bytes.
    Binary,
    /// Events as CBOR, in frames with their length.
    Frames,
    /// Server-sent events of one shape; asked for by name alone.
    Envelope,
    /// Text as `data: {"chunk": …}`; asked for by name alone.
    Chunks,
}

impl Format {
    /// All of them; of several that a client likes as much, it gets the first.
    pub const ALL: &[Self] = &[
        Self::Sse,
        Self::Text,
        Self::Json,
        Self::Ndjson,
        Self::Binary,
        Self::Frames,
        Self::Envelope,
        Self::Chunks,
    ];

    /// The name in a request.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sse => "sse",
            Self::Text => "text",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Binary => "binary",
            Self::Frames => "frames",
            Self::Envelope => "envelope",
            Self::Chunks => "chunks",
        }
    }

    /// The format of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|format| format.name() == name)
    }

    /// The content type of its responses.
    ///
    /// Of bytes it is `application/octet-stream`, unless they are recognized.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Sse | Self::Envelope | Self::Chunks => "text/event-stream",
            Self::Text => "text/plain; charset=utf-8",
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
            Self::Binary => "application/octet-stream",
            Self::Frames => "application/vnd.mainstem.frames",
        }
    }

    /// Whether its readers can't take anything back: void text, and any end but a finished run, cut the
    /// connection.
    pub fn is_append_only(self) -> bool {
        matches!(self, Self::Text | Self::Json | Self::Binary | Self::Chunks)
    }

    /// Whether a reader that begins in the middle needs what came before to be folded.
    ///
    /// Of the others, the events from there on are enough.
    pub fn needs_past(self) -> bool {
        // An envelope tells text of the run from what its tools say.
        self.is_append_only() || matches!(self, Self::Envelope)
    }

    /// Whether the run's end has an [id of its own](super::Ended::id), after that of its last event.
    pub(crate) fn ends_by_id(self) -> bool {
        matches!(self, Self::Sse)
    }

    /// The wire of a new reader.
    pub fn wire(self) -> Box<dyn Wire> {
        self.wire_with(Sse::RETRY)
    }

    pub(crate) fn wire_with(self, retry: Duration) -> Box<dyn Wire> {
        match self {
            Self::Sse => Box::new(Sse::new().retry(retry)),
            Self::Text => Box::new(PlainText::new()),
            Self::Json => Box::new(JsonArray::new()),
            Self::Ndjson => Box::new(Ndjson::new()),
            Self::Binary => Box::new(Binary::new()),
            Self::Frames => Box::new(Frames::new()),
            Self::Envelope => Box::new(Envelope::new().retry(retry)),
            Self::Chunks => Box::new(Chunks::new()),
        }
    }

    /// The media types that ask for it.
    fn media_types(self) -> &'static [&'static str] {
        match self {
            Self::Sse => &["text/event-stream"],
            Self::Text => &["text/plain"],
            Self::Json => &["application/json"],
            Self::Binary => &["application/octet-stream"],
            Self::Frames => &["application/vnd.mainstem.frames"],
            Self::Envelope | Self::Chunks => &[],
            Self::Ndjson => &[
                "application/x-ndjson",
                "application/ndjson",
                "application/jsonl",
            ],
        }
    }

    /// What a request asks for: by name, if it has one, or else by its `Accept`.
    ///
    /// # Errors
    ///
    /// [`NotAcceptable`], if there is no such format: as a response of axum a 406 that lists what there is.
    pub fn negotiate(name: Option<&str>, headers: &HeaderMap) -> Result<Self, NotAcceptable> {
        match name {
            Some(name) => Self::parse(name).ok_or(NotAcceptable),
            None => Self::from_accept(headers),
        }
    }

    /// What a client likes most of what there is, by its `Accept`.
    ///
    /// What has the highest `q`; then what is named most exactly; then what comes first in the header; then
    /// what comes first here. Without the header it is [`Format::Sse`].
    ///
    /// ```
    /// use http::HeaderMap;
    /// use mainstem_serve::wire::Format;
    ///
    /// let mut headers = HeaderMap::new();
    /// assert_eq!(Format::from_accept(&headers), Ok(Format::Sse));
    /// headers.insert("accept", "text/html, text/plain;q=0.9, */*;q=0.1".parse()?);
    /// assert_eq!(Format::from_accept(&headers), Ok(Format::Text));
    /// headers.insert("accept", "image/png".parse()?);
    /// assert!(Format::from_accept(&headers).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`NotAcceptable`], if it likes none of them.
    pub fn from_accept(headers: &HeaderMap) -> Result<Self, NotAcceptable> {
        if !headers.contains_key(ACCEPT) {
            return Ok(Self::default());
        }
        let ranges: Vec<_> = ranges(headers).collect();
        // The first of the best: `max_by_key` would give the last.
        let liked = Self::ALL.iter().rev().filter_map(|format| {
            let rank = format.rank(&ranges)?;
            Some((rank, *format))
        });
        liked
            .max_by_key(|(rank, _)| *rank)
            .map(|(_, format)| format)
            .ok_or(NotAcceptable)
    }

    /// Whether an `Accept` names its media type, and likes it.
    pub(crate) fn is_named(self, headers: &HeaderMap) -> bool {
        let mut ranges = ranges(headers).filter(|range| range.quality > 0);
        ranges.any(|range| range.covers(self) == Some(BY_NAME))
    }

    /// How much it is liked: by its quality, how exactly it is named, and how early.
    fn rank(self, ranges: &[Range<'_>]) -> Option<(u16, u8, usize)> {
        // The range that names it most exactly says how much it is liked, whatever others say.
        let named = ranges.iter().enumerate().filter_map(|(at, range)| {
            let exactness = range.covers(self)?;
            Some((exactness, ranges.len() - at, range.quality))
        });
        let (exactness, early, quality) = named.max()?;
        (quality > 0).then_some((quality, exactness, early))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How exact a range is that has the media type itself.
const BY_NAME: u8 = 2;

fn ranges(headers: &HeaderMap) -> impl Iterator<Item = Range<'_>> {
    let values = headers.get_all(ACCEPT).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(Range::parse)
}

/// One of the media ranges of an `Accept`.
struct Range<'a> {
    kind: &'a str,
    quality: u16,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let kind = parts.next().filter(|kind| !kind.is_empty())?;
        let quality = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.trim()
                .eq_ignore_ascii_case("q")
                .then_some(value.trim())
        });
        let quality = quality.map_or(Some(1000), thousandths)?;
        Some(Self { kind, quality })
    }

    /// How exactly it names a format; none, if it doesn't.
    fn covers(&self, format: Format) -> Option<u8> {
        let types = format.media_types();
        let is_any = |kind: &str| types.iter().any(|known| known.eq_ignore_ascii_case(kind));
        if is_any(self.kind) {
            return Some(BY_NAME);
        }
        // What is asked for by name alone is nobody's guess.
        if self.kind == "*/*" && !types.is_empty() {
            return Some(0);
        }
        let family = self.kind.strip_suffix("/*")?;
        let is_of_it = |known: &str| {
            known
                .split_once('/')
                .is_some_and(|(known, _)| known.eq_ignore_ascii_case(family))
        };
        types.iter().any(|known| is_of_it(known)).then_some(1)
    }
}

/// A `q` of at most three digits after the point, in thousandths; none, if it is none.
pub(crate) fn thousandths(quality: &str) -> Option<u16> {
    let quality: f32 = quality.parse().ok()?;
    // Rounded, and within its bounds: no cast loses anything.
    (0.0..=1.0)
        .contains(&quality)
        .then(|| (quality * 1000.0).round() as u16)
}

/// A client asks for a format that there isn't; returned by a handler, it is a 406.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAcceptable;

impl fmt::Display for NotAcceptable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no such format; there are ")?;
        for (number, format) in Format::ALL.iter().enumerate() {
            let before = if number == 0 { "" } else { ", " };
            write!(
                f,
                "{before}`{format}` ({})",
                format.content_type().split(';').next().unwrap_or_default()
            )?;
        }
        Ok(())
    }
}

impl std::error::Error for NotAcceptable {}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(values: &[&str]) -> Result<Format, NotAcceptable> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT, value.parse().unwrap());
        }
        Format::from_accept(&headers)
    }

    #[test]
    fn a_client_gets_what_it_likes_most() {
        for (values, format) in [
            (&["*/*"][..], Format::Sse),
            (&["text/*"], Format::Sse),
            (&["TEXT/Plain"], Format::Text),
            (&["text/plain, */*"], Format::Text),
            (&["text/plain;q=0.5, */*"], Format::Sse),
            (&["text/event-stream;q=0, */*"], Format::Text),
            (&["application/jsonl, text/plain"], Format::Ndjson),
            (&["text/plain", "application/x-ndjson"], Format::Text),
            (&["application/*"], Format::Json),
            (&["application/json, text/plain, */*"], Format::Json),
            (
                &["application/json;q=0.9, application/vnd.mainstem.frames"],
                Format::Frames,
            ),
            (&["application/octet-stream"], Format::Binary),
            (
                &["text/plain; charset=utf-8; q=0.2, application/ndjson; Q=0.3"],
                Format::Ndjson,
            ),
            (
                &["text/html, application/xhtml+xml, */*;q=0.8"],
                Format::Sse,
            ),
        ] {
            assert_eq!(accept(values), Ok(format), "{values:?}");
        }
        for values in [&["image/png"][..], &["*/*;q=0"], &["text/plain;q=2"], &[""]] {
            assert_eq!(accept(values), Err(NotAcceptable), "{values:?}");
        }
    }

    #[test]
    fn a_name_goes_before_the_header() {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, "text/plain".parse().unwrap());
        assert_eq!(Format::negotiate(Some("sse"), &headers), Ok(Format::Sse));
        assert_eq!(Format::negotiate(None, &headers), Ok(Format::Text));
        assert_eq!(Format::negotiate(Some("xml"), &headers), Err(NotAcceptable));
        for format in Format::ALL {
            assert_eq!(Format::parse(format.name()), Some(*format));
            assert!(NotAcceptable.to_string().contains(format.name()));
        }
    }
}
