use super::{node::Node, partial::Partial, reader::Progress, trail::as_text, tree::Tree};
use crate::{Limits, Schema, Violation, machine::Stop};

/// How many bytes of ASCII are taken one by one: to look at all of them first takes longer.
const AT_ONCE: usize = 16;

/// A document that can be looked at while its bytes arrive; made by [`Schema::document`].
///
/// What is there only grows: texts, arrays and objects. A number, a boolean, `null` and a string that
/// the schema takes from a list (`enum` or `const`) aren't there before they are complete.
///
/// A look copies nothing and costs the same at any length: a [`Node`] borrows the document's text.
/// It keeps that text, 28 bytes for each value, and what stands in it with escapes once more. A document
/// is less than 4 GiB long, whatever the limits say.
///
/// ```
/// use mainstem_structured::Schema;
///
/// let mut document = Schema::any().document();
/// document.feed(br#"{"id": 12, "title": "Ja"#)?;
/// let root = document.root().unwrap();
/// assert_eq!(root.get("id").unwrap().read::<u32>(), Some(12));
/// let title = root.get("title").unwrap();
/// assert_eq!((title.as_str(), title.is_complete()), (Some("Ja"), false));
///
/// document.feed(br#"ys"}"#)?;
/// document.finish()?;
/// assert_eq!(document.at("/title").unwrap().as_str(), Some("Jays"));
/// # Ok::<(), mainstem_structured::Violation>(())
/// ```
#[derive(Debug)]
pub struct Document {
    progress: Progress,
    text: String,
    /// The first bytes of a character that was cut.
    tail: Vec<u8>,
    tree: Tree,
    attempt: u32,
}

impl Document {
    pub(super) fn new(schema: Schema) -> Self {
        Self {
            progress: Progress::new(schema),
            text: String::new(),
            tail: Vec::new(),
            tree: Tree::default(),
            attempt: 1,
        }
        .limits(Limits::new())
    }

    /// Sets how large the document may become; to be called before it begins.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.progress.set_limits(limits);
        self
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    ///
    /// A [`Violation`], once the document can no longer become valid; the same one from then on. What
    /// came before the byte that made it so can still be looked at.
    #[inline]
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        if !self.progress.has_refused() {
            match self.read(bytes) {
                Ok(()) => return Ok(()),
                Err(stop) => self.progress.refuse(stop),
            }
        }
        self.progress.verdict()
    }

    /// Ends the document: a number at its root is complete now.
    ///
    /// # Errors
    ///
    /// A [`Violation`], if the document is incomplete or doesn't fit the schema.
    pub fn finish(&mut self) -> Result<(), Violation> {
        if !self.progress.has_refused() {
            let from = self.progress.machine().needs();
            let bytes = [&self.text.as_bytes()[from as usize..], &self.tail].concat();
            if let Err(stop) = self.progress.finish(&bytes, from, &mut self.tree) {
                self.progress.refuse(stop);
            }
        }
        self.progress.verdict()
    }

    /// The whole value so far; none before it begins.
    #[inline]
    pub fn root(&self) -> Option<Node<'_>> {
        Node::new(self.text(), &self.tree, 0)
    }

    /// The value at a JSON pointer (RFC 6901), if it has begun.
    pub fn at(&self, pointer: &str) -> Option<Node<'_>> {
        self.root()?.at(pointer)
    }

    /// Whether the document is complete: nothing but white space may follow.
    pub fn is_done(&self) -> bool {
        self.progress.machine().is_done()
    }

    /// What was fed, as text; but for a character at its end that isn't whole.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The schema.
    pub fn schema(&self) -> &Schema {
        self.progress.schema()
    }

    /// Forgets everything, for another document of the schema.
    pub fn restart(&mut self) {
        self.progress.restart();
        self.text.clear();
        self.tail.clear();
        self.tree.clear();
        self.attempt += 1;
    }

    #[inline]
    fn read(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        if !self.tail.is_empty() {
            return self.complete(bytes);
        }
        if bytes.len() <= AT_ONCE && bytes.is_ascii() {
            self.text.extend(bytes.iter().copied().map(char::from));
            return self.read_on();
        }
        self.read_text(bytes)
    }

    #[inline]
    fn read_on(&mut self) -> Result<(), Stop> {
        let text = self.text.as_bytes();
        self.progress.run(text, 0, &mut self.tree)
    }

    /// Reads what may have other characters than ASCII in it.
    fn read_text(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let whole = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(cut) => as_text(&bytes[..cut.valid_up_to()]),
        };
        self.text.push_str(whole);
        self.read_on()?;
        if whole.len() < bytes.len() {
            self.tail.extend_from_slice(&bytes[whole.len()..]);
            return self.read_tail();
        }
        Ok(())
    }

    /// Completes a character that was cut, and reads on.
    #[cold]
    fn complete(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        for (index, byte) in bytes.iter().enumerate() {
            self.tail.push(*byte);
            match std::str::from_utf8(&self.tail) {
                Ok(_) => {
                    let whole = std::mem::take(&mut self.tail);
                    self.read_text(&whole)?;
                    return self.read(&bytes[index + 1..]);
                }
                Err(cut) if cut.error_len().is_none() => {}
                Err(_) => return self.read_tail(),
            }
        }
        Ok(())
    }

    /// Looks at bytes that aren't a whole character: in a string they may become one.
    #[cold]
    fn read_tail(&mut self) -> Result<(), Stop> {
        let from = self.progress.machine().needs();
        let bytes = [&self.text.as_bytes()[from as usize..], &self.tail].concat();
        self.progress.run(&bytes, from, &mut self.tree)
    }

    /// The document as a type that isn't complete yet.
    ///
    /// The schema is that of the type; a look at what it hasn't got is noticed by it.
    pub fn partial<T>(&self) -> Partial<'_, T> {
        Partial::new(self.text(), &self.tree, self.schema(), self.attempt)
    }
}
