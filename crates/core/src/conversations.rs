use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
};

use futures::{FutureExt, future::BoxFuture};
use serde::{Deserialize, Serialize};

use crate::{ContextSnapshot, Error, ErrorKind, Result, Text, Timestamp, sync::lock};

/// A home for conversations: a context is loaded before a turn and saved after it.
///
/// Every conversation is somebody's. Each owner has ids of their own, so that an id that somebody
/// else uses is like one that nobody uses: it can't be read, overwritten or found out. Who the
/// owner is, the application says; it is never taken from what a client sent.
pub trait Conversations: Send + Sync + 'static {
    /// An owner's conversation; none, if the owner has none of that id.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Store`], if the store fails.
    fn load(&self, owner: &str, id: &str) -> BoxFuture<'static, Result<Option<Conversation>>>;

    /// Saves a conversation at a turn's end, as its owner's, and gives its new version.
    ///
    /// The conversation carries the version that was loaded; 0 for a new one.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Conflict`], if it was saved or deleted in between; of kind
    /// [`ErrorKind::Store`], if the store fails.
    fn save(&self, conversation: Conversation) -> BoxFuture<'static, Result<u64>>;

    /// The conversations of an owner, `limit` at most, those first that were saved last.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Store`], if the store fails.
    fn list(&self, owner: &str, limit: usize) -> BoxFuture<'static, Result<Vec<ConversationInfo>>>;

    /// Deletes an owner's conversation; says whether it was there.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Store`], if the store fails.
    fn delete(&self, owner: &str, id: &str) -> BoxFuture<'static, Result<bool>>;
}

/// A conversation as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Conversation {
    /// Its id among its owner's.
    pub id: Text,
    /// Whose it is.
    pub owner: Text,
    /// Which save it is, from 1; 0 before the first.
    pub version: u64,
    /// What it holds.
    pub context: ContextSnapshot,
}

impl Conversation {
    /// A conversation that was never saved.
    pub fn new(id: impl Into<Text>, owner: impl Into<Text>, context: ContextSnapshot) -> Self {
        Self {
            id: id.into(),
            owner: owner.into(),
            version: 0,
            context,
        }
    }
}

/// A row of a list of conversations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ConversationInfo {
    /// Its id.
    pub id: Text,
    /// Which save it is.
    pub version: u64,
    /// When it was saved.
    pub saved: Timestamp,
}

impl ConversationInfo {
    /// A row.
    pub fn new(id: impl Into<Text>, version: u64, saved: Timestamp) -> Self {
        Self {
            id: id.into(),
            version,
            saved,
        }
    }
}

/// Conversations in this process's memory; a clone is the same home.
///
/// ```
/// # futures::executor::block_on(async {
/// use mainstem_core::{Context, Conversation, Conversations, MemoryConversations};
///
/// let home = MemoryConversations::new();
/// let first = Conversation::new("c1", "ada", Context::new().snapshot());
/// assert_eq!(home.save(first.clone()).await?, 1);
/// assert!(home.save(first).await.is_err(), "it was saved in between");
/// assert!(home.load("ada", "c1").await?.is_some());
/// assert!(home.load("bob", "c1").await?.is_none());
/// assert_eq!(home.list("ada", 10).await?.len(), 1);
/// assert!(home.delete("ada", "c1").await?);
/// # Ok::<(), mainstem_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Default)]
pub struct MemoryConversations {
    homes: Arc<Mutex<Homes>>,
}

#[derive(Default)]
struct Homes {
    /// By owner, then by id.
    saved: BTreeMap<Text, BTreeMap<Text, Saved>>,
    saves: u64,
}

struct Saved {
    conversation: Conversation,
    at: Timestamp,
    /// Which of all saves it was: a clock may stand still, or go back.
    save: u64,
}

impl MemoryConversations {
    /// An empty home.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Homes {
    fn save(&mut self, mut conversation: Conversation) -> Result<u64> {
        let home = self.saved.entry(conversation.owner.clone()).or_default();
        let there = home.get(&conversation.id);
        let newest = there.map_or(0, |there| there.conversation.version);
        if newest != conversation.version {
            return Err(conflict(&conversation, newest));
        }
        conversation.version += 1;
        self.saves += 1;
        let version = conversation.version;
        let saved = Saved {
            at: Timestamp::now(),
            save: self.saves,
            conversation,
        };
        home.insert(saved.conversation.id.clone(), saved);
        Ok(version)
    }

    fn list(&self, owner: &str, limit: usize) -> Vec<ConversationInfo> {
        let home = self.saved.get(owner);
        let mut newest: Vec<_> = home.into_iter().flat_map(BTreeMap::values).collect();
        newest.sort_by_key(|saved| std::cmp::Reverse(saved.save));
        newest
            .into_iter()
            .take(limit)
            .map(|saved| {
                let Conversation { id, version, .. } = &saved.conversation;
                ConversationInfo::new(id.clone(), *version, saved.at)
            })
            .collect()
    }

    fn delete(&mut self, owner: &str, id: &str) -> bool {
        let Some(home) = self.saved.get_mut(owner) else {
            return false;
        };
        let was_there = home.remove(id).is_some();
        if home.is_empty() {
            self.saved.remove(owner);
        }
        was_there
    }
}

fn conflict(conversation: &Conversation, newest: u64) -> Error {
    let Conversation { id, version, .. } = conversation;
    let what = match newest {
        0 => "was deleted in between, or never saved; save it as a new one".to_owned(),
        _ => format!("was saved in between: version {newest}, not {version}; load it again"),
    };
    Error::new(ErrorKind::Conflict, format!("conversation `{id}` {what}"))
}

impl Conversations for MemoryConversations {
    fn load(&self, owner: &str, id: &str) -> BoxFuture<'static, Result<Option<Conversation>>> {
        let homes = lock(&self.homes);
        let found = homes.saved.get(owner).and_then(|home| home.get(id));
        let found = found.map(|saved| saved.conversation.clone());
        std::future::ready(Ok(found)).boxed()
    }

    fn save(&self, conversation: Conversation) -> BoxFuture<'static, Result<u64>> {
        std::future::ready(lock(&self.homes).save(conversation)).boxed()
    }

    fn list(&self, owner: &str, limit: usize) -> BoxFuture<'static, Result<Vec<ConversationInfo>>> {
        std::future::ready(Ok(lock(&self.homes).list(owner, limit))).boxed()
    }

    fn delete(&self, owner: &str, id: &str) -> BoxFuture<'static, Result<bool>> {
        std::future::ready(Ok(lock(&self.homes).delete(owner, id))).boxed()
    }
}

impl<C: Conversations + ?Sized> Conversations for Arc<C> {
    fn load(&self, owner: &str, id: &str) -> BoxFuture<'static, Result<Option<Conversation>>> {
        (**self).load(owner, id)
    }

    fn save(&self, conversation: Conversation) -> BoxFuture<'static, Result<u64>> {
        (**self).save(conversation)
    }

    fn list(&self, owner: &str, limit: usize) -> BoxFuture<'static, Result<Vec<ConversationInfo>>> {
        (**self).list(owner, limit)
    }

    fn delete(&self, owner: &str, id: &str) -> BoxFuture<'static, Result<bool>> {
        (**self).delete(owner, id)
    }
}

impl fmt::Debug for MemoryConversations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryConversations")
            .field("saves", &lock(&self.homes).saves)
            .finish()
    }
}
