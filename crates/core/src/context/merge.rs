//! How branches of a context come together again.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use serde_json::{Value, value::RawValue};

use super::{
    Context, Merge,
    fork::Base,
    reduce::Reduce,
    state::{Entry, State},
};
use crate::{Error, ErrorKind, Json, Result, Text, sync::lock};

/// A fork as it is at its merge.
struct Branch<'a> {
    base: &'a Base,
    state: State,
}

/// What a value comes to, and who wrote it last.
struct Change<'a> {
    /// A branch; none, if it was the context itself.
    by: Option<&'a str>,
    entry: Entry,
    /// The joined list, which the entry doesn't have yet: so it is read and written once, however
    /// many add to it.
    list: Option<Items>,
}

impl Context {
    /// Takes over what branches changed, in the order in which they are given.
    ///
    /// A fork is merged into the context that it was forked from, once. What it changed is what it
    /// changed since the fork; forks of a fork that were merged into it included.
    ///
    /// **Messages** are appended, thread by thread: first what the context itself added since the
    /// fork, then what each branch added. Where a branch forgot its messages, the ones that were
    /// there at its fork are forgotten here too; what the context or another branch added since
    /// stays. So no new message is ever lost, and the order of branches is the order of their
    /// messages in a thread that several added to.
    ///
    /// **Values**, key by key, go by who wrote them since the fork: the context itself, which counts
    /// as the first, and the branches in their order. Removing is writing; setting what wasn't there
    /// and removing it again isn't.
    ///
    /// | the key's [`Merge`] | one of them wrote | several wrote |
    /// |---|---|---|
    /// | [`Refuse`](Merge::Refuse) | its value, or its removal | an error that names two of them |
    /// | [`Replace`](Merge::Replace) | as above | the last one's value, or its removal |
    /// | [`Append`](Merge::Append) | as above | what was there, then what each added; an error, if one did anything else than add to a list |
    /// | [`Reduce`](Merge::Reduce) | as above | what its function makes of them, one after the other; an error, if one of them removed it |
    ///
    /// If they wrote it by keys of different rules, [`Refuse`](Merge::Refuse) holds. The order of
    /// branches matters for values under `Replace`, `Append` and `Reduce` alone. Merging branches one by one,
    /// in their order, comes to the same as merging them together, if nothing is refused.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Conflict`], if a value can't be merged, or a branch isn't a fork of this
    /// context or was merged already. Nothing is taken over then, of no branch.
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
    /// assert_eq!(error.to_string(), "branch `left` and branch `right` both wrote `score`; \
    ///     give its key a rule by `Key::merged_by`, or let only one of them write it");
    /// # Ok::<(), mainstem_core::Error>(())
    /// ```
    pub fn merge<'a>(&self, branches: impl IntoIterator<Item = &'a Self>) -> Result<()> {
        let mut taken = Vec::new();
        for branch in branches {
            let base = branch.base_in(self)?;
            let state = lock(&branch.0.state).clone();
            taken.push(Branch { base, state });
        }
        // Held to the end: only here forks of this context are claimed.
        let mut state = lock(&self.0.state);
        claim(&taken)?;
        let changes = match changes(&state, &taken) {
            Ok(changes) => changes,
            Err(error) => {
                release(&taken);
                return Err(error);
            }
        };
        for branch in &taken {
            take_messages(&mut state, branch);
        }
        for (name, entry) in changes {
            if entry.rule == Some(Merge::Reduce) {
                for branch in &taken {
                    state.functions.learn(name, &branch.state.functions);
                }
            }
            state.write(name.clone(), entry.value, entry.rule);
        }
        Ok(())
    }
}

/// Marks branches as merged; none of them, if one was already.
fn claim(branches: &[Branch<'_>]) -> Result<()> {
    for (index, Branch { base, .. }) in branches.iter().enumerate() {
        if base.merged.swap(true, Ordering::Relaxed) {
            release(&branches[..index]);
            return Err(Error::new(
                ErrorKind::Conflict,
                format!(
                    "branch `{}` was merged already; make another fork for what comes next",
                    base.name
                ),
            ));
        }
    }
    Ok(())
}

fn release(branches: &[Branch<'_>]) {
    for branch in branches {
        branch.base.merged.store(false, Ordering::Relaxed);
    }
}

fn take_messages(state: &mut State, branch: &Branch<'_>) {
    for (name, messages) in &*branch.state.threads {
        let known = branch.base.known(name);
        let new = messages.since(known);
        let forgotten = messages.first().min(known);
        if new.is_empty() && forgotten == 0 {
            continue;
        }
        let thread = state.thread(name);
        thread.forget_before(branch.base.number_in_parent(name, forgotten));
        if !new.is_empty() {
            thread.extend(new);
        }
    }
}

/// What the values come to that the branches wrote.
fn changes<'a>(state: &State, branches: &'a [Branch<'_>]) -> Result<BTreeMap<&'a Text, Entry>> {
    let mut changes = BTreeMap::<&Text, Change<'_>>::new();
    for branch in branches {
        if branch.base.has_values_of(&branch.state) {
            continue;
        }
        for (name, entry) in &*branch.state.values {
            let before = branch.base.value(name);
            if !entry.is_new_since(before) {
                continue;
            }
            let by_itself = || {
                let entry = branch.base.written_by(state, name)?.into_owned();
                Some(Change::new(None, entry))
            };
            let by = Some(&*branch.base.name);
            let change = match changes.remove(name).or_else(by_itself) {
                None => Change::new(by, entry.clone()),
                Some(earlier) => {
                    let functions = [&branch.state.functions, &state.functions];
                    let function = functions.iter().find_map(|known| known.get(name));
                    let join = Join {
                        before: before.and_then(|entry| entry.value.as_ref()),
                        function: function.map(|function| &**function),
                    };
                    let first = earlier.by;
                    (join.of(earlier, by, entry))
                        .map_err(|why| conflict(first, &branch.base.name, name, why))?
                }
            };
            changes.insert(name, change);
        }
    }
    changes
        .into_iter()
        .map(|(name, change)| Ok((name, change.finish()?)))
        .collect()
}

impl<'a> Change<'a> {
    fn new(by: Option<&'a str>, entry: Entry) -> Self {
        let list = None;
        Self { by, entry, list }
    }

    fn finish(mut self) -> Result<Entry> {
        if let Some(list) = self.list {
            self.entry.value = Some(Json::new(&list)?);
        }
        Ok(self.entry)
    }
}

/// Why two that wrote a value can't be merged.
enum Why {
    Refused,
    DifferentRules,
    NotAppended(Option<Error>),
    NoFunction,
    Removed,
    NotReduced(Error),
}

/// What comes of a value that was written, then by another branch again.
struct Join<'a> {
    /// As it was at the branch's fork.
    before: Option<&'a Json>,
    function: Option<&'a dyn Reduce>,
}

impl Join<'_> {
    fn of<'a>(
        &self,
        earlier: Change<'_>,
        by: Option<&'a str>,
        later: &Entry,
    ) -> Result<Change<'a>, Why> {
        let rule = match (earlier.entry.rule, later.rule) {
            (Some(earlier), Some(later)) if earlier != later => return Err(Why::DifferentRules),
            (earlier, later) => later.or(earlier),
        };
        let mut change = Change::new(by, later.clone());
        change.entry.rule = rule;
        match rule.unwrap_or_default() {
            Merge::Refuse => return Err(Why::Refused),
            Merge::Replace => {}
            Merge::Append => change.list = Some(self.append(earlier, later.value.as_ref())?),
            Merge::Reduce => {
                let so_far = earlier.entry.value.as_ref();
                change.entry.value = Some(self.reduce(so_far, later.value.as_ref())?);
            }
        }
        Ok(change)
    }

    /// The earlier list, and what the later one added to what was there before both.
    fn append(&self, earlier: Change<'_>, later: Option<&Json>) -> Result<Items, Why> {
        let items = |list: Option<&Json>| match list {
            Some(list) => list
                .to::<Items>()
                .map_err(|error| Why::NotAppended(Some(error))),
            None => Ok(Items::new()),
        };
        let mut joined = match earlier.list {
            Some(list) => list,
            None => items(earlier.entry.value.as_ref())?,
        };
        let (before, later) = (items(self.before)?, items(later)?);
        if !begins_with(&joined, &before) || !begins_with(&later, &before) {
            return Err(Why::NotAppended(None));
        }
        joined.extend(later.into_iter().skip(before.len()));
        Ok(joined)
    }

    fn reduce(&self, so_far: Option<&Json>, branch: Option<&Json>) -> Result<Json, Why> {
        let (Some(so_far), Some(branch)) = (so_far, branch) else {
            return Err(Why::Removed);
        };
        let function = self.function.ok_or(Why::NoFunction)?;
        (function.reduce(self.before, so_far, branch)).map_err(Why::NotReduced)
    }
}

type Items = Vec<Box<RawValue>>;

fn begins_with(list: &Items, beginning: &Items) -> bool {
    // The same item may be written with other white space, where a context was stored between.
    let value = |item: &RawValue| serde_json::from_str::<Value>(item.get()).ok();
    list.len() >= beginning.len()
        && list
            .iter()
            .zip(beginning)
            .all(|(a, b)| a.get() == b.get() || value(a) == value(b))
}

/// `first` is the context itself, if it isn't named.
fn conflict(first: Option<&str>, second: &str, name: &str, why: Why) -> Error {
    let first = match first {
        Some(branch) => format!("branch `{branch}`"),
        None => "the context itself".to_owned(),
    };
    let both = format!("{first} and branch `{second}` both wrote `{name}`");
    let message = match &why {
        Why::Refused => format!(
            "{both}; give its key a rule by `Key::merged_by`, or let only one of them write it"
        ),
        Why::DifferentRules => {
            format!("{both} by keys of different rules; let them share one `Key`")
        }
        Why::NotAppended(_) => format!(
            "{both}, whose rule is `Append`, and one did something else than add to a list; only \
             add to it in branches"
        ),
        Why::NoFunction => format!(
            "{both}, whose rule is `Reduce`, and its function isn't known here; declare its key by \
             `Context::declare`"
        ),
        Why::Removed => {
            format!("{both}, whose rule is `Reduce`, and one removed it; only set it in branches")
        }
        Why::NotReduced(_) => format!(
            "{both}, whose rule is `Reduce`, and its function can't be called with what they wrote; \
             let all keys of that name have the same type"
        ),
    };
    let error = Error::new(ErrorKind::Conflict, message);
    match why {
        Why::NotAppended(Some(source)) | Why::NotReduced(source) => error.with_source(source),
        _ => error,
    }
}
