use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
};

use futures::{FutureExt, future::BoxFuture};
use serde::{Deserialize, Serialize};

use crate::{ContextSnapshot, Error, ErrorKind, Result, Text, Timestamp, sync::lock};

/// A home for conversations: a context is loaded before a turn and saved after it.
pub trait Conversations: Send + Sync + 'static {
    /// A conversation; none, if there is none of that id.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Store`], if the store fails.
    fn load(&self, id: &str) -> BoxFuture<'static, Result<Option<Conversation>>>;

    /// Saves a conversation at a turn's end, and gives its new version.
    ///
    /// The conversation carries the version that was loaded; 0 for a new one.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Conflict`], if another turn was saved in between; of kind
    /// [`ErrorKind::Store`], if the store fails.
    fn save(&self, conversation: Conversation) -> BoxFuture<'static, Result<u64>>;

    /// The conversations of an owner, the newest first.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Store`], if the store fails.
    fn list(&self, owner: &str) -> BoxFuture<'static, Result<Vec<ConversationInfo>>>;

    /// Deletes a conversation; says whether it was there.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Store`], if the store fails.
    fn delete(&self, id: &str) -> BoxFuture<'static, Result<bool>>;
}

/// A conversation as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Conversation {
    /// Its id.
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
/// assert!(home.save(first).await.is_err(), "another turn was saved in between");
/// assert_eq!(home.list("ada").await?.len(), 1);
/// assert!(home.list("bob").await?.is_empty());
/// assert!(home.delete("c1").await?);
/// # Ok::<(), mainstem_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Default)]
pub struct MemoryConversations {
    saved: Arc<Mutex<BTreeMap<Text, (Conversation, Timestamp)>>>,
}

impl MemoryConversations {
    /// An empty home.
    pub fn new() -> Self {
        Self::default()
    }

    fn put(&self, mut conversation: Conversation) -> Result<u64> {
        let mut saved = lock(&self.saved);
        let newest = saved
            .get(&conversation.id)
            .map_or(0, |(there, _)| there.version);
        if newest != conversation.version {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!(
                    "conversation `{}` was saved in between: version {newest}, not {}; load it again",
                    conversation.id, conversation.version
                ),
            ));
        }
        conversation.version += 1;
        let version = conversation.version;
        saved.insert(conversation.id.clone(), (conversation, Timestamp::now()));
        Ok(version)
    }
}

impl Conversations for MemoryConversations {
    fn load(&self, id: &str) -> BoxFuture<'static, Result<Option<Conversation>>> {
        let found = lock(&self.saved).get(id).map(|(there, _)| there.clone());
        std::future::ready(Ok(found)).boxed()
    }

    fn save(&self, conversation: Conversation) -> BoxFuture<'static, Result<u64>> {
        std::future::ready(self.put(conversation)).boxed()
    }

    fn list(&self, owner: &str) -> BoxFuture<'static, Result<Vec<ConversationInfo>>> {
        let mut rows: Vec<_> = lock(&self.saved)
            .values()
            .filter(|(there, _)| there.owner == owner)
            .map(|(there, at)| ConversationInfo::new(there.id.clone(), there.version, *at))
            .collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.saved));
        std::future::ready(Ok(rows)).boxed()
    }

    fn delete(&self, id: &str) -> BoxFuture<'static, Result<bool>> {
        std::future::ready(Ok(lock(&self.saved).remove(id).is_some())).boxed()
    }
}

impl fmt::Debug for MemoryConversations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryConversations")
            .field("saved", &lock(&self.saved).len())
            .finish()
    }
}
