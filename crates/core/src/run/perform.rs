//! Steps that are done once, also by a run that is resumed.

use std::sync::{Arc, Mutex};

use futures::FutureExt;
use serde::{Serialize, de::DeserializeOwned};

use super::{RunContext, StepScope, replay::Known};
use crate::{Error, ErrorKind, Json, Result, Step, Text, sync::lock, type_name::short_type};

/// What to do about a record that can't be read.
pub(super) const MEND: &str = "resume the run with the flow that it was begun with, or let the \
                               type be read from what was written before";

impl RunContext {
    /// Does a step inside of this one, unless it is recorded that it has finished: then its output
    /// and what it changed in the context come from the record.
    ///
    /// It is how flows do their steps. Otherwise it is [`step_in`](Self::step_in): events, paths and
    /// errors are the same. With a [store](Self::is_stored) the output is always the value as read
    /// back, so that a run that is resumed sees what the first one saw.
    ///
    /// # Errors
    ///
    /// The step's own, with the step's path; of kind [`ErrorKind::Value`], if the output can't be
    /// JSON or be read back; of kind [`ErrorKind::Step`], if it panicked.
    pub async fn perform<T, F, Fut>(&self, scope: StepScope, body: F) -> Result<T>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        F: FnOnce(Self) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T>> + Send + 'static,
    {
        let begin = match self.look_up(&scope, scope.attempt).await? {
            Known::Begins(begin) => begin,
            Known::Finished(path, finished) => {
                return match read_back(&finished.output) {
                    Ok(output) => Ok(output),
                    Err(error) => self.cannot_resume(error.with_step(&path)).await,
                };
            }
            Known::Failed(error) => return Err(error),
        };
        let path = scope.path_in(self.path()).attempt(begin.attempt);
        let context = scope.context.clone();
        let fresh = Arc::new(Mutex::new(None));
        let unit = {
            let (ctx, fresh) = (self.clone(), Arc::clone(&fresh));
            async move {
                let done = ctx.step_as(scope, begin, body).await?;
                let finished = done.as_event();
                *lock(&fresh) = Some(done.output);
                Ok(finished)
            }
        };
        let recorded = self.journal().step(path.clone(), unit.boxed()).await?;
        let fresh = lock(&fresh).take();
        if let (None, Some(delta)) = (&fresh, &recorded.context_delta) {
            // Another journal than the log's has it from an earlier time.
            context.as_ref().unwrap_or(self.context()).apply(delta)?;
        }
        match fresh {
            Some(output) if !self.is_stored() => Ok(output),
            _ => read_back(&recorded.output).map_err(|error| error.with_step(&path)),
        }
    }

    /// Runs an agent, a flow, or another step inside of this one, by a key of its own.
    ///
    /// It is what a function uses to run what it only knows once it runs. When the run is resumed
    /// while the function was under way, the function begins again, and what has finished here is
    /// found by its key instead of being run again. So each use needs its own key, the same one each
    /// time; it is the segment of the path, too.
    ///
    /// It works on a [fork](crate::Context::fork) of the context, which is merged when it has finished:
    /// so several may run at the same time, and one that failed leaves nothing.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// use mainstem_core::{Run, RunContext, Step};
    /// # use mainstem_core::{Result, TextDelta};
    /// # use futures::future::BoxFuture;
    /// # #[derive(Clone)]
    /// # struct Shout;
    /// # impl Step<String> for Shout {
    /// #     type Output = String;
    /// #     fn name(&self) -> &str { "shout" }
    /// #     fn kind(&self) -> &'static str { "function" }
    /// #     fn call(&self, _: RunContext, text: String) -> BoxFuture<'static, Result<String>> {
    /// #         Box::pin(async move { Ok(text.to_uppercase()) })
    /// #     }
    /// # }
    /// let run = Run::new("birds", |ctx: RunContext| async move {
    ///     let mut loud = Vec::new();
    ///     for bird in ["jay", "wren"] {
    ///         loud.push(ctx.run(bird, &Shout, bird.to_owned()).await?);
    ///     }
    ///     Ok(loud)
    /// });
    /// assert_eq!(run.await?.output, ["JAY", "WREN"]);
    /// # Ok::<(), mainstem_core::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`perform`](Self::perform); of kind [`ErrorKind::Conflict`], if what it wrote to the context
    /// can't be merged.
    pub async fn run<In, S>(&self, key: impl Into<Text>, step: &S, input: In) -> Result<S::Output>
    where
        S: Step<In> + Clone,
        S::Output: DeserializeOwned,
        In: Send + 'static,
    {
        let key = key.into();
        let fork = self.context().fork(key.clone());
        let scope = StepScope::of(key, step).context(fork.clone());
        let step = step.clone();
        let done = self.perform(scope, move |ctx| step.call(ctx, input)).await;
        let output = self.unless_asked(done).await?;
        self.context().merge([&fork])?;
        Ok(output)
    }

    /// What the run was given when it was begun.
    pub(super) async fn first_input<In: DeserializeOwned>(&self) -> Result<In> {
        let history = self.shared().history.get();
        let input = history.and_then(|history| lock(history).started.as_ref()?.input.clone());
        match input {
            Some(input) => match input.to() {
                Ok(input) => Ok(input),
                Err(error) => {
                    let name = short_type(std::any::type_name::<In>());
                    let message = format!("the run's input can't be read as a `{name}`; {MEND}");
                    let error = Error::new(ErrorKind::Value, message).with_source(error);
                    self.cannot_resume(error).await
                }
            },
            None => Err(Error::new(
                ErrorKind::Value,
                "the run's log doesn't have its input, which can't be JSON; begin another run",
            )),
        }
    }
}

fn read_back<T: DeserializeOwned>(recorded: &Json) -> Result<T> {
    recorded.to().map_err(|error| {
        let name = short_type(std::any::type_name::<T>());
        let message = format!(
            "what the step gave can't be read back as `{name}`; its `Serialize` and `Deserialize` \
             must agree, also with what an earlier version of it wrote"
        );
        Error::new(ErrorKind::Value, message).with_source(error)
    })
}
