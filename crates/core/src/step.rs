use std::sync::Arc;

use futures::future::BoxFuture;
use serde::Serialize;

use crate::{Result, RunContext, StepPath, StepPlan};

/// Something that a flow is made of: an agent, a function, a flow.
///
/// A step takes an input and gives an output; whatever else it has to say, it emits through its
/// [`RunContext`]. The runner emits its beginning and its end.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a step that takes `{In}`",
    note = "agents are `Step<String>`; the input must be what the step before gives"
)]
pub trait Step<In>: Send + Sync + 'static {
    /// What it gives; it crosses the step's boundary as JSON, too.
    type Output: Serialize + Send + 'static;

    /// Its name, the segment of its path.
    fn name(&self) -> &str;

    /// What kind of step it is: `agent`, `function`, `flow`, ….
    fn kind(&self) -> &'static str;

    /// Does it.
    fn call(&self, ctx: RunContext, input: In) -> BoxFuture<'static, Result<Self::Output>>;

    /// What it is made of; by default a leaf with its name and kind.
    fn plan(&self) -> StepPlan {
        StepPlan::new(self.name(), self.kind())
    }

    /// Whether it goes on where it was, when its run is resumed while it was under way.
    ///
    /// So does a step that only does others, by [`RunContext::perform`], and decides by the
    /// [`Journal`](crate::Journal): it is called again, and what it had done is found. By default a
    /// step begins again: what it had shown is retracted, and its next attempt starts.
    fn resumes(&self) -> bool {
        false
    }

    /// Finds what is put together wrongly in it, before anything runs; nothing by default.
    ///
    /// The path is where it is to run. A step that does others passes this on to them.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Config`](crate::ErrorKind::Config), with the path of what is wrong.
    fn check(&self, path: &StepPath) -> Result<()> {
        let _ = path;
        Ok(())
    }
}

impl<In, S: Step<In> + ?Sized> Step<In> for Arc<S> {
    type Output = S::Output;

    fn name(&self) -> &str {
        (**self).name()
    }

    fn kind(&self) -> &'static str {
        (**self).kind()
    }

    fn call(&self, ctx: RunContext, input: In) -> BoxFuture<'static, Result<Self::Output>> {
        (**self).call(ctx, input)
    }

    fn plan(&self) -> StepPlan {
        (**self).plan()
    }

    fn resumes(&self) -> bool {
        (**self).resumes()
    }

    fn check(&self, path: &StepPath) -> Result<()> {
        (**self).check(path)
    }
}
