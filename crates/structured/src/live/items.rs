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
/// assert_eq!(records.next_item().transpose()?, Some(1));
/// assert_eq!(records.next_item().transpose()?, None, "it may become 23");
/// records.feed(b"3]}")?;
/// assert_eq!(records.next_item().transpose()?, Some(23));
/// records.finish()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Items<I> {
    reader: Reader,
    state: State<I>,
}

/// An item that isn't of the type that was asked for.
///
/// It shows where, and no values of the document.
pub struct ItemError {
    pointer: String,
    wanted: &'static str,
    error: serde_json::Error,
}

impl ItemError {
    /// The item's place, as a JSON pointer.
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// Why the type refused the item; its words may hold values.
    pub fn type_error(&self) -> &serde_json::Error {
        &self.error
    }
}

impl fmt::Display for ItemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the item at `{}` isn't a `{}` (line {}, column {} of the item)",
            self.pointer,
            self.wanted,
            self.error.line(),
            self.error.column()
        )
    }
}

impl fmt::Debug for ItemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ItemError")
            .field("pointer", &self.pointer)
            .field("wanted", &self.wanted)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for ItemError {}

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
    /// A [`Violation`], once the document can no longer become valid; the same one from then on. The
    /// items before it are there.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        self.reader.feed(bytes, &mut self.state)
    }

    /// Ends the document.
    ///
    /// # Errors
    ///
    /// A [`Violation`], if the document is incomplete or doesn't fit the schema.
    pub fn finish(&mut self) -> Result<(), Violation> {
        self.reader.finish(&mut self.state)
    }

    /// The next item that is complete; an [`ItemError`], if it isn't an `I`: those after it follow.
    pub fn next_item(&mut self) -> Option<Result<I, ItemError>> {
        self.state.ready.pop_front()
    }

    /// How many complete items wait for [`next_item`](Self::next_item); those that aren't an `I` don't
    /// count.
    pub fn waiting(&self) -> usize {
        self.state.ready.iter().filter(|item| item.is_ok()).count()
    }

    /// Forgets everything, also the items that wait, for another document of the schema.
    pub fn restart(&mut self) {
        self.reader.restart();
        self.state.trail = Trail::default();
        self.state.in_array = false;
        self.state.in_key = false;
        self.state.item = u64::MAX;
        self.state.ready.clear();
    }

    /// Whether the document is complete: nothing but white space may follow.
    pub fn is_done(&self) -> bool {
        self.reader.is_done()
    }
}

impl<I> fmt::Debug for Items<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("ready", &self.state.ready.len())
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
    ready: VecDeque<Result<I, ItemError>>,
}

impl<I: DeserializeOwned> State<I> {
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
        let item = serde_json::from_slice(text).map_err(|error| ItemError {
            pointer: self.trail.path().to_string(),
            wanted: std::any::type_name::<I>(),
            error,
        });
        self.ready.push_back(item);
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
