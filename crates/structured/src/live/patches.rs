use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{
    reader::{Passing, Reader, Source, Watch},
    trail::{Path, PathSegment, Trail, as_index, as_text, unescaped},
};
use crate::{Limits, Schema, Violation, kind::Kind};

/// One change of a document that arrives, to be sent to a client.
///
/// As JSON it has the fields `path`, a JSON pointer (RFC 6901); one of `value` and `append`, or
/// neither; and `done`, which is `true` or not there:
///
/// | patch | what it says |
/// |---|---|
/// | `{"path":"/records/0","value":{"id":7}}` | The value begins: what was there is replaced. |
/// | `{"path":"/records/0/name","append":"ys"}` | More text of the string. |
/// | `{"path":"/records/0/name","append":"!","done":true}` | The same, and it is complete. |
/// | `{"path":"/records/0","done":true}` | The value, with all that is in it, is complete. |
/// | `{"path":"/records/1","value":12,"done":true}` | A value that is complete at once. |
/// | `{"path":"","value":null}` | Nothing is there: what was shown is void, another attempt follows. |
///
/// What is within a `value` is complete; the value itself, if the patch is `done`. An item of an array
/// is appended: its index is the array's length so far. A number, a boolean, `null` and a string that
/// the schema takes from a list come once, complete.
///
/// ```
/// use mainstem_structured::Patch;
///
/// let mut document = serde_json::json!({"name": "ja"});
/// let patch: Patch = serde_json::from_str(r#"{"path":"/name","append":"y","done":true}"#)?;
/// patch.apply(&mut document)?;
/// assert_eq!(document["name"], "jay");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Patch {
    /// Where: a JSON pointer (RFC 6901).
    pub path: String,
    /// The value that is there from now on.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub value: Option<Value>,
    /// The text that follows at the end of the string there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub append: Option<String>,
    /// Whether the value there is complete.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub done: bool,
}

/// A field that is there, be it `null`.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

impl Patch {
    /// The patch that takes everything back.
    pub fn reset() -> Self {
        Self::of(String::new(), Some(Value::Null), None, false)
    }

    fn of(path: String, value: Option<Value>, append: Option<String>, done: bool) -> Self {
        Self {
            path,
            value,
            append,
            done,
        }
    }

    /// Changes a document, which is `null` before the first patch.
    ///
    /// # Errors
    ///
    /// A [`PatchError`], if the document isn't the one that the patch was made for: one was left out.
    /// The document stays as it was.
    pub fn apply(&self, document: &mut Value) -> Result<(), PatchError> {
        self.change(document).ok_or_else(|| PatchError {
            path: self.path.clone(),
        })
    }

    /// Looks first whether it fits, and changes the document only then.
    fn change(&self, document: &mut Value) -> Option<()> {
        match (&self.value, &self.append) {
            (Some(value), append) => {
                let value = appended(value, append.as_deref())?;
                *place(document, &self.path)? = value;
            }
            (None, Some(append)) => match document.pointer_mut(&self.path)? {
                Value::String(text) => text.push_str(append),
                _ => return None,
            },
            (None, None) => {
                document.pointer(&self.path)?;
            }
        }
        Some(())
    }
}

/// A value with the text that follows at once.
fn appended(value: &Value, append: Option<&str>) -> Option<Value> {
    match (value, append) {
        (value, None) => Some(value.clone()),
        (Value::String(text), Some(append)) => Some(Value::String(format!("{text}{append}"))),
        (_, Some(_)) => None,
    }
}

/// The place of a value, made if it is that of a new member or the next item.
///
/// None, and nothing made, if the document hasn't got such a place.
fn place<'a>(document: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    if path.is_empty() {
        return Some(document);
    }
    if !path.starts_with('/') {
        return None;
    }
    let (parent, last) = path.rsplit_once('/')?;
    match document.pointer_mut(parent)? {
        Value::Object(members) => Some(members.entry(unescaped(last)).or_insert(Value::Null)),
        Value::Array(items) => {
            let index = as_index(last)?;
            if index == items.len() {
                items.push(Value::Null);
            }
            items.get_mut(index)
        }
        _ => None,
    }
}

/// A patch for another document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchError {
    path: String,
}

impl fmt::Display for PatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        write!(
            f,
            "the patch at `{path}` doesn't fit the document; apply all patches, in order"
        )
    }
}

impl std::error::Error for PatchError {}

/// A document as [`Patch`]es, as its bytes arrive; made by [`Schema::patches`].
///
/// What arrives at once is put together: a value that begins and ends in it is one patch.
///
/// ```
/// use mainstem_structured::Schema;
///
/// let mut patches = Schema::any().patches();
/// patches.feed(br#"{"id": 7, "name": "ja"#)?;
/// let sent = serde_json::to_string(&patches.take()).unwrap();
/// assert_eq!(sent, r#"[{"path":"","value":{"id":7}},{"path":"/name","value":"ja"}]"#);
///
/// patches.feed(br#"y"}"#)?;
/// let sent = serde_json::to_string(&patches.take()).unwrap();
/// assert_eq!(sent, r#"[{"path":"/name","append":"y","done":true},{"path":"","done":true}]"#);
/// # Ok::<(), mainstem_structured::Violation>(())
/// ```
#[derive(Debug)]
pub struct Patches {
    reader: Reader,
    state: State,
}

impl Patches {
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

    /// Takes the next bytes of the document.
    ///
    /// # Errors
    ///
    /// A [`Violation`], once the document can no longer become valid; the same one from then on. The
    /// patches for what came before it are there.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        self.reader.feed(bytes, &mut self.state)
    }

    /// Ends the document: a number at its root is complete now.
    ///
    /// # Errors
    ///
    /// A [`Violation`], if the document is incomplete or doesn't fit the schema.
    pub fn finish(&mut self) -> Result<(), Violation> {
        self.reader.finish(&mut self.state)
    }

    /// The patches for what has come since the last call.
    pub fn take(&mut self) -> Vec<Patch> {
        self.state.flush();
        let patches = std::mem::take(&mut self.state.patches);
        if let Some(last) = patches.last() {
            self.state.was_given = *last != Patch::reset();
        }
        patches
    }

    /// Whether the document is complete: nothing but white space may follow.
    pub fn is_done(&self) -> bool {
        self.reader.is_done()
    }

    /// Forgets everything, for another document of the schema; the next patches begin with
    /// [`Patch::reset`], if any were given.
    pub fn restart(&mut self) {
        self.reader.restart();
        let was_given = self.state.was_given;
        self.state = State {
            was_given,
            ..State::default()
        };
        if was_given {
            self.state.patches.push(Patch::reset());
        }
    }
}

#[derive(Debug, Default)]
struct State {
    trail: Trail,
    patches: Vec<Patch>,
    /// The open arrays and objects that no patch tells of yet; they are the innermost ones.
    new: Vec<Value>,
    in_key: bool,
    string: Option<OpenString>,
    kind: Option<Kind>,
    /// Whether patches were taken that no reset has taken back since.
    was_given: bool,
}

/// The open string, and its text that no patch tells of yet.
#[derive(Debug)]
struct OpenString {
    text: String,
    is_new: bool,
    is_held: bool,
}

impl State {
    fn give(&mut self, path: &str, value: Option<Value>, append: Option<String>, done: bool) {
        let patch = Patch::of(path.to_owned(), value, append, done);
        self.patches.push(patch);
    }

    /// Makes patches of what has begun and isn't complete.
    fn flush(&mut self) {
        let new = std::mem::take(&mut self.new);
        let around = self.trail.depth() - new.len();
        for (index, value) in new.into_iter().enumerate() {
            let path = self.trail.path_at(around + index).to_string();
            self.give(&path, Some(value), None, false);
        }
        let Some(string) = self.string.as_mut().filter(|string| !string.is_held) else {
            return;
        };
        if string.is_new || !string.text.is_empty() {
            let is_new = std::mem::take(&mut string.is_new);
            let text = std::mem::take(&mut string.text);
            let path = self.trail.path().to_string();
            match is_new {
                true => self.give(&path, Some(text.into()), None, false),
                false => self.give(&path, None, Some(text), false),
            }
        }
    }

    /// A value is complete that no patch tells of.
    fn put(&mut self, value: Value) {
        let path = self.trail.path();
        match (self.new.last_mut(), path.last()) {
            (Some(Value::Array(items)), _) => items.push(value),
            (Some(Value::Object(members)), Some(PathSegment::Key(key))) => {
                members.insert(key.to_owned(), value);
            }
            _ => {
                let path = path.to_string();
                self.give(&path, Some(value), None, true);
            }
        }
    }

    fn path(&self) -> Path<'_> {
        self.trail.path()
    }
}

impl Watch for State {
    fn begin(&mut self, kind: Kind, held: bool, _at: u64) {
        self.trail.begin();
        match kind {
            Kind::Object | Kind::Array => {
                let is_object = kind == Kind::Object;
                self.trail.open(is_object);
                self.new.push(match is_object {
                    true => Value::Object(serde_json::Map::new()),
                    false => Value::Array(Vec::new()),
                });
            }
            Kind::String => {
                self.string = Some(OpenString {
                    text: String::new(),
                    is_new: true,
                    is_held: held,
                });
            }
            kind => self.kind = Some(kind),
        }
    }

    fn key_begin(&mut self, _at: u64) {
        self.in_key = true;
        self.trail.key_begin();
    }

    fn text(&mut self, text: &[u8], _at: u64) {
        if self.in_key {
            self.trail.key_text(text);
        } else if let Some(string) = &mut self.string {
            string.text.push_str(as_text(text));
        }
    }

    fn backslash(&mut self, _at: u64, _source: Source<'_>) {}

    fn escaped(&mut self, char: char, at: u64) {
        self.text(char.encode_utf8(&mut [0; 4]).as_bytes(), at);
    }

    fn key_end(&mut self, _at: u64) {
        self.in_key = false;
    }

    fn string_end(&mut self, _at: u64, _source: Source<'_>) {
        let Some(string) = self.string.take() else {
            return;
        };
        if string.is_new {
            return self.put(string.text.into());
        }
        let path = self.path().to_string();
        let append = (!string.text.is_empty()).then_some(string.text);
        self.give(&path, None, append, true);
    }

    fn number(&mut self, digits: &[u8], _end: u64, _source: Source<'_>) {
        // JSON, and finite: the parser has seen to that.
        self.put(serde_json::from_slice(digits).unwrap_or_default());
    }

    fn literal_end(&mut self, _at: u64, _source: Source<'_>) {
        self.put(match self.kind {
            Some(Kind::True) => true.into(),
            Some(Kind::False) => false.into(),
            _ => Value::Null,
        });
    }

    fn end(&mut self, _at: u64, _source: Source<'_>) {
        self.trail.close();
        match self.new.pop() {
            Some(value) => self.put(value),
            None => {
                let path = self.path().to_string();
                self.give(&path, None, None, true);
            }
        }
    }
}

impl Passing for State {
    #[inline]
    fn needs(&self) -> u64 {
        u64::MAX
    }
}
