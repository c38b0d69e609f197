//! Branches of a context, and what they know of what they began with.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, Weak, atomic::AtomicBool},
};

use serde_json::Value;

use super::{
    Context, ContextSnapshot, Inner,
    messages::Messages,
    state::{Entry, Extents, State},
};
use crate::{Error, ErrorKind, Json, Message, Result, Text, sync::lock};

/// What a fork began with.
pub(super) struct Base {
    pub(super) name: Text,
    parent: Weak<Inner>,
    threads: Arc<Extents>,
    values: Arc<BTreeMap<Text, Entry>>,
    /// If it began with a snapshot: up to which of its messages the parent knows the snapshot's.
    in_parent: Option<BTreeMap<Text, usize>>,
    pub(super) merged: AtomicBool,
}

impl Context {
    /// A branch: it begins with all that is here, and what it changes stays its own.
    ///
    /// It is for work that goes on at the same time as other work: see [`merge`](Self::merge). It is
    /// also the way to try something: give each attempt a fork and merge the one that succeeds. What
    /// the others added, half an answer for instance, is gone with them.
    ///
    /// The name is for the message of a conflict.
    ///
    /// ```
    /// use mainstem_core::{Context, Message};
    ///
    /// let ctx = Context::new();
    /// ctx.add_user_message("Which birds?");
    /// for (name, answer) in [("attempt 1", None), ("attempt 2", Some("Jays."))] {
    ///     let attempt = ctx.fork(name);
    ///     attempt.add_message(Message::assistant(answer.unwrap_or("Ja")));
    ///     if answer.is_some() {
    ///         ctx.merge([&attempt])?;
    ///     }
    /// }
    /// assert_eq!(ctx.messages().len(), 2);
    /// assert_eq!(ctx.messages()[1].text(), "Jays.");
    /// # Ok::<(), mainstem_core::Error>(())
    /// ```
    #[must_use]
    pub fn fork(&self, name: impl Into<Text>) -> Self {
        let mut state = lock(&self.0.state);
        let threads = state.extents();
        let state = state.clone();
        let base = Base {
            name: name.into(),
            parent: Arc::downgrade(&self.0),
            threads,
            values: Arc::clone(&state.values),
            in_parent: None,
            merged: AtomicBool::new(false),
        };
        Self::with(state, Some(base), Arc::clone(&self.0.ledger))
    }

    /// A branch that began with a snapshot of this context, taken earlier and maybe elsewhere.
    ///
    /// Merged into this one, it adds what it changed since the snapshot. Here that what differs from
    /// the snapshot counts as written by the context itself since the fork: values by their JSON,
    /// and of a thread the messages after those that the snapshot ends with.
    pub(crate) fn fork_from(&self, name: impl Into<Text>, snapshot: ContextSnapshot) -> Self {
        let mut state = State::from(snapshot);
        let parent = lock(&self.0.state);
        state.functions = parent.functions.clone();
        let in_parent = state.threads.iter().filter_map(|(name, messages)| {
            let thread = parent.threads.get(name)?;
            Some((name.clone(), end_of(messages.kept(), thread)))
        });
        let base = Base {
            name: name.into(),
            parent: Arc::downgrade(&self.0),
            in_parent: Some(in_parent.collect()),
            threads: state.extents(),
            values: Arc::clone(&state.values),
            merged: AtomicBool::new(false),
        };
        Self::with(state, Some(base), Arc::clone(&self.0.ledger))
    }

    /// What this began with, if it is a fork of that context.
    pub(super) fn base_in(&self, parent: &Self) -> Result<&Base> {
        match &self.0.base {
            None => Err(Error::new(
                ErrorKind::Conflict,
                "what is to be merged isn't a fork; make branches by `Context::fork`",
            )),
            Some(base) if !std::ptr::eq(base.parent.as_ptr(), &*parent.0) => Err(Error::new(
                ErrorKind::Conflict,
                format!(
                    "branch `{}` was forked from another context; merge it into that one",
                    base.name
                ),
            )),
            Some(base) => Ok(base),
        }
    }
}

impl Base {
    /// The number after the last message of a thread that was there at the fork.
    pub(super) fn known(&self, thread: &str) -> usize {
        self.threads.get(thread).map_or(0, |extent| extent.end)
    }

    /// Which number a message that was there at the fork has in the parent.
    pub(super) fn number_in_parent(&self, thread: &str, number: usize) -> usize {
        match &self.in_parent {
            None => number,
            Some(ends) => {
                let end = ends.get(thread).copied().unwrap_or(0);
                end.saturating_sub(self.known(thread) - number)
            }
        }
    }

    /// Whether a state of the fork has no other values than it began with.
    pub(super) fn has_values_of(&self, state: &State) -> bool {
        Arc::ptr_eq(&self.values, &state.values)
    }

    /// A value as it was at the fork.
    pub(super) fn value(&self, name: &str) -> Option<&Entry> {
        self.values.get(name)
    }

    /// What the parent itself wrote since the fork.
    pub(super) fn written_by<'a>(&self, parent: &'a State, name: &str) -> Option<Cow<'a, Entry>> {
        let before = self.value(name);
        let now = parent.values.get(name);
        if self.in_parent.is_none() {
            return now.filter(|it| it.is_new_since(before)).map(Cow::Borrowed);
        }
        let value = |entry: Option<&'a Entry>| entry.and_then(|entry| entry.value.as_ref());
        let before = before.and_then(|entry| entry.value.as_ref());
        let differs = match (before, value(now)) {
            (Some(before), Some(now)) => !is_same(before, now),
            (before, now) => before.is_some() != now.is_some(),
        };
        differs.then(|| now.map_or_else(|| Cow::Owned(Entry::removed()), Cow::Borrowed))
    }
}

/// Whether both say the same, with whatever white space and order of fields.
fn is_same(left: &Json, right: &Json) -> bool {
    let value = |json: &Json| json.to::<Value>().ok();
    left == right || value(left) == value(right)
}

/// The number after the last message of a thread that a snapshot knows, too.
///
/// The thread may have forgotten some of the snapshot's messages, the oldest ones, and got new ones.
fn end_of(snapshot: &[Message], thread: &Messages) -> usize {
    let there = thread.kept().as_slice();
    let is_kept = |from: &usize| {
        let kept = &snapshot[*from..];
        there.len() >= kept.len() && kept.iter().zip(there).all(|(a, b)| is_same_message(a, b))
    };
    let forgotten = (0..=snapshot.len()).find(is_kept);
    thread.first() + snapshot.len() - forgotten.unwrap_or(snapshot.len())
}

fn is_same_message(left: &Message, right: &Message) -> bool {
    let value = |message: &Message| serde_json::to_value(message).ok();
    left == right || value(left) == value(right)
}

#[cfg(test)]
mod tests;
