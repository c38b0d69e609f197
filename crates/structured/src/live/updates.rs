use super::{
    reader::{Passing, Reader, Source, Watch},
    trail::{Path, PathSegment, Trail, as_text},
};
use crate::{Limits, Schema, Violation, kind::Kind};

/// What is new in a document, as its bytes arrive; made by [`Schema::updates`].
///
/// What is told doesn't depend on how the document was cut, once the texts of one string are put
/// together. A number, a boolean, `null` and a string that the schema takes from a list (`enum` or
/// `const`) are told of once they are complete.
///
/// ```
/// use mainstem_structured::{Change, Schema};
///
/// let mut updates = Schema::any().updates();
/// let mut title = String::new();
/// for chunk in [r#"{"tit"#, r#"le": "Ja"#, r#"ys", "eggs": 5}"#] {
///     updates.feed(chunk.as_bytes(), |update| match update.change {
///         Change::Text(text) if update.path == "/title" => title.push_str(text),
///         _ => {}
///     })?;
/// }
/// updates.finish(|_| {})?;
/// assert_eq!(title, "Jays");
/// # Ok::<(), mainstem_structured::Violation>(())
/// ```
#[derive(Debug)]
pub struct Updates {
    reader: Reader,
    state: State,
}

/// One thing that is new in a document.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Update<'a> {
    /// Where.
    pub path: Path<'a>,
    /// What.
    pub change: Change<'a>,
}

/// What is new at a place in a document.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Change<'a> {
    /// An object begins.
    Object,
    /// An array begins.
    Array,
    /// A string begins whose text is told as it comes.
    String,
    /// More text of the string.
    Text(&'a str),
    /// A value that is told when it is complete.
    Value(Scalar<'a>),
    /// The object, array or string is complete.
    Complete,
}

/// A complete value that isn't made of others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as it stands in the document: to be parsed as the type that is wanted.
    Number(&'a str),
    /// A string that the schema takes from a list.
    String(&'a str),
}

impl Scalar<'_> {
    /// The value for itself.
    pub fn to_value(self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(yes) => yes.into(),
            // JSON, and finite: the parser has seen to that.
            Self::Number(digits) => serde_json::from_str(digits).unwrap_or_default(),
            Self::String(text) => text.into(),
        }
    }
}

impl<'a> Update<'a> {
    /// Whether the value at this place is complete.
    pub fn is_complete(&self) -> bool {
        matches!(self.change, Change::Value(_) | Change::Complete)
    }

    /// The key of the field that is complete with this update.
    pub fn completed_field(&self) -> Option<&'a str> {
        match self.path.last()? {
            PathSegment::Key(key) if self.is_complete() => Some(key),
            _ => None,
        }
    }

    /// The index of the array's item that is complete with this update.
    pub fn completed_item(&self) -> Option<usize> {
        match self.path.last()? {
            PathSegment::Index(index) if self.is_complete() => Some(index),
            _ => None,
        }
    }
}

impl Updates {
    pub(super) fn new(schema: Schema) -> Self {
        Self {
            reader: Reader::new(schema),
            state: State::default(),
        }
    }

    /// Sets how large the document may become; to be called before it begins.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        let reader = self.reader.limits(limits);
        Self { reader, ..self }
    }

    /// Takes the next bytes of the document, and tells what is new.
    ///
    /// # Errors
    ///
    /// A [`Violation`], once the document can no longer become valid; the same one from then on. What
    /// came before the byte that made it so has been told.
    pub fn feed(&mut self, bytes: &[u8], tell: impl FnMut(Update<'_>)) -> Result<(), Violation> {
        let state = &mut self.state;
        self.reader.feed(bytes, &mut Teller { state, tell })
    }

    /// Ends the document: a number at its root is complete now.
    ///
    /// # Errors
    ///
    /// A [`Violation`], if the document is incomplete or doesn't fit the schema.
    pub fn finish(&mut self, tell: impl FnMut(Update<'_>)) -> Result<(), Violation> {
        let state = &mut self.state;
        self.reader.finish(&mut Teller { state, tell })
    }

    /// Forgets everything, for another document of the schema.
    pub fn restart(&mut self) {
        self.reader.restart();
        self.state = State::default();
    }

    /// Whether the document is complete: nothing but white space may follow.
    pub fn is_done(&self) -> bool {
        self.reader.is_done()
    }
}

#[derive(Debug, Default)]
struct State {
    trail: Trail,
    in_key: bool,
    /// Whether the open string is told of when it is complete, and what there is of it.
    holds: bool,
    held: String,
    /// The literal that has begun.
    kind: Option<Kind>,
}

struct Teller<'a, F> {
    state: &'a mut State,
    tell: F,
}

impl<F: FnMut(Update<'_>)> Teller<'_, F> {
    #[inline]
    fn say(&mut self, change: Change<'_>) {
        let path = self.state.trail.path();
        (self.tell)(Update { path, change });
    }
}

impl<F: FnMut(Update<'_>)> Watch for Teller<'_, F> {
    #[inline]
    fn begin(&mut self, kind: Kind, held: bool, _at: u64) {
        self.state.trail.begin();
        match kind {
            Kind::Object | Kind::Array => {
                let is_object = kind == Kind::Object;
                self.say(if is_object {
                    Change::Object
                } else {
                    Change::Array
                });
                self.state.trail.open(is_object);
            }
            Kind::String => {
                self.state.holds = held;
                if held {
                    self.state.held.clear();
                } else {
                    self.say(Change::String);
                }
            }
            kind => self.state.kind = Some(kind),
        }
    }

    #[inline]
    fn key_begin(&mut self, _at: u64) {
        self.state.in_key = true;
        self.state.trail.key_begin();
    }

    #[inline]
    fn text(&mut self, text: &[u8], _at: u64) {
        if self.state.in_key {
            self.state.trail.key_text(text);
        } else if self.state.holds {
            self.state.held.push_str(as_text(text));
        } else {
            self.say(Change::Text(as_text(text)));
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
        self.state.in_key = false;
    }

    #[inline]
    fn string_end(&mut self, _at: u64, _source: Source<'_>) {
        if std::mem::take(&mut self.state.holds) {
            let path = self.state.trail.path();
            let change = Change::Value(Scalar::String(&self.state.held));
            (self.tell)(Update { path, change });
        } else {
            self.say(Change::Complete);
        }
    }

    #[inline]
    fn number(&mut self, digits: &[u8], _end: u64, _source: Source<'_>) {
        self.say(Change::Value(Scalar::Number(as_text(digits))));
    }

    #[inline]
    fn literal_end(&mut self, _at: u64, _source: Source<'_>) {
        let value = match self.state.kind {
            Some(Kind::True) => Scalar::Bool(true),
            Some(Kind::False) => Scalar::Bool(false),
            _ => Scalar::Null,
        };
        self.say(Change::Value(value));
    }

    #[inline]
    fn end(&mut self, _at: u64, _source: Source<'_>) {
        self.state.trail.close();
        self.say(Change::Complete);
    }
}

impl<F: FnMut(Update<'_>)> Passing for Teller<'_, F> {
    #[inline]
    fn needs(&self) -> u64 {
        u64::MAX
    }
}
