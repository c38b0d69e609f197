use std::{collections::BTreeMap, sync::Arc};

use super::{ContextSnapshot, Merge, messages::Messages, reduce::Functions};
use crate::{Json, Message, Text};

/// What a context holds at a moment; cheap to clone.
#[derive(Clone, Default)]
pub(super) struct State {
    /// A thread stays, with the number of its next message, when its messages are forgotten.
    pub(super) threads: Arc<BTreeMap<Text, Messages>>,
    pub(super) values: Arc<BTreeMap<Text, Entry>>,
    pub(super) functions: Functions,
    /// Counts the writes; a value remembers at which one it was written.
    pub(super) writes: u64,
    /// How far the threads go, if nothing was written to them since that was last asked.
    extents: Option<Arc<Extents>>,
}

#[derive(Clone)]
pub(super) struct Entry {
    /// None, if it was removed: branches are told of that, too.
    pub(super) value: Option<Json>,
    /// Not known of a value that was stored: then another writer's holds.
    pub(super) rule: Option<Merge>,
    pub(super) written: u64,
}

/// How far each thread goes.
pub(super) type Extents = BTreeMap<Text, Extent>;

/// The numbers of a thread's first message that is kept, and of its next one.
#[derive(Clone, Copy, Default)]
pub(super) struct Extent {
    pub(super) first: usize,
    pub(super) end: usize,
}

impl State {
    pub(super) fn write(&mut self, name: Text, value: Option<Json>, rule: Option<Merge>) {
        self.writes += 1;
        let entry = Entry {
            value,
            rule,
            written: self.writes,
        };
        Arc::make_mut(&mut self.values).insert(name, entry);
    }

    /// A thread that is to be written to.
    pub(super) fn thread(&mut self, name: &Text) -> &mut Messages {
        self.writes += 1;
        self.extents = None;
        Arc::make_mut(&mut self.threads)
            .entry(name.clone())
            .or_default()
    }

    pub(super) fn forget_all_messages(&mut self) {
        self.writes += 1;
        self.extents = None;
        for messages in Arc::make_mut(&mut self.threads).values_mut() {
            messages.forget_before(messages.end());
        }
    }

    pub(super) fn extents(&mut self) -> Arc<Extents> {
        let threads = &self.threads;
        let extents = self.extents.get_or_insert_with(|| {
            let extents = threads.iter().map(|(name, messages)| {
                let (first, end) = (messages.first(), messages.end());
                (name.clone(), Extent { first, end })
            });
            Arc::new(extents.collect())
        });
        Arc::clone(extents)
    }

    pub(super) fn threads(&self) -> impl Iterator<Item = (&Text, &[Message])> {
        self.threads
            .iter()
            .map(|(name, messages)| (name, messages.kept().as_slice()))
            .filter(|(_, messages)| !messages.is_empty())
    }

    pub(super) fn values(&self) -> impl Iterator<Item = (&Text, &Json)> {
        self.values
            .iter()
            .filter_map(|(name, entry)| Some((name, entry.value.as_ref()?)))
    }
}

impl From<ContextSnapshot> for State {
    fn from(snapshot: ContextSnapshot) -> Self {
        let threads = snapshot
            .threads
            .into_iter()
            .map(|(name, messages)| (name, messages.into()));
        let values = snapshot.values.into_iter().map(|(name, value)| {
            let entry = Entry {
                value: Some(value),
                rule: None,
                written: 0,
            };
            (name, entry)
        });
        Self {
            threads: Arc::new(threads.collect()),
            values: Arc::new(values.collect()),
            ..Self::default()
        }
    }
}

impl Entry {
    /// A value that was removed, nobody knows by which key.
    pub(super) fn removed() -> Self {
        Self {
            value: None,
            rule: None,
            written: 0,
        }
    }

    /// Whether it was written since then, and not only set and removed again.
    pub(super) fn is_new_since(&self, before: Option<&Self>) -> bool {
        let there = |entry: Option<&Self>| entry.is_some_and(|entry| entry.value.is_some());
        before.map(|before| before.written) != Some(self.written)
            && (there(Some(self)) || there(before))
    }
}
