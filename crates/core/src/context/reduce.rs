//! Values that a function makes one of.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

use super::{Context, Key};
use crate::{Error, ErrorKind, Json, Result, Text, sync::lock};

/// Of the value at the fork, the value so far and a branch's, the next value so far.
pub(super) type Function<T> = fn(Option<T>, T, T) -> T;

/// The function of a key, for values as JSON.
pub(super) trait Reduce: Send + Sync {
    fn reduce(&self, before: Option<&Json>, so_far: &Json, branch: &Json) -> Result<Json>;
}

pub(super) struct Typed<T>(Function<T>);

impl<T: Serialize + DeserializeOwned + 'static> Typed<T> {
    pub(super) fn erase(function: Function<T>) -> Arc<dyn Reduce> {
        Arc::new(Self(function))
    }
}

impl<T: Serialize + DeserializeOwned> Reduce for Typed<T> {
    fn reduce(&self, before: Option<&Json>, so_far: &Json, branch: &Json) -> Result<Json> {
        let before = before.map(Json::to).transpose()?;
        Json::new(&(self.0)(before, so_far.to()?, branch.to()?))
    }
}

/// The functions of keys that a context knows; cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Functions {
    known: Arc<BTreeMap<Text, Known>>,
    /// Only a declared key's may be used.
    demands: bool,
}

#[derive(Clone)]
struct Known {
    function: Arc<dyn Reduce>,
    declared: bool,
}

impl Functions {
    pub(super) fn get(&self, name: &str) -> Option<&Arc<dyn Reduce>> {
        self.known.get(name).map(|known| &known.function)
    }

    /// Takes note of the function of a key that is set.
    fn note(&mut self, name: &str, function: Arc<dyn Reduce>) -> Result<()> {
        if self.is_declared(name) {
            return Ok(());
        }
        self.check(name)?;
        self.insert(name, function, false);
        Ok(())
    }

    /// Refuses a key that isn't declared, if it has to be.
    pub(super) fn check(&self, name: &str) -> Result<()> {
        if !self.demands || self.is_declared(name) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Config,
            format!(
                "`{name}` is reduced by a function, and its key isn't declared: a run that is \
                 resumed wouldn't know the function; declare the key by `Flow::key`, or by \
                 `Context::declare` on the run's context"
            ),
        ))
    }

    /// Takes over the function that a branch knows, if there is none yet.
    pub(super) fn learn(&mut self, name: &str, from: &Self) {
        if let (None, Some(function)) = (self.get(name), from.get(name)) {
            self.insert(name, Arc::clone(function), false);
        }
    }

    fn is_declared(&self, name: &str) -> bool {
        self.known.get(name).is_some_and(|known| known.declared)
    }

    fn insert(&mut self, name: &str, function: Arc<dyn Reduce>, declared: bool) {
        let known = Known { function, declared };
        Arc::make_mut(&mut self.known).insert(name.into(), known);
    }
}

impl Context {
    /// Makes the function of a [reduced](Key::reduced_by) key known, here and in forks to come.
    ///
    /// A run that is resumed finds in its log which values were written, and by which rule; but a
    /// function can't be logged. So in a run with a store such a key must be declared before it is
    /// set, each time: that is checked in the first run already. Keys with another rule needn't be
    /// declared.
    ///
    /// ```
    /// use mainstem_core::{Context, Key};
    ///
    /// const BEST: Key<u32> = Key::new("best").reduced_by(|_, so_far, branch| so_far.max(branch));
    ///
    /// let ctx = Context::new();
    /// ctx.declare(&BEST);
    /// # ctx.set(&BEST, &1)?;
    /// # Ok::<(), mainstem_core::Error>(())
    /// ```
    pub fn declare<T>(&self, key: &Key<T>) {
        if let Some(function) = key.function() {
            lock(&self.0.state)
                .functions
                .insert(key.name(), function, true);
        }
    }

    /// From now on, here and in forks to come, a reduced key that isn't declared is refused.
    pub(crate) fn demand_declarations(&self) {
        lock(&self.0.state).functions.demands = true;
    }

    /// Takes note of a key that is to be set.
    pub(super) fn note_key<T>(&self, key: &Key<T>) -> Result<()> {
        match key.function() {
            None => Ok(()),
            Some(function) => lock(&self.0.state).functions.note(key.name(), function),
        }
    }
}

#[cfg(test)]
mod tests;
