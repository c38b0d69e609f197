//! What a step changed in its context.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    Context, Merge,
    state::{Extents, State},
};
use crate::{Error, ErrorKind, Json, Message, Result, Text, sync::lock};

/// What a step changed in the context: [`StepFinished`](crate::StepFinished) carries it.
///
/// With it a run that is resumed puts its context together again, without doing the step. As JSON it
/// is an object with those of the fields that have something to say:
///
/// ```
/// # let json = r#"
/// {
///   "forgotten": {"notes": 4},
///   "messages": {"": [{"role": "user", "parts": [{"type": "text", "text": "Which birds?"}]}]},
///   "values": {"facts": {"merge": "append", "value": ["blue"]}},
///   "removed": {"draft": "refuse"}
/// }
/// # "#;
/// # use mainstem_core::ContextDelta;
/// # let delta: ContextDelta = serde_json::from_str(json).unwrap();
/// # assert_eq!(delta.messages[""][0].text(), "Which birds?");
/// # let again = serde_json::to_value(&delta).unwrap();
/// # assert_eq!(again, serde_json::from_str::<serde_json::Value>(json).unwrap());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ContextDelta {
    /// How many messages of each thread were forgotten, the oldest ones; before any was added.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub forgotten: BTreeMap<Text, usize>,
    /// The messages that were added to each thread; the main one has the name `""`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub messages: BTreeMap<Text, Vec<Message>>,
    /// The shared values that were set.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<Text, ValueDelta>,
    /// The shared values that were removed, with the rules of the keys that did.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub removed: BTreeMap<Text, Merge>,
}

/// A shared value that was set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ValueDelta {
    /// The rule of the key that it was set by: so a fork that is put together again merges as it
    /// would have.
    pub merge: Merge,
    /// The value.
    pub value: Json,
}

impl ValueDelta {
    /// A value, with the rule of the key that it was set by.
    pub fn new(merge: Merge, value: Json) -> Self {
        Self { merge, value }
    }
}

/// A moment of a context.
#[derive(Clone)]
pub(crate) struct Mark {
    writes: u64,
    threads: Arc<Extents>,
}

impl Context {
    /// This moment, to ask later what has changed since.
    pub(crate) fn mark(&self) -> Mark {
        let mut state = lock(&self.0.state);
        Mark {
            writes: state.writes,
            threads: state.extents(),
        }
    }

    /// What was written since a moment of this context; none, if nothing was.
    pub(crate) fn changes_since(&self, mark: &Mark) -> Option<ContextDelta> {
        let state = lock(&self.0.state);
        if state.writes == mark.writes {
            return None;
        }
        let mut delta = ContextDelta::default();
        delta.take_threads(&state, mark);
        delta.take_values(&state, mark);
        (delta != ContextDelta::default()).then_some(delta)
    }

    /// Changes what a step had changed, as if it did so now.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Value`], if the context isn't as it was when the step began. Nothing is
    /// changed then.
    pub(crate) fn apply(&self, delta: &ContextDelta) -> Result<()> {
        let mut state = lock(&self.0.state);
        delta.check(&state)?;
        for (name, count) in &delta.forgotten {
            let thread = state.thread(name);
            thread.forget_before(thread.first() + count);
        }
        for (name, messages) in &delta.messages {
            state.thread(name).extend(messages);
        }
        for (name, set) in &delta.values {
            state.write(name.clone(), Some(set.value.clone()), Some(set.merge));
        }
        for (name, merge) in &delta.removed {
            state.write(name.clone(), None, Some(*merge));
        }
        Ok(())
    }
}

impl ContextDelta {
    fn take_threads(&mut self, state: &State, mark: &Mark) {
        for (name, messages) in &*state.threads {
            let before = mark.threads.get(name).copied().unwrap_or_default();
            let forgotten = messages.first().min(before.end) - before.first;
            if forgotten > 0 {
                self.forgotten.insert(name.clone(), forgotten);
            }
            let new = messages.since(before.end);
            if !new.is_empty() {
                self.messages.insert(name.clone(), new.to_vec());
            }
        }
    }

    fn take_values(&mut self, state: &State, mark: &Mark) {
        let entries = state.values.iter();
        for (name, entry) in entries.filter(|(_, entry)| entry.written > mark.writes) {
            let merge = entry.rule.unwrap_or_default();
            match entry.value.clone() {
                Some(value) => {
                    self.values
                        .insert(name.clone(), ValueDelta::new(merge, value));
                }
                None => {
                    self.removed.insert(name.clone(), merge);
                }
            }
        }
    }

    fn check(&self, state: &State) -> Result<()> {
        for (name, count) in &self.forgotten {
            let there = state.threads.get(name).map_or(0, |it| it.kept().len());
            if *count > there {
                return Err(Error::new(
                    ErrorKind::Value,
                    format!(
                        "a step forgot {count} messages of the thread `{name}`, which has {there}; \
                         resume the run with the context that it began with"
                    ),
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
