//! What a session remembers.

mod delta;
mod fork;
mod key;
mod merge;
mod messages;
#[cfg(test)]
mod random_ops;
mod reduce;
mod spending;
mod state;
mod thread;
mod turn;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
};

pub use delta::{ContextDelta, ValueDelta};
use fork::Base;
pub use key::{Key, Merge};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use state::State;
pub use thread::{History, Thread};
use tokio::sync::Semaphore;
pub(crate) use turn::Turn;

use crate::{
    Error, ErrorKind, Json, Message, Result, Text, Usage,
    sync::lock,
    usage::{Ledger, Share},
};

/// The state of one session: its conversations and its shared values.
///
/// Agents and flows have none of their own. A clone is the same session; [`fork`](Self::fork) makes
/// another one. One run at a time uses a context; a second one waits for it: see [`Busy`].
///
/// A run of an agent reads the messages, then adds the user's message and its own answer (marked
/// as partial, if the run failed or was stopped). A user's message that was added by hand isn't
/// added again, if it is the last one, identical, and has no answer yet.
///
/// ```
/// use mainstem_core::{Context, Key};
///
/// const NAME: Key<String> = Key::new("name");
///
/// let ctx = Context::new();
/// ctx.add_user_message("I am Ada.");
/// ctx.set(&NAME, &"Ada".to_owned())?;
/// assert_eq!(ctx.messages().len(), 1);
/// assert_eq!(ctx.get(&NAME)?.as_deref(), Some("Ada"));
/// # Ok::<(), mainstem_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Context(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    turn: Arc<Semaphore>,
    base: Option<Base>,
    /// What its runs use; one for all of its forks.
    ledger: Arc<Ledger>,
}

/// What a run does on a context that another run is using.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Busy {
    /// It waits for its turn; the default. Turns are taken in the order in which they were asked for.
    ///
    /// A run inside of the one that is using the context would wait for ever: it fails with [`ErrorKind::Busy`].
    #[default]
    Wait,
    /// It fails with [`ErrorKind::Busy`].
    Refuse,
}

/// All that a context holds, to be stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ContextSnapshot {
    /// The messages of each thread; the main one has the name `""`.
    pub threads: BTreeMap<Text, Vec<Message>>,
    /// The shared values.
    pub values: BTreeMap<Text, Json>,
    /// What all its runs have used, by model; of a fork, the runs of all that it is a fork of, too.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub usage: BTreeMap<Text, Usage>,
}

impl Context {
    /// A new, empty session.
    pub fn new() -> Self {
        Self::restore(ContextSnapshot::default())
    }

    fn with(state: State, base: Option<Base>, ledger: Arc<Ledger>) -> Self {
        Self(Arc::new(Inner {
            state: Mutex::new(state),
            turn: Arc::new(Semaphore::new(1)),
            base,
            ledger,
        }))
    }

    /// The main conversation.
    pub fn main(&self) -> Thread {
        self.thread("")
    }

    /// A conversation of its own, by name; `""` is the main one.
    pub fn thread(&self, name: impl Into<Text>) -> Thread {
        Thread::new(self.clone(), name.into())
    }

    /// The messages of the main conversation.
    pub fn messages(&self) -> History {
        self.main().messages()
    }

    /// Adds a message to the main conversation.
    pub fn add_message(&self, message: Message) {
        self.main().add(message);
    }

    /// Adds a user's message to the main conversation.
    pub fn add_user_message(&self, text: impl Into<Text>) {
        self.add_message(Message::user(text));
    }

    /// Forgets all messages of all threads; the shared values stay.
    pub fn clear_messages(&self) {
        lock(&self.0.state).forget_all_messages();
    }

    /// A shared value; none, if it was never set.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Value`], if what is there isn't a `T`.
    pub fn get<T: DeserializeOwned>(&self, key: &Key<T>) -> Result<Option<T>> {
        let value = self.value(key.name());
        match value.map(|value| value.to()).transpose() {
            Ok(value) => Ok(value),
            Err(error) => Err(Error::new(
                ErrorKind::Value,
                format!(
                    "the context's `{}` isn't a `{}`; read it by a key of the type that it was set as",
                    key.name(),
                    std::any::type_name::<T>()
                ),
            )
            .with_source(error)),
        }
    }

    /// A shared value by its name, as JSON; none, if it was never set.
    ///
    /// It is for names that are known only while the program runs, as those in a template;
    /// [`get`](Self::get) is typed.
    ///
    /// ```
    /// use mainstem_core::{Context, Key};
    ///
    /// const BIRD: Key<String> = Key::new("bird");
    /// let ctx = Context::new();
    /// ctx.set(&BIRD, &"jay".to_owned())?;
    /// assert_eq!(ctx.value("bird").unwrap().as_str(), r#""jay""#);
    /// assert!(ctx.value("fish").is_none());
    /// # Ok::<(), mainstem_core::Error>(())
    /// ```
    pub fn value(&self, name: &str) -> Option<Json> {
        let state = lock(&self.0.state);
        state.values.get(name)?.value.clone()
    }

    /// Sets a shared value.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Value`], if the value can't be JSON. Of kind [`ErrorKind::Config`] within a
    /// run that has a store, if the key is reduced by a function and isn't [declared](Self::declare).
    pub fn set<T: Serialize>(&self, key: &Key<T>, value: &T) -> Result<()> {
        let value = Json::new(value)?;
        self.note_key(key)?;
        lock(&self.0.state).write(key.name().into(), Some(value), Some(key.merge()));
        Ok(())
    }

    /// Removes a shared value; says whether it was there.
    pub fn remove<T>(&self, key: &Key<T>) -> bool {
        let mut state = lock(&self.0.state);
        let entry = state.values.get(key.name());
        let was_there = entry.is_some_and(|entry| entry.value.is_some());
        if was_there {
            state.write(key.name().into(), None, Some(key.merge()));
        }
        was_there
    }

    /// All that it holds.
    pub fn snapshot(&self) -> ContextSnapshot {
        let usage = self.ledger().used();
        let state = lock(&self.0.state);
        ContextSnapshot {
            usage,
            threads: state
                .threads()
                .map(|(name, messages)| (name.clone(), messages.to_vec()))
                .collect(),
            values: state
                .values()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        }
    }

    /// A session as it was stored, with what its runs had used.
    ///
    /// Its [limits](Self::set_usage_limits) and [prices](Self::set_prices) are the application's to set.
    pub fn restore(mut snapshot: ContextSnapshot) -> Self {
        let ledger = Ledger::new("context");
        for (model, usage) in std::mem::take(&mut snapshot.usage) {
            ledger.settle(None, &Share { model, usage });
        }
        Self::with(snapshot.into(), None, Arc::new(ledger))
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::new()
    }
}

/// Shows the names and sizes of what it holds, never the content.
impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.0.state);
        let threads: BTreeMap<_, _> = state.threads().map(|(name, m)| (name, m.len())).collect();
        let values: Vec<_> = state.values().map(|(name, _)| name).collect();
        f.debug_struct("Context")
            .field("messages", &threads)
            .field("values", &values)
            .finish()
    }
}
