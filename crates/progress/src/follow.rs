//! A tree that goes along with a run.

use mainstem_core::{CancelledBy, Event};

use crate::{ProgressChange, ProgressId, ProgressState, ProgressTree};

impl ProgressTree {
    /// A callback that feeds the tree with a run's events, and notices when the run is dropped.
    ///
    /// Give it to the run's [`on_event`](mainstem_core::Run::on_event). A run that is dropped doesn't say
    /// so to anybody; its tree is then cancelled, with what is open in it. A run that is suspended stays
    /// paused. When either is resumed, give the new run a callback of the same tree.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// use mainstem_core::Run;
    /// use mainstem_progress::{ProgressState, ProgressTree};
    ///
    /// let tree = ProgressTree::new("import");
    /// let run = Run::new("import", |ctx| async move {
    ///     ctx.step("load", "function", async |_| std::future::pending::<mainstem_core::Result<()>>().await).await
    /// });
    /// let mut run = run.on_event(tree.follow()).stream();
    /// run.next_event().await; // it began
    /// assert_eq!(tree.snapshot().root().state, ProgressState::Running);
    /// drop(run);
    /// assert_eq!(tree.snapshot().root().state, ProgressState::Cancelled);
    /// # });
    /// ```
    pub fn follow(&self) -> impl FnMut(&Event) + Send + 'static + use<> {
        let follower = Follower(self.clone());
        move |event| follower.take(event)
    }
}

struct Follower(ProgressTree);

impl Follower {
    fn take(&self, event: &Event) {
        self.0.feed(event);
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let root = self.0.root();
        let is_running = root
            .node()
            .is_some_and(|root| root.state == ProgressState::Running);
        if is_running {
            let by = Some(CancelledBy::Disconnect.as_str().into());
            // It may have ended just now, and then it stays so.
            let _ended = self
                .0
                .change_now(|arena| arena.end(ProgressId::ROOT, ProgressChange::Cancel, by));
        }
    }
}
