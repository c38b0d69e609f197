//! A tree as a value.

use std::sync::Arc;

use mainstem_core::{Place, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, de::Error};

use crate::{
    ProgressId, ProgressNode,
    arena::{Clock, Kept},
};

/// A tree at a moment.
///
/// ```
/// use mainstem_progress::{ProgressSnapshot, ProgressTree};
///
/// let tree = ProgressTree::new("import");
/// tree.root().child("load").total(4).start()?;
/// let json = serde_json::to_string(&tree.snapshot()).unwrap();
/// let read: ProgressSnapshot = serde_json::from_str(&json).unwrap();
/// assert_eq!(read, tree.snapshot());
/// let names: Vec<_> = read.children(read.root().id).map(|node| &*node.name).collect();
/// assert_eq!(names, ["load"]);
/// # Ok::<(), mainstem_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProgressSnapshot {
    /// How many changes there were before.
    pub version: u64,
    /// When the last change was.
    pub at: Timestamp,
    /// The event that it was, if the tree is fed by events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// All nodes by their numbers: the root first, and each after the one that it is inside of.
    #[serde(deserialize_with = "with_root")]
    pub nodes: Vec<ProgressNode>,
}

/// Nodes, one at least.
fn with_root<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<ProgressNode>, D::Error> {
    let nodes = Vec::deserialize(from)?;
    match nodes.is_empty() {
        true => Err(D::Error::custom("`nodes` is empty, and a tree has a root")),
        false => Ok(nodes),
    }
}

impl ProgressSnapshot {
    /// The root.
    #[allow(clippy::missing_panics_doc)] // a tree has a root
    pub fn root(&self) -> &ProgressNode {
        &self.nodes[0]
    }

    /// The node of a number; none, if there is none.
    pub fn get(&self, id: ProgressId) -> Option<&ProgressNode> {
        let at = self.nodes.binary_search_by_key(&id, |node| node.id).ok()?;
        self.nodes.get(at)
    }

    /// The nodes directly inside of one, in the order in which they were added.
    pub fn children(&self, id: ProgressId) -> impl Iterator<Item = &ProgressNode> {
        self.nodes
            .iter()
            .filter(move |node| node.parent == Some(id))
    }

    /// Takes in the next change: the snapshot is then the one of after it.
    ///
    /// ```
    /// use futures::StreamExt;
    /// use mainstem_progress::{ProgressTree, ProgressUpdate};
    ///
    /// # futures::executor::block_on(async {
    /// let tree = ProgressTree::new("import");
    /// let mut updates = tree.subscribe();
    /// let Some(ProgressUpdate::Snapshot(mut seen)) = updates.next().await else { panic!() };
    /// tree.root().start()?;
    /// let Some(ProgressUpdate::Delta(delta)) = updates.next().await else { panic!() };
    /// seen.apply(&delta);
    /// assert_eq!(seen, tree.snapshot());
    /// # Ok::<(), mainstem_core::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn apply(&mut self, delta: &ProgressDelta) {
        if !delta.removed.is_empty() {
            let removed = &delta.removed;
            self.nodes
                .retain(|node| removed.binary_search(&node.id).is_err());
        }
        for node in &delta.nodes {
            match self.nodes.binary_search_by_key(&node.id, |node| node.id) {
                Ok(at) => self.nodes[at].clone_from(node),
                Err(at) => self.nodes.insert(at, node.clone()),
            }
        }
        self.version = delta.version;
        self.at = delta.at;
        self.place = delta.place;
    }
}

/// One change of a tree: each node that is another than before, as it is now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProgressDelta {
    /// How many changes there were, with this one: one more than before it.
    pub version: u64,
    /// When the change was.
    pub at: Timestamp,
    /// The event that it was, if the tree is fed by events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The nodes that are new or changed, whole, by their numbers.
    pub nodes: Vec<ProgressNode>,
    /// The nodes that are gone, by their numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<ProgressId>,
}

/// What a subscription gives.
///
/// In JSON it is the snapshot or the delta with a `type` beside: `snapshot`, `delta` or `lagged`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProgressUpdate {
    /// The whole tree: at the beginning, and after [`Lagged`](Self::Lagged).
    Snapshot(ProgressSnapshot),
    /// The next change.
    Delta(Arc<ProgressDelta>),
    /// The reader was too slow, and changes were dropped. A snapshot follows.
    Lagged {
        /// How many changes.
        missed: u64,
    },
}

/// All of a tree, to go on from in another process.
///
/// Its JSON is that of the [snapshot](ProgressSnapshot), and what isn't shown of it beside.
///
/// ```
/// use mainstem_progress::{ProgressTree, SavedProgress};
///
/// let tree = ProgressTree::new("import");
/// tree.root().child("load").total(4).start()?.update(1)?;
/// let json = serde_json::to_string(&tree.save()).unwrap();
///
/// let saved: SavedProgress = serde_json::from_str(&json).unwrap();
/// let again = ProgressTree::restore(saved)?;
/// assert_eq!(again.snapshot(), tree.snapshot());
/// # Ok::<(), mainstem_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedProgress {
    #[serde(flatten)]
    pub(crate) snapshot: ProgressSnapshot,
    /// One for each node.
    pub(crate) kept: Vec<Kept>,
    pub(crate) clock: Clock,
    /// The last event that was taken in, also if it changed nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fed: Option<Place>,
    /// The number of the next node.
    pub(crate) next: ProgressId,
}

impl SavedProgress {
    /// The tree as it was shown.
    pub fn snapshot(&self) -> &ProgressSnapshot {
        &self.snapshot
    }
}
