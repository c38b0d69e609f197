//! Branches of a context, and how they come together again.

use std::{collections::BTreeMap, sync::Arc};

use super::{Context, Entry, Merge, State};
use crate::{Error, ErrorKind, Json, Result, Text, sync::lock};

/// What a fork began with.
pub(super) struct Base {
    name: Text,
    threads: BTreeMap<Text, usize>,
    clears: u64,
    values: BTreeMap<Text, (u64, Json)>,
}

impl Base {
    fn of(state: &State, name: Text) -> Self {
        Self {
            name,
            threads: state
                .threads
                .iter()
                .map(|(name, m)| (name.clone(), m.len()))
                .collect(),
            clears: state.clears,
            values: state
                .values
                .iter()
                .map(|(name, entry)| (name.clone(), (entry.written, entry.value.clone())))
                .collect(),
        }
    }

    fn wrote(&self, name: &str, entry: &Entry) -> bool {
        self.values
            .get(name)
            .is_none_or(|(written, _)| *written != entry.written)
    }
}

impl Context {
    /// A branch: it begins with all that is here, and what it changes stays its own.
    ///
    /// Its name is for the message of a conflict. See [`merge`](Self::merge).
    #[must_use]
    pub fn fork(&self, name: impl Into<Text>) -> Self {
        let state = lock(&self.0.state).clone();
        let base = Base::of(&state, name.into());
        Self::with(state, Some(base))
    }

    /// Takes over what branches changed, in their order.
    ///
    /// Their new messages are appended. A value that one branch wrote is taken; one that several
    /// wrote goes by its key's [`Merge`].
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Conflict`], if two branches wrote a value and its key has no rule for
    /// that, or isn't a list where [`Merge::Append`] needs one. Nothing is taken over then.
    ///
    /// ```
    /// use mainstem_core::{Context, Key};
    ///
    /// const SCORE: Key<u8> = Key::new("score");
    /// let ctx = Context::new();
    /// let (left, right) = (ctx.fork("left"), ctx.fork("right"));
    /// left.set(&SCORE, &1)?;
    /// right.set(&SCORE, &2)?;
    /// let error = ctx.merge([&left, &right]).unwrap_err();
    /// assert_eq!(error.to_string(), "branches `left` and `right` both wrote `score`; \
    ///     give its key a rule by `Key::merged_by`, or let only one of them write it");
    /// # Ok::<(), mainstem_core::Error>(())
    /// ```
    pub fn merge<'a>(&self, branches: impl IntoIterator<Item = &'a Self>) -> Result<()> {
        let mut ends = Vec::new();
        for branch in branches {
            let Some(base) = &branch.0.base else {
                return Err(Error::new(
                    ErrorKind::Conflict,
                    "only a fork of a context can be merged into it",
                ));
            };
            ends.push((lock(&branch.0.state).clone(), base));
        }
        let mut state = lock(&self.0.state);
        let mut merged = state.clone();
        let mut writers = BTreeMap::new();
        for (branch, base) in ends {
            take_messages(&mut merged, &branch, base);
            take_values(&mut merged, &branch, base, &mut writers)?;
        }
        *state = merged;
        Ok(())
    }
}

fn take_messages(merged: &mut State, branch: &State, base: &Base) {
    for (name, messages) in &branch.threads {
        let known = match base.threads.get(name) {
            Some(&known) if branch.clears == base.clears => known,
            _ => 0,
        };
        if let Some(new) = messages.get(known..).filter(|new| !new.is_empty()) {
            let target = merged.threads.entry(name.clone()).or_default();
            Arc::make_mut(target).extend_from_slice(new);
        }
    }
}

fn take_values(
    merged: &mut State,
    branch: &State,
    base: &Base,
    writers: &mut BTreeMap<Text, Text>,
) -> Result<()> {
    for (name, entry) in &branch.values {
        if !base.wrote(name, entry) {
            continue;
        }
        let mut value = entry.value.clone();
        if let Some(earlier) = writers.insert(name.clone(), base.name.clone()) {
            match entry.merge {
                Merge::Refuse => return Err(conflict(&earlier, &base.name, name)),
                Merge::Replace => {}
                Merge::Append => {
                    let before = base.values.get(name).map(|(_, value)| value);
                    let so_far = merged.values.get(name).map(|entry| &entry.value);
                    value = append(so_far, before, &value)
                        .map_err(|error| conflict(&earlier, &base.name, name).with_source(error))?;
                }
            }
        }
        merged.writes += 1;
        let written = merged.writes;
        merged.values.insert(
            name.clone(),
            Entry {
                value,
                merge: entry.merge,
                written,
            },
        );
    }
    Ok(())
}

/// The list so far, and what a branch added to the list that it began with.
fn append(so_far: Option<&Json>, before: Option<&Json>, branch: &Json) -> Result<Json> {
    let list = |json: Option<&Json>| match json {
        Some(json) => json.to::<Vec<serde_json::Value>>(),
        None => Ok(Vec::new()),
    };
    let mut joined = list(so_far)?;
    let known = list(before)?.len();
    joined.extend(list(Some(branch))?.into_iter().skip(known));
    Json::new(&joined)
}

fn conflict(first: &str, second: &str, name: &str) -> Error {
    Error::new(
        ErrorKind::Conflict,
        format!(
            "branches `{first}` and `{second}` both wrote `{name}`; give its key a rule by \
             `Key::merged_by`, or let only one of them write it"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Key, Message};

    const FACTS: Key<Vec<u8>> = Key::new("facts").merged_by(Merge::Append);
    const LAST: Key<u8> = Key::new("last").merged_by(Merge::Replace);
    const ONE: Key<u8> = Key::new("one");

    #[test]
    fn messages_append_in_branch_order() {
        let ctx = Context::new();
        ctx.add_user_message("q");
        let (a, b) = (ctx.fork("a"), ctx.fork("b"));
        b.add_message(Message::assistant("from b"));
        a.add_message(Message::assistant("from a"));
        a.thread("own").add(Message::user("x"));
        ctx.merge([&a, &b]).unwrap();
        let texts: Vec<_> = ctx.messages().iter().map(Message::text).collect();
        assert_eq!(texts, ["q", "from a", "from b"]);
        assert_eq!(ctx.thread("own").messages().len(), 1);
    }

    #[test]
    fn values_go_by_the_rule_of_their_key() {
        let ctx = Context::new();
        ctx.set(&FACTS, &vec![1]).unwrap();
        let (a, b) = (ctx.fork("a"), ctx.fork("b"));
        a.set(&FACTS, &vec![1, 2]).unwrap();
        b.set(&FACTS, &vec![1, 3]).unwrap();
        a.set(&LAST, &1).unwrap();
        b.set(&LAST, &2).unwrap();
        a.set(&ONE, &7).unwrap();
        ctx.merge([&a, &b]).unwrap();
        assert_eq!(ctx.get(&FACTS).unwrap(), Some(vec![1, 2, 3]));
        assert_eq!(ctx.get(&LAST).unwrap(), Some(2));
        assert_eq!(ctx.get(&ONE).unwrap(), Some(7));
    }

    #[test]
    fn a_conflict_takes_nothing_over() {
        let ctx = Context::new();
        let (a, b) = (ctx.fork("a"), ctx.fork("b"));
        a.add_user_message("lost");
        a.set(&ONE, &1).unwrap();
        b.set(&ONE, &2).unwrap();
        assert_eq!(ctx.merge([&a, &b]).unwrap_err().kind(), ErrorKind::Conflict);
        assert!(ctx.messages().is_empty());
        assert_eq!(ctx.get(&ONE).unwrap(), None);
    }
}
