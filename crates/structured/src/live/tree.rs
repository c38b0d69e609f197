//! The values of a document while it arrives, as nodes that point into its text.

use super::{
    reader::{Source, Watch},
    trail::as_text,
};
use crate::kind::Kind;

/// What isn't there yet, or not at all.
const NONE: u32 = u32::MAX;

/// A place in a text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    pub(super) from: u32,
    pub(super) to: u32,
}

/// One value.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) kind: Kind,
    /// Whether its key is in `unescaped`, and not in the document.
    is_key_escaped: bool,
    /// Whether its text is.
    is_escaped: bool,
    /// Its key; of an element of an array, nothing.
    key: Span,
    /// All of it in the document; `to` is none while it is growing.
    whole: Span,
    /// Of an escaped string, its text in `unescaped`. Of an array or object, the slot behind it (none
    /// while it is growing) and how many items or members it has.
    more: Span,
}

/// All values of a document, in the order in which they began.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    slots: Vec<Slot>,
    /// The open arrays and objects.
    open: Vec<u32>,
    /// Keys and strings that stand in the document with escapes.
    unescaped: String,
    key: Span,
    is_key_escaped: bool,
    /// Where the open number, literal or held string begins; none, if none is open.
    scalar: Option<(Kind, u32)>,
    /// Whether the open string, or key, has an escape.
    is_escaped: bool,
    /// Where the open string or key begins, and up to where there is text of it.
    string: Span,
    /// The text of the open string or key in `unescaped`.
    from: u32,
}

impl Tree {
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn slot(&self, index: u32) -> Option<&Slot> {
        self.slots.get(index as usize)
    }

    /// The slot behind a value and all that is in it; none, if there is none.
    pub(super) fn behind(&self, index: u32) -> Option<u32> {
        let slot = self.slot(index)?;
        let next = match slot.kind.is_container() {
            true => slot.more.from,
            false => index + 1,
        };
        (next < self.slots.len() as u32).then_some(next)
    }

    pub(super) fn key<'a>(&'a self, slot: &Slot, text: &'a str) -> &'a str {
        let from = match slot.is_key_escaped {
            true => &self.unescaped,
            false => text,
        };
        span(from, slot.key)
    }

    /// The text of a string so far.
    pub(super) fn string<'a>(&'a self, slot: &Slot, text: &'a str) -> &'a str {
        let is_open = slot.whole.to == NONE;
        match (slot.is_escaped || is_open && self.is_escaped, is_open) {
            (true, true) => &self.unescaped[self.from as usize..],
            (true, false) => span(&self.unescaped, slot.more),
            (false, true) => span(text, self.string),
            (false, false) => {
                let Span { from, to } = slot.whole;
                &text[from as usize + 1..to as usize - 1]
            }
        }
    }

    /// Adds a value to the open array or object.
    #[inline]
    fn add(&mut self, kind: Kind, whole: Span) {
        let mut key = Span::default();
        if let Some(parent) = self.open.last() {
            let parent = &mut self.slots[*parent as usize];
            parent.more.to += 1;
            if parent.kind == Kind::Object {
                key = self.key;
            }
        }
        self.slots.push(Slot {
            kind,
            is_key_escaped: self.is_key_escaped,
            is_escaped: false,
            key,
            whole,
            more: Span { from: NONE, to: 0 },
        });
    }
}

impl Slot {
    pub(super) fn is_complete(&self) -> bool {
        self.whole.to != NONE
    }

    /// The value in the document, once it is complete.
    pub(super) fn source<'a>(&self, text: &'a str) -> Option<&'a str> {
        self.is_complete().then(|| span(text, self.whole))
    }

    /// How many items or members have begun.
    pub(super) fn len(&self) -> usize {
        match self.kind.is_container() {
            true => self.more.to as usize,
            false => 0,
        }
    }

    /// The first slot within, if there is one.
    pub(super) fn first(&self, index: u32) -> Option<u32> {
        (self.len() > 0).then_some(index + 1)
    }
}

fn span(text: &str, span: Span) -> &str {
    &text[span.from as usize..span.to as usize]
}

impl Watch for Tree {
    #[inline]
    fn begin(&mut self, kind: Kind, held: bool, at: u64) {
        let at = at as u32;
        match kind {
            Kind::Object | Kind::Array => {
                let index = self.slots.len() as u32;
                self.add(kind, Span { from: at, to: NONE });
                self.open.push(index);
            }
            Kind::String => {
                self.is_escaped = false;
                self.string = Span {
                    from: at + 1,
                    to: at + 1,
                };
                self.scalar = held.then_some((kind, at));
                if !held {
                    self.add(kind, Span { from: at, to: NONE });
                }
            }
            _ => self.scalar = Some((kind, at)),
        }
    }

    #[inline]
    fn key_begin(&mut self, at: u64) {
        self.is_escaped = false;
        let at = at as u32 + 1;
        self.string = Span { from: at, to: at };
    }

    #[inline]
    fn text(&mut self, text: &[u8], at: u64) {
        self.string.to = at as u32 + text.len() as u32;
        if self.is_escaped {
            self.unescaped.push_str(as_text(text));
        }
    }

    #[inline]
    fn backslash(&mut self, at: u64, source: Source<'_>) {
        if !std::mem::replace(&mut self.is_escaped, true) {
            self.from = self.unescaped.len() as u32;
            let before = source.slice(self.string.from.into(), at);
            self.unescaped.push_str(as_text(before));
        }
    }

    #[inline]
    fn escaped(&mut self, char: char, _at: u64) {
        self.unescaped.push(char);
    }

    #[inline]
    fn key_end(&mut self, _at: u64) {
        self.is_key_escaped = self.is_escaped;
        self.key = match self.is_escaped {
            true => Span {
                from: self.from,
                to: self.unescaped.len() as u32,
            },
            false => self.string,
        };
    }

    #[inline]
    fn string_end(&mut self, at: u64, _source: Source<'_>) {
        if let Some((kind, from)) = self.scalar.take() {
            self.add(kind, Span { from, to: NONE });
        }
        if let Some(slot) = self.slots.last_mut() {
            slot.whole.to = at as u32 + 1;
            slot.is_escaped = self.is_escaped;
            if self.is_escaped {
                slot.more = Span {
                    from: self.from,
                    to: self.unescaped.len() as u32,
                };
            }
        }
    }

    #[inline]
    fn number(&mut self, _digits: &[u8], end: u64, _source: Source<'_>) {
        if let Some((kind, from)) = self.scalar.take() {
            let to = end as u32;
            self.add(kind, Span { from, to });
        }
    }

    #[inline]
    fn literal_end(&mut self, at: u64, source: Source<'_>) {
        self.number(&[], at + 1, source);
    }

    #[inline]
    fn end(&mut self, at: u64, _source: Source<'_>) {
        let behind = self.slots.len() as u32;
        if let Some(index) = self.open.pop() {
            let slot = &mut self.slots[index as usize];
            slot.whole.to = at as u32 + 1;
            slot.more.from = behind;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_small() {
        assert_eq!(size_of::<Slot>(), 28);
    }
}
