//! The context that a run works on.

use super::shared::Shared;
use crate::{Busy, Context, ContextSnapshot, Error, ErrorKind, Result, context::Turn};

/// A run's turn on its caller's context, and the context that its steps see.
///
/// Without a store these are one. With a store the run works on a branch, which comes back when the
/// run ends, however it ends; but not when it is suspended: then the session is as it was, and the
/// resumed run brings all of it.
pub(super) struct Session {
    context: Context,
    /// The caller's, if the run works on a branch of it that isn't merged yet.
    caller: Option<Context>,
    turn: Turn,
}

impl Session {
    /// On the caller's context itself.
    pub(super) async fn direct(shared: &Shared, busy: Busy) -> Result<Self> {
        Ok(Self {
            turn: shared.context.begin_turn(busy).await?,
            context: shared.context.clone(),
            caller: None,
        })
    }

    /// On a branch of the caller's context; of a run that is resumed, with what it began with.
    pub(super) async fn branch(
        caller: &Context,
        busy: Busy,
        basis: Option<ContextSnapshot>,
    ) -> Result<Self> {
        let turn = caller.begin_turn(busy).await?;
        let context = match basis {
            None => caller.fork("run"),
            Some(basis) => caller.fork_from("run", basis),
        };
        context.demand_declarations();
        Ok(Self {
            turn,
            context,
            caller: Some(caller.clone()),
        })
    }

    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    /// Does the work of the run.
    pub(super) async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        self.turn.during(work).await
    }

    /// The run ends so: what it did to the session is taken over, unless it is suspended.
    pub(super) fn end<T>(mut self, result: Result<T>) -> Result<T> {
        let caller = self.caller.take();
        let is_suspended = |error: &Error| error.kind() == ErrorKind::Suspended;
        if result.as_ref().err().is_some_and(is_suspended) {
            return result;
        }
        let merged = caller.map_or(Ok(()), |caller| caller.merge([&self.context]));
        result.and_then(|output| merged.map(|()| output))
    }
}

impl Drop for Session {
    /// The run was stopped: what there was of it is remembered.
    fn drop(&mut self) {
        if let Some(caller) = self.caller.take() {
            // Nobody is left who could be told that it can't be.
            let _merged = caller.merge([&self.context]);
        }
    }
}
