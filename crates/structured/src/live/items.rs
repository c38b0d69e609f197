use std::{collections::VecDeque, fmt};

use serde::de::DeserializeOwned;

use super::{
    reader::{Passing, Reader, Source, Watch},
    trail::{Path, Trail, segment_is},
};
use crate::{Limits, Schema, Violation, kind::Kind};

/// The items of an array in a document, each as soon as its last byte has come; made by
/// [`Schema::items`].
///
/// Each is given once, in the order of the document. Only the text of the open item is kept.
///
/// ```
/// use mainstem_structured::Schema;
///
/// let mut records = Schema::any().items::<u32>("/records");
/// records.feed(br#"{"records": [1, 2"#)?;
/// assert_eq!(records.next_item(), Some(1));
/// assert_eq!(records.next_item(), None, "it may become 23");
/// records.feed(b"3]}")?;
/// assert_eq!(records.next_item(), Some(23));
/// records.finish()?;
/// # Ok::<(), mainstem_structured::ItemsError>(())
/// ```
pub struct Items<I> {
    reader: Reader,
    state: State<I>,
}

/// Why there are no more items.
#[derive(Debug)]
#[non_exhaustive]
pub enum ItemsError {
    /// The document is refused.
    Refused(Violation),
    /// An item isn't of the type that was asked for.
    Item {
        /// Its place, as a JSON pointer.
        pointer: String,
        /// Why.
        source: serde_json::Error,
    },
}

impl fmt::Display for ItemsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(violation) => violation.fmt(f),
            Self::Item { pointer, .. } => write!(
                f,
                "the item at {pointer} isn't of the type that was asked for"
            ),
        }
    }
}

impl std::error::Error for ItemsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(_) => None,
            Self::Item { source, .. } => Some(source),
        }
    }
}

impl From<Violation> for ItemsError {
    fn from(violation: Violation) -> Self {
        Self::Refused(violation)
    }
}

impl<I: DeserializeOwned> Items<I> {
    pub(super) fn new(schema: Schema, pointer: &str) -> Self {
        assert!(
            pointer.is_empty() || pointer.starts_with('/'),
            "a JSON pointer is empty or begins with `/`"
        );
        Self {
            reader: Reader::new(schema),
            state: State {
                trail: Trail::default(),
                array: pointer.split('/').skip(1).map(str::to_owned).collect(),
                in_array: false,
                in_key: false,
                item: u64::MAX,
                ready: VecDeque::new(),
                failure: None,
            },
        }
    }

    /// Sets how large the document may become; to be called before it begins.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        let reader = self.reader.limits(limits);
        Self { reader, ..self }
    }

    /// Takes the next bytes of the document.
    ///
    /// # Errors
    ///
    /// An [`ItemsError`], if the document can't become valid any more, or an item isn't an `I`: the
    /// latter once, and what comes after that item is given. The items before it are there.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), ItemsError> {
        self.reader.feed(bytes, &mut self.state)?;
        self.state.verdict()
    }

    /// Ends the document.
    ///
    /// # Errors
    ///
    /// An [`ItemsError`], if the document is incomplete or doesn't fit the schema.
    pub fn finish(&mut self) -> Result<(), ItemsError> {
        self.reader.finish(&mut self.state)?;
        self.state.verdict()
    }

    /// The next item that is complete.
    pub fn next_item(&mut self) -> Option<I> {
        self.state.ready.pop_front()
    }

    /// How many complete items wait for [`next_item`](Self::next_item).
    pub fn waiting(&self) -> usize {
        self.state.ready.len()
    }

    /// Forgets what isn't complete, for another document.
    pub fn restart(&mut self) {
        self.reader.restart();
        self.state.trail = Trail::default();
        self.state.in_array = false;
        self.state.in_key = false;
        self.state.item = u64::MAX;
    }

    /// Whether the document is complete: nothing but white space may follow.
    pub fn is_done(&self) -> bool {
        self.reader.is_done()
    }
}

impl<I> fmt::Debug for Items<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("waiting", &self.state.ready.len())
            .finish_non_exhaustive()
    }
}

struct State<I> {
    trail: Trail,
    /// The place of the array, by its segments.
    array: Vec<String>,
    in_array: bool,
    in_key: bool,
    /// Where the open item begins; at the end of all places, if none is open.
    item: u64,
    ready: VecDeque<I>,
    failure: Option<ItemsError>,
}

impl<I: DeserializeOwned> State<I> {
    fn verdict(&mut self) -> Result<(), ItemsError> {
        self.failure.take().map_or(Ok(()), Err)
    }

    fn is_array(&self, path: Path<'_>) -> bool {
        path.len() == self.array.len()
            && path.segments().zip(&self.array).all(|(segment, part)| {
                let is_any = part == "*" && matches!(segment, super::PathSegment::Index(_));
                is_any || segment_is(segment, part)
            })
    }

    /// A value ends before `end`: it may be an item.
    #[inline]
    fn value_end(&mut self, end: u64, source: Source<'_>) {
        if self.in_array && self.trail.depth() == self.array.len() + 1 {
            let from = std::mem::replace(&mut self.item, u64::MAX);
            self.take(source.slice(from, end));
        }
    }

    fn take(&mut self, text: &[u8]) {
        match serde_json::from_slice(text) {
            Ok(item) => self.ready.push_back(item),
            Err(source) if self.failure.is_none() => {
                let pointer = self.trail.path().to_string();
                self.failure = Some(ItemsError::Item { pointer, source });
            }
            Err(_) => {}
        }
    }
}

impl<I: DeserializeOwned> Watch for State<I> {
    #[inline]
    fn begin(&mut self, kind: Kind, _held: bool, at: u64) {
        self.trail.begin();
        let depth = self.trail.depth();
        if self.in_array {
            if depth == self.array.len() + 1 {
                self.item = at;
            }
        } else if kind == Kind::Array && depth == self.array.len() {
            self.in_array = self.is_array(self.trail.path());
        }
        if kind.is_container() {
            self.trail.open(kind == Kind::Object);
        }
    }

    #[inline]
    fn key_begin(&mut self, _at: u64) {
        self.in_key = true;
        self.trail.key_begin();
    }

    #[inline]
    fn text(&mut self, text: &[u8], _at: u64) {
        if self.in_key {
            self.trail.key_text(text);
        }
    }

    #[inline]
    fn backslash(&mut self, _at: u64, _source: Source<'_>) {}

    #[inline]
    fn escaped(&mut self, char: char, at: u64) {
        self.text(char.encode_utf8(&mut [0; 4]).as_bytes(), at);
    }

    #[inline]
    fn key_end(&mut self, _at: u64) {
        self.in_key = false;
    }

    #[inline]
    fn string_end(&mut self, at: u64, source: Source<'_>) {
        self.value_end(at + 1, source);
    }

    #[inline]
    fn number(&mut self, _digits: &[u8], end: u64, source: Source<'_>) {
        self.value_end(end, source);
    }

    #[inline]
    fn literal_end(&mut self, at: u64, source: Source<'_>) {
        self.value_end(at + 1, source);
    }

    #[inline]
    fn end(&mut self, at: u64, source: Source<'_>) {
        self.trail.close();
        if self.in_array && self.trail.depth() == self.array.len() {
            self.in_array = false;
        }
        self.value_end(at + 1, source);
    }
}

impl<I: DeserializeOwned> Passing for State<I> {
    #[inline]
    fn needs(&self) -> u64 {
        self.item
    }
}
