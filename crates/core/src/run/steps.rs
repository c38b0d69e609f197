//! Steps inside of a run: their beginning, their work, their end.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::{Poll, Waker},
};

use serde::Serialize;
use tracing::Instrument as _;

use super::{RunContext, StepScope, Stepped, driver::panicked, replay::Begin, spans::StepSpan};
use crate::{Error, ErrorKind, Json, Result, StepFailed, StepStarted};

impl RunContext {
    /// Runs a step inside of this one.
    ///
    /// Its beginning and its end are events: [`StepStarted`] of the given kind, then
    /// [`StepFinished`](crate::StepFinished) with the output, or [`StepFailed`].
    ///
    /// # Errors
    ///
    /// The step's own, with the step's path; of kind [`ErrorKind::Value`], if the output can't be
    /// JSON; of kind [`ErrorKind::Step`], if it panicked.
    pub async fn step<T, F, Fut>(&self, name: &str, kind: &str, body: F) -> Result<T>
    where
        T: Serialize,
        F: FnOnce(Self) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let scope = StepScope::new(name, kind);
        let done = self.step_in(scope, body).await;
        self.unless_asked(done.map(|stepped| stepped.output)).await
    }

    /// Runs a step inside of this one, as [`step`](Self::step) does, with more to say about it.
    ///
    /// # Errors
    ///
    /// As for [`step`](Self::step).
    pub async fn step_in<T, F, Fut>(&self, scope: StepScope, body: F) -> Result<Stepped<T>>
    where
        T: Serialize,
        F: FnOnce(Self) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let begin = self.begin_anew(&scope).await?;
        self.step_as(scope, begin, body).await
    }

    /// Runs a step from a beginning that was looked up.
    pub(super) async fn step_as<T, F, Fut>(
        &self,
        scope: StepScope,
        begin: Begin,
        body: F,
    ) -> Result<Stepped<T>>
    where
        T: Serialize,
        F: FnOnce(Self) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let path = scope.path_in(self.path()).attempt(begin.attempt);
        let span = StepSpan::begin(self, &scope, &path);
        let context = scope.context.clone();
        let context = context.unwrap_or_else(|| self.context().clone());
        let goes_on = begin.emitted.is_some();
        if scope.is_tool() {
            self.shared().asides.open(&path);
        }
        let ctx = self.child(path, context, &scope, begin.emitted, span.weak());
        let work_span = span.get();
        let mut open = OpenStep::begin(&ctx, span);
        let mark = ctx.is_stored().then(|| ctx.context().mark());
        if !goes_on {
            let mut started = StepStarted::new(scope.kind);
            started.weight = scope.weight;
            started.total = scope.total;
            ctx.emit(started).await;
            // What a step does outside is done only once the log says that it has begun.
            ctx.until_logged().await;
        }
        let output = ctx.output_of(body).instrument(work_span).await;
        let changes = mark.and_then(|mark| ctx.context().changes_since(&mark));
        let changes = changes.map(Box::new);
        match output {
            Ok(mut stepped) => {
                stepped.context_delta = changes;
                ctx.emit(stepped.as_event()).await;
                // Whoever goes on with the output must not lose it.
                ctx.until_logged().await;
                open.finish();
                Ok(stepped)
            }
            Err(error) => {
                let error = error.of_run(ctx.run_id()).with_step(ctx.path());
                self.pass_on(&ctx, &error);
                open.fail(&error);
                if error.kind() != ErrorKind::Suspended {
                    let mut failed = StepFailed::new((&error).into());
                    failed.context_delta = changes;
                    ctx.emit(failed).await;
                }
                Err(error)
            }
        }
    }

    /// Does what a step does; that it panics is its error.
    async fn output_of<T, F, Fut>(&self, body: F) -> Result<Stepped<T>>
    where
        T: Serialize,
        F: FnOnce(Self) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        // The call itself may panic, too.
        let mut work = pin!(async { body(self.clone()).await });
        let work = poll_fn(|task| {
            let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(task)));
            polled.unwrap_or_else(|_panic| Poll::Ready(Err(panicked())))
        });
        let output = self.until_asked(work).await?;
        let json = Json::new(&output)?;
        let usage = self.usage();
        Ok(Stepped {
            output,
            json,
            usage,
            context_delta: None,
        })
    }
}

impl RunContext {
    /// What a function gets of a step inside of it: a suspension isn't for it to deal with.
    pub(super) async fn unless_asked<T>(&self, done: Result<T>) -> Result<T> {
        match done.as_ref().err().and_then(Error::suspension) {
            Some(suspension) => self.wait_for(suspension.requests.clone()).await,
            None => done,
        }
    }

    /// The work of a step; an error that suspends the run, once it waits for a person. It is dropped
    /// meanwhile.
    pub(super) async fn until_asked<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let mut work = pin!(work);
        // Whom an asker wakes: told once, not at every poll.
        let mut told: Option<Waker> = None;
        poll_fn(|task| {
            let done = work.as_mut().poll(task);
            if done.is_ready() {
                return done;
            }
            if !told
                .as_ref()
                .is_some_and(|told| told.will_wake(task.waker()))
            {
                self.tell_when_asked(task);
                told = Some(task.waker().clone());
            }
            match self.take_asked() {
                Some(asked) => Poll::Ready(Err(Error::suspend(asked))),
                None => Poll::Pending,
            }
        })
        .await
    }
}

/// A step between its beginning and its end, however it ends.
struct OpenStep<'a> {
    ctx: &'a RunContext,
    finished: bool,
    span: StepSpan,
}

impl<'a> OpenStep<'a> {
    fn begin(ctx: &'a RunContext, span: StepSpan) -> Self {
        ctx.tally(|tally| tally.partials.begin(ctx.path()));
        Self {
            ctx,
            finished: false,
            span,
        }
    }

    fn finish(&mut self) {
        self.finished = true;
        self.span.end(Some(Ok(())), self.ctx);
    }

    fn fail(&mut self, error: &Error) {
        self.span.end(Some(Err(error)), self.ctx);
    }
}

impl Drop for OpenStep<'_> {
    fn drop(&mut self) {
        self.span.end(None, self.ctx);
        if !self.finished {
            self.ctx.record_said();
        }
        let path = self.ctx.path();
        self.ctx.tally(|tally| match self.finished {
            true => tally.partials.finish(path),
            false => tally.partials.end(path),
        });
    }
}
