//! Steps inside of a run: their beginning, their work, their end.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::atomic::Ordering,
    task::{Context as Task, Poll, Waker},
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
        let output = {
            // The call itself may panic, too.
            let mut work = pin!(async { body(self.clone()).await });
            self.until_asked(|task| {
                let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(task)));
                polled.unwrap_or_else(|_panic| Poll::Ready(Err(panicked())))
            })
            .await?
        };
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

    /// What polling the work of a step comes to; an error that suspends the run, once the step waits for a
    /// person. Then the work is to be dropped.
    ///
    /// It is polled for each piece of each step inside: hence no `async fn` around what it is given.
    pub(super) fn until_asked<T>(
        &self,
        mut poll_work: impl FnMut(&mut Task<'_>) -> Poll<Result<T>>,
    ) -> impl Future<Output = Result<T>> {
        // Each step looks after each poll: most runs ask nothing, and this is one place for all steps.
        let (any_asked, asked) = (&self.shared().any_asked, self.asked());
        // Whom an asker wakes: told once, not at every poll.
        let mut told: Option<Waker> = None;
        poll_fn(move |task| {
            let done = poll_work(task);
            if done.is_ready() {
                return done;
            }
            let knows = |told: &Waker| told.will_wake(task.waker());
            if !told.as_ref().is_some_and(knows) {
                asked.tell(task);
                told = Some(task.waker().clone());
            }
            if !any_asked.load(Ordering::SeqCst) {
                return Poll::Pending;
            }
            match asked.take() {
                Some(asked) => Poll::Ready(Err(Error::suspend(asked))),
                None => Poll::Pending,
            }
        })
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
