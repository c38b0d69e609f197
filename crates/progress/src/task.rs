//! Nodes as those hold them who do the work.

use std::fmt;

use mainstem_core::{Result, Text};

use crate::{
    ProgressChange, ProgressGuard, ProgressId, ProgressKind, ProgressNode, ProgressTree,
    arena::{Arena, Slot},
    parts::grains_of,
};

/// A node of a tree, to change it.
///
/// It is cheap to clone. That it is dropped changes nothing; see [`guard`](Self::guard) for one that
/// ends its node.
///
/// A change that the state of the node doesn't allow is an error of kind
/// [`Conflict`](mainstem_core::ErrorKind::Conflict), and changes nothing:
///
/// ```
/// use mainstem_progress::ProgressTree;
///
/// let load = ProgressTree::new("import").root().child("load").start()?;
/// load.pause()?;
/// let error = load.complete().unwrap_err();
/// assert_eq!(error.message(), "`load` is paused, and complete is only for what is running");
/// # Ok::<(), mainstem_core::Error>(())
/// ```
///
/// One of a node that is gone, because what is around it was [reset](Self::reset), is an error of kind
/// [`NotFound`](mainstem_core::ErrorKind::NotFound).
#[derive(Clone)]
pub struct ProgressTask {
    tree: ProgressTree,
    id: ProgressId,
}

impl ProgressTask {
    pub(crate) fn new(tree: &ProgressTree, id: ProgressId) -> Self {
        Self {
            tree: tree.clone(),
            id,
        }
    }

    /// Its number.
    pub fn id(&self) -> ProgressId {
        self.id
    }

    /// The node as it is now; none, if it is gone.
    pub fn node(&self) -> Option<ProgressNode> {
        let state = self.tree.lock();
        state.arena.get(self.id).map(|slot| slot.view.clone())
    }

    /// A new node inside of this one, which is added once it is [started](NewTask::start) or
    /// [added](NewTask::add).
    pub fn child(&self, name: impl Into<Text>) -> NewTask {
        NewTask {
            around: self.clone(),
            view: ProgressNode::new(ProgressId::ROOT, Some(self.id), name.into()),
            kind: None,
            open_ended: false,
        }
    }

    /// Begins it, and what it is inside of, where that hasn't begun.
    ///
    /// # Errors
    ///
    /// If it isn't pending, or what it is inside of has ended.
    pub fn start(&self) -> Result<()> {
        self.tree.change_now(|arena| arena.start(self.id))
    }

    /// Says how much was counted so far.
    ///
    /// # Errors
    ///
    /// If it isn't running; of kind [`Value`](mainstem_core::ErrorKind::Value), if it is less than
    /// before.
    pub fn update(&self, done: u64) -> Result<()> {
        self.tree.change_now(|arena| arena.update(self.id, done))
    }

    /// Says how much more was counted.
    ///
    /// # Errors
    ///
    /// If it isn't running.
    pub fn increment(&self, by: u64) -> Result<()> {
        self.tree.change_now(|arena| arena.increment(self.id, by))
    }

    /// Sets how much there is to count: then its fraction is what was counted of it, whatever is inside.
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub fn set_total(&self, total: u64) -> Result<()> {
        self.adjust(|slot| slot.view.total = Some(total))
    }

    /// Sets the weights of the nodes that are expected inside, together.
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub fn expect(&self, weights: f64) -> Result<()> {
        self.adjust(|slot| {
            slot.expected = grains_of(weights);
            slot.kept.open_ended = false;
        })
    }

    /// Says what is being done.
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub fn set_message(&self, message: impl Into<Text>) -> Result<()> {
        let message = message.into();
        self.adjust(|slot| slot.view.message = Some(message))
    }

    fn adjust(&self, set: impl FnOnce(&mut Slot)) -> Result<()> {
        self.tree.change_now(|arena| arena.adjust(self.id, set))
    }

    /// Lets it wait. Its time stands still; of the root, that of the whole tree.
    ///
    /// # Errors
    ///
    /// If it isn't running.
    pub fn pause(&self) -> Result<()> {
        self.tree.change_now(|arena| arena.pause(self.id))
    }

    /// Goes on after a pause.
    ///
    /// # Errors
    ///
    /// If it isn't paused.
    pub fn resume(&self) -> Result<()> {
        self.tree.change_now(|arena| arena.resume(self.id))
    }

    /// Leaves it out, and says why. It counts as done.
    ///
    /// What is open inside is cancelled; what hasn't begun is skipped, too.
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub fn skip(&self, reason: impl Into<Text>) -> Result<()> {
        self.end(ProgressChange::Skip, Some(reason.into()))
    }

    /// Stops it, with all that is open inside. It counts as far as it had come.
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub fn cancel(&self) -> Result<()> {
        self.end(ProgressChange::Cancel, None)
    }

    /// Says that it is done.
    ///
    /// What is open inside is cancelled; what hasn't begun is skipped.
    ///
    /// # Errors
    ///
    /// If it isn't running.
    pub fn complete(&self) -> Result<()> {
        self.end(ProgressChange::Complete, None)
    }

    /// Says that it failed, and why, which anybody reads who sees the tree. What is open inside is
    /// cancelled. It counts as far as it had come.
    ///
    /// # Errors
    ///
    /// If it isn't running or paused.
    pub fn fail(&self, reason: impl Into<Text>) -> Result<()> {
        self.end(ProgressChange::Fail, Some(reason.into()))
    }

    pub(crate) fn end(&self, change: ProgressChange, message: Option<Text>) -> Result<()> {
        self.tree
            .change_now(|arena| arena.end(self.id, change, message))
    }

    /// Takes it back to what it was before it began; what is inside is removed.
    ///
    /// # Errors
    ///
    /// If what it is inside of has ended: reset that.
    pub fn reset(&self) -> Result<()> {
        self.tree.change_now(|arena| arena.reset(self.id))
    }

    /// A guard that ends it; see [`ProgressGuard`].
    pub fn guard(&self) -> ProgressGuard {
        ProgressGuard::new(self.clone())
    }
}

impl fmt::Debug for ProgressTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.node().map(|node| node.name);
        f.debug_struct("ProgressTask")
            .field("id", &self.id)
            .field("name", &name)
            .finish_non_exhaustive()
    }
}

/// A node that is yet to be added.
#[derive(Clone, Debug)]
#[must_use = "it is in the tree only once it is added or started"]
pub struct NewTask {
    around: ProgressTask,
    view: ProgressNode,
    kind: Option<ProgressKind>,
    open_ended: bool,
}

impl NewTask {
    /// How much of the node around it it is, beside its neighbours. 1 by default; from 0 to a trillion,
    /// to the nearest thousandth.
    pub fn weight(mut self, weight: f64) -> Self {
        self.view.weight = weight;
        self
    }

    /// How much there is to count: bytes, pages, …. By default its fraction comes from what is inside.
    pub fn total(mut self, total: u64) -> Self {
        self.view.total = Some(total);
        self
    }

    /// What it stands for. By default what comes after that of the node around it: of a workflow a
    /// step, of a step a subtask, then operations.
    pub fn kind(mut self, kind: ProgressKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// The weights of the nodes that are expected inside, together. By default those that are there.
    ///
    /// ```
    /// use mainstem_progress::ProgressTree;
    ///
    /// let files = ProgressTree::new("import").root().child("files").expect(4.0).start()?;
    /// files.child("a.csv").start()?.complete()?;
    /// assert_eq!(files.node().unwrap().fraction, Some(0.25));
    /// # Ok::<(), mainstem_core::Error>(())
    /// ```
    pub fn expect(mut self, weights: f64) -> Self {
        self.view.expected = Some(weights);
        self
    }

    /// Nobody knows how many nodes there will be inside: its fraction is unknown until it ends.
    pub fn open_ended(mut self) -> Self {
        self.open_ended = true;
        self
    }

    /// Which item or round it is, from 0.
    pub fn index(mut self, index: u32) -> Self {
        self.view.index = Some(index);
        self
    }

    /// Adds it. It has yet to begin.
    ///
    /// # Errors
    ///
    /// If what it is inside of has ended, or is gone.
    pub fn add(self) -> Result<ProgressTask> {
        let tree = self.around.tree.clone();
        let id = tree.change_now(|arena| self.put(arena))?;
        Ok(ProgressTask::new(&tree, id))
    }

    /// Adds it and begins it, and what it is inside of, where that hasn't begun.
    ///
    /// # Errors
    ///
    /// As for [`add`](Self::add).
    pub fn start(self) -> Result<ProgressTask> {
        let task = self.add()?;
        task.start()?;
        Ok(task)
    }

    /// Adds it, begins it, and ends it with the guard; see [`ProgressGuard`].
    ///
    /// # Errors
    ///
    /// As for [`add`](Self::add).
    pub fn guard(self) -> Result<ProgressGuard> {
        Ok(self.start()?.guard())
    }

    fn put(self, arena: &mut Arena) -> Result<ProgressId> {
        let mut view = self.view;
        let around = arena.find(self.around.id)?;
        view.kind = self.kind.unwrap_or(around.view.kind.inside());
        view.id = arena.next_id();
        let mut slot = Slot::new(view);
        slot.kept.open_ended = self.open_ended;
        arena.add(slot)
    }
}
