use mainstem_structured::{Document, Patches, Schema, Violation};
use schemars::JsonSchema;

use super::followed::{Followed, Said};
use crate::{Error, ErrorKind, Event, Result, Text};

/// What a view makes of a document while it arrives.
pub(super) trait Growing: Sized {
    fn of(schema: &Schema) -> Self;
    fn feed(&mut self, bytes: &[u8]) -> Result<(), Violation>;
    fn finish(&mut self) -> Result<(), Violation>;
    fn restart(&mut self);
    fn is_done(&self) -> bool;
}

/// The document that a view follows, by the schema of a type.
#[derive(Debug)]
pub(super) struct Followable<D> {
    followed: Followed,
    /// Made with the first piece.
    document: Option<D>,
    /// There is something of a document that another one would have to replace.
    has_begun: bool,
    /// It doesn't fit the schema: what comes of it isn't looked at.
    is_unfit: bool,
}

impl<D: Growing> Followable<D> {
    pub(super) fn new() -> Self {
        Self::by(Followed::default())
    }

    pub(super) fn only(step: impl Into<Text>) -> Self {
        Self::by(Followed::only(step))
    }

    fn by(followed: Followed) -> Self {
        Self {
            followed,
            document: None,
            has_begun: false,
            is_unfit: false,
        }
    }

    /// What there is of the document.
    pub(super) fn document(&self) -> Option<&D> {
        self.document.as_ref()
    }

    pub(super) fn document_mut(&mut self) -> Option<&mut D> {
        self.document.as_mut()
    }

    /// Whether it looks at what tools say: only if a step was chosen by name.
    pub(super) fn follows_tools(&self) -> bool {
        self.followed.step().is_some()
    }

    /// Takes an event; whether the document has changed.
    pub(super) fn take<P: JsonSchema>(&mut self, event: &Event) -> Result<bool> {
        let is_done = self.document.as_ref().is_some_and(D::is_done);
        let text = match self.followed.take(event, is_done) {
            None => return Ok(false),
            Some(Said::Void) => return Ok(self.begin_again()),
            Some(Said::Ends) => return Ok(self.finish()),
            Some(Said::Begins(text)) => {
                self.begin_again();
                text
            }
            Some(Said::More(text)) => text,
        };
        if self.is_unfit {
            return Ok(false);
        }
        let document = match &mut self.document {
            Some(document) => document,
            none => none.insert(D::of(&schema_of::<P>()?)),
        };
        self.has_begun = true;
        let Err(violation) = document.feed(text.as_bytes()) else {
            return Ok(true);
        };
        self.begin_again();
        self.is_unfit = true;
        match self.followed.step() {
            None => Ok(true),
            Some(step) => Err(Error::new(
                ErrorKind::Output,
                format!("the JSON of step `{step}` doesn't fit the type that it is shown as"),
            )
            .with_source(violation)),
        }
    }

    /// Begins anew; whether there was something.
    fn begin_again(&mut self) -> bool {
        self.is_unfit = false;
        let had_begun = std::mem::take(&mut self.has_begun);
        if had_begun && let Some(document) = &mut self.document {
            document.restart();
        }
        had_begun
    }

    /// A number that is all of the document is complete now. What isn't complete stays so.
    fn finish(&mut self) -> bool {
        let document = self.document.as_mut().filter(|_| self.has_begun);
        document.is_some_and(|document| !document.is_done() && document.finish().is_ok())
    }
}

fn schema_of<P: JsonSchema>() -> Result<Schema> {
    Schema::of::<P>().map_err(|error| {
        let name = std::any::type_name::<P>();
        Error::new(
            ErrorKind::Config,
            format!("`{name}` has no schema that can be used"),
        )
        .with_source(error)
    })
}

impl Growing for Document {
    fn of(schema: &Schema) -> Self {
        schema.document()
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        Self::feed(self, bytes)
    }

    fn finish(&mut self) -> Result<(), Violation> {
        Self::finish(self)
    }

    fn restart(&mut self) {
        Self::restart(self);
    }

    fn is_done(&self) -> bool {
        Self::is_done(self)
    }
}

impl Growing for Patches {
    fn of(schema: &Schema) -> Self {
        schema.patches()
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        Self::feed(self, bytes)
    }

    fn finish(&mut self) -> Result<(), Violation> {
        Self::finish(self)
    }

    fn restart(&mut self) {
        Self::restart(self);
    }

    fn is_done(&self) -> bool {
        Self::is_done(self)
    }
}
