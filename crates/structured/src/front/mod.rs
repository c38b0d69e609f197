//! What models put around JSON, and the small faults they make in it.

mod after;
mod document;
mod offsets;
mod opening;
mod output;
mod repair;

use std::fmt;

use after::After;
use document::Document;
use opening::{Found, Opening};
use output::Output;
pub use repair::{Repair, RepairKind, Repairs};

/// Finds the JSON document in the text of a language model.
///
/// A stage before the parser, for models that aren't held to JSON by their provider: it takes the
/// text as it arrives, in chunks that may end anywhere, and gives on the document's bytes, as they
/// are and as soon as they are known to be the document's.
///
/// ```
/// use mainstem_structured::{Front, FrontState, TextAfter};
///
/// let mut front = Front::new().text_after(TextAfter::Stop);
/// let mut clean = Vec::new();
/// let mut give = |piece: &[u8]| {
///     clean.extend_from_slice(piece);
///     Ok::<_, std::convert::Infallible>(())
/// };
/// assert_eq!(front.feed(b"Here [as asked] it is:\n``", &mut give)?, FrontState::Before);
/// assert_eq!(front.feed(b"`json\n{\"eggs\": ", &mut give)?, FrontState::Inside);
/// // The model can be stopped here: what follows is of no use.
/// assert_eq!(front.feed(b"5}\n```\nAnything else", &mut give)?, FrontState::Stop);
/// assert_eq!(clean, b"{\"eggs\": 5}");
/// assert_eq!(front.original_offset(1), 32);
/// # Ok::<(), std::convert::Infallible>(())
/// ```
///
/// # Where the document begins
///
/// A byte order mark at the start of the text is skipped, and so is everything up to the first of:
///
/// 1. a bracket that is the first thing in the text or in a code fence;
/// 2. outside of fences, a `{` that is the first thing in a line;
/// 3. anywhere, a bracket that JSON goes on from: a `{` before a `"` or `}`, a `[` before the first
///    byte of a value or a `]`. So "[as asked]" and "{name}" are prose.
///
/// White space doesn't count. A fence is a run of three or more backticks or tildes, with any text
/// after it, to the end of the line.
///
/// A bracket means a `{` or a `[`, or the one that [`Front::root`] or a schema names: with
/// [`Root::Object`], a footnote such as `[1]` is prose too. Where the rule takes prose for the document, nothing is
/// lost silently: the parser refuses it, at its offset in the original text.
///
/// # Memory
///
/// Held back is what can't be told yet: at most 64 bytes before the document; the backticks of a
/// fence, as a number; with [`Repairs::trailing_commas`], a comma and up to 1024 bytes of white
/// space. Besides, each repair takes 32 bytes, for [`Front::original_offset`].
#[derive(Clone, Debug)]
pub struct Front {
    /// As it was set.
    root: Option<Root>,
    /// As a schema says.
    default_root: Root,
    fences: bool,
    text_after: TextAfter,
    stage: Stage,
    /// How much of the original text was read.
    read: u64,
    output: Output,
}

#[derive(Clone, Debug)]
enum Stage {
    Before(Opening),
    Inside {
        document: Document,
        fence: Option<Fence>,
    },
    After(After),
}

/// A run of backticks or tildes.
#[derive(Clone, Copy, Debug, Default)]
struct Fence {
    mark: u8,
    length: usize,
}

impl Fence {
    fn is_closed_by(self, run: Self) -> bool {
        run.mark == self.mark && run.length >= self.length
    }
}

/// What a document can begin with, and so what in the prose before it can be its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Root {
    /// A `{` or a `[`.
    #[default]
    Container,
    /// A `{`.
    Object,
    /// A `[`.
    Array,
    /// Anything: a number as well.
    ///
    /// Prose can't be told from such a document, so none is skipped; fences are.
    Any,
}

impl Root {
    fn begins_with(self, byte: u8) -> bool {
        match byte {
            b'{' => self != Self::Array,
            b'[' => self != Self::Object,
            _ => false,
        }
    }
}

/// What happens to text behind the document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TextAfter {
    /// It is given on, but for the end of the fence that the document is in: the parser refuses it.
    #[default]
    Reject,
    /// It is swallowed.
    Ignore,
    /// It is swallowed, and [`FrontState::Stop`] says that nothing more is wanted.
    Stop,
}

/// How far a [`Front`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrontState {
    /// The document hasn't begun.
    Before,
    /// In the document.
    Inside,
    /// The document has ended, as far as counting brackets tells.
    After,
    /// The same, with [`TextAfter::Stop`]: the source of the text can be dropped.
    Stop,
}

impl Default for Front {
    fn default() -> Self {
        Self::new()
    }
}

impl Front {
    /// Skips prose before the document and takes away its fence; repairs nothing.
    pub fn new() -> Self {
        Self {
            root: None,
            default_root: Root::default(),
            fences: true,
            text_after: TextAfter::default(),
            stage: Stage::Before(Opening::new()),
            read: 0,
            output: Output::new(Repairs::none()),
        }
    }

    /// What the document begins with; by default, what the schema of a
    /// [`Checker`](crate::Checker::front) says, or else [`Root::Container`].
    #[must_use]
    pub fn root(mut self, root: Root) -> Self {
        self.root = Some(root);
        self
    }

    pub(crate) fn set_default_root(&mut self, root: Root) {
        self.default_root = root;
    }

    /// Whether code fences are known; they are by default.
    ///
    /// Without them, backticks are prose before the document, and text after it.
    #[must_use]
    pub fn fences(mut self, known: bool) -> Self {
        self.fences = known;
        self
    }

    /// What happens to text behind the document; [`TextAfter::Reject`] by default.
    #[must_use]
    pub fn text_after(mut self, text_after: TextAfter) -> Self {
        self.text_after = text_after;
        self
    }

    /// Which faults are repaired; none by default.
    #[must_use]
    pub fn repairs(mut self, repairs: Repairs) -> Self {
        self.output.set_repairs(repairs);
        self
    }

    /// Takes the next bytes of the text, and gives pieces of the document to `clean`.
    ///
    /// # Errors
    ///
    /// The first error of `clean`. There is no going on after it.
    pub fn feed<E>(
        &mut self,
        bytes: &[u8],
        mut clean: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<FrontState, E> {
        let begin = self.read;
        self.read += bytes.len() as u64;
        self.go_through(bytes, begin, &mut clean)?;
        Ok(self.state())
    }

    fn go_through<E>(
        &mut self,
        bytes: &[u8],
        begin: u64,
        clean: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let at = begin + (bytes.len() - rest.len()) as u64;
            rest = self.advance(rest, at, clean)?;
        }
        Ok(())
    }

    /// Takes bytes up to the end of a stage; what is left of them.
    fn advance<'a, E>(
        &mut self,
        bytes: &'a [u8],
        at: u64,
        clean: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<&'a [u8], E> {
        let root = self.root.unwrap_or(self.default_root);
        match &mut self.stage {
            Stage::Before(opening) => {
                for (index, &byte) in bytes.iter().enumerate() {
                    if let Found::Document = opening.step(byte, root, self.fences) {
                        let (held, fence) = opening.take();
                        let begin = at + index as u64 - held.len() as u64;
                        self.output.seam(begin);
                        self.stage = Stage::Inside {
                            document: Document::default(),
                            fence,
                        };
                        self.go_through(&held, begin, clean)?;
                        return Ok(&bytes[index..]);
                    }
                }
                Ok(&[])
            }
            Stage::Inside { document, fence } => {
                let Some(end) = document.feed(bytes, at, &mut self.output, clean)? else {
                    return Ok(&[]);
                };
                self.stage = Stage::After(After::new(*fence));
                Ok(&bytes[end..])
            }
            Stage::After(after) => {
                if self.text_after == TextAfter::Reject {
                    after.feed(bytes, at, &mut self.output, clean)?;
                }
                Ok(&[])
            }
        }
    }

    /// Says whether there was a document; whether it was whole, its parser knows.
    ///
    /// # Errors
    ///
    /// [`NoDocument`], if nothing in the text began one.
    pub fn finish(&self) -> Result<(), NoDocument> {
        match self.stage {
            Stage::Before(_) => {
                let root = self.root.unwrap_or(self.default_root);
                Err(NoDocument { root })
            }
            Stage::Inside { .. } | Stage::After(_) => Ok(()),
        }
    }

    /// How far it is.
    pub fn state(&self) -> FrontState {
        match self.stage {
            Stage::Before(_) => FrontState::Before,
            Stage::Inside { .. } => FrontState::Inside,
            Stage::After(_) if self.text_after == TextAfter::Stop => FrontState::Stop,
            Stage::After(_) => FrontState::After,
        }
    }

    /// The offset in the original text of a byte of the document, as it was given on.
    ///
    /// Of the escape that took the place of a raw byte, both bytes are at that byte. As long as
    /// there is no document, everything is at the end of what was read.
    pub fn original_offset(&self, clean: u64) -> u64 {
        self.output.offsets.original(clean).unwrap_or(self.read)
    }

    /// What was repaired so far, in the order of the text.
    pub fn made_repairs(&self) -> &[Repair] {
        &self.output.repairs
    }
}

/// A text without a JSON document in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoDocument {
    root: Root,
}

impl NoDocument {
    /// What was looked for, as a short phrase.
    pub fn expected(&self) -> &'static str {
        match self.root {
            Root::Container => "a JSON object or array",
            Root::Object => "a JSON object",
            Root::Array => "a JSON array",
            Root::Any => "a JSON document",
        }
    }
}

impl fmt::Display for NoDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, and the text has none", self.expected())
    }
}

impl std::error::Error for NoDocument {}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Whether fences are made of it.
fn is_mark(byte: u8) -> bool {
    matches!(byte, b'`' | b'~')
}
