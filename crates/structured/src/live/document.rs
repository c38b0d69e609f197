use super::{node::Node, partial::Partial, reader::Reader, tree::Tree};
use crate::{Limits, Schema, Violation};

/// A document that can be looked at while its bytes arrive; made by [`Schema::document`].
///
/// What is there only grows: texts, arrays and objects. A number, a boolean, `null` and a string that
/// the schema takes from a list (`enum` or `const`) aren't there before they are complete.
///
/// A look copies nothing and costs the same at any length: a [`Node`] borrows the document's text.
/// It keeps that text, 28 bytes for each value, and what stands in it with escapes once more. A document
/// is at most 4 GiB long.
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
    reader: Reader,
    tree: Tree,
    attempt: u32,
}

impl Document {
    pub(super) fn new(schema: Schema) -> Self {
        Self {
            reader: Reader::new(schema),
            tree: Tree::default(),
            attempt: 1,
        }
        .limits(Limits::new())
    }

    /// Sets how large the document may become; to be called before it begins.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        let places = limits.bytes(limits.bytes.min(u32::MAX.into()));
        let reader = self.reader.limits(places);
        Self { reader, ..self }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    ///
    /// A [`Violation`], once the document can no longer become valid; the same one from then on. What
    /// came before the byte that made it so can still be looked at.
    #[inline]
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        self.reader.feed(bytes, &mut self.tree)
    }

    /// Ends the document: a number at its root is complete now.
    ///
    /// # Errors
    ///
    /// A [`Violation`], if the document is incomplete or doesn't fit the schema.
    pub fn finish(&mut self) -> Result<(), Violation> {
        self.reader.finish(&mut self.tree)
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
        self.reader.is_done()
    }

    /// What was fed, as text; but for a character at its end that isn't whole.
    pub fn text(&self) -> &str {
        self.reader.text()
    }

    /// The schema.
    pub fn schema(&self) -> &Schema {
        self.reader.schema()
    }

    /// Forgets everything, for another document of the schema.
    pub fn restart(&mut self) {
        self.reader.restart();
        self.tree.clear();
        self.attempt += 1;
    }

    /// The document as a type that isn't complete yet.
    ///
    /// The schema is that of the type; a look at what it hasn't got is noticed by it.
    pub fn partial<T>(&self) -> Partial<'_, T> {
        Partial::new(self.text(), &self.tree, self.schema(), self.attempt)
    }
}
