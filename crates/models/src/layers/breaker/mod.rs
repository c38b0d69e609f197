//! A server that fails again and again is left alone for a while.

mod circuit;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_stream::stream;
use circuit::{Circuit, Pass, Shut, Verdict};
use futures::StreamExt;
use mainstem_core::{
    Error, ErrorKind, Model, ModelEvent, ModelRequest, ModelStream, OutputMode, OutputSpec, Result,
    TimeLimits, TimedStream,
};
use tokio::time::Instant;

use super::unsent;

/// A circuit breaker: after some failures in a row, requests fail at once, without being sent.
///
/// A clone is the same breaker; all models that it guards share it, so give it to models of one
/// server. Closed, it lets everything through. After [`failures`](Self::failures) failures in a row
/// it is open for [`open_for`](Self::open_for); then one request is let through to try the server,
/// and the others still fail: if its answer comes to its end, the breaker is closed again, if it
/// fails, open again. If it is dropped while the server keeps it waiting, the next one tries.
///
/// Failures are the statuses 408, 429 and 5xx, failed connections, answers that break off or end in
/// a failure ([`FinishReason::is_failure`](mainstem_core::FinishReason::is_failure)), and time limits
/// that passed. Any other status is an answer of a working server, and so is one that its reader leaves
/// after a piece of it. A request that is dropped while it waits for the server, or that fails before
/// it is sent, says nothing. So does one that a time limit *around* the breaker drops: for these see
/// [`time_limits`](Self::time_limits).
///
/// The error of an open breaker has the code `circuit_open`; it counts as no request. It is retryable, so that another model
/// is asked, and its [`retry_after`](Error::retry_after) says when the next request goes out.
///
/// ```
/// # futures::executor::block_on(async {
/// use std::time::Duration;
/// use futures::StreamExt;
/// use mainstem_core::{Error, ErrorKind, Model, ModelRequest, test_util::{Script, ScriptedModel}};
/// use mainstem_models::{Breaker, ModelExt};
///
/// let breaker = Breaker::new().failures(1).open_for(Duration::from_secs(30));
/// let down = Error::new(ErrorKind::Model, "it answered 503").with_status(503);
/// let model = ScriptedModel::new().script(Script::new().fail(down)).guarded(&breaker);
///
/// let error = async || {
///     let answer: Vec<_> = model.stream(ModelRequest::default()).collect().await;
///     answer.into_iter().find_map(Result::err).unwrap()
/// };
/// assert_eq!(error().await.status(), Some(503));
/// assert_eq!(error().await.code(), Some("circuit_open"));
/// # });
/// ```
#[derive(Clone)]
pub struct Breaker {
    rules: Rules,
    circuit: Arc<Mutex<Circuit>>,
}

#[derive(Clone, Copy, Debug)]
struct Rules {
    failures: u32,
    open_for: Duration,
    time_limits: TimeLimits,
}

impl Breaker {
    /// A breaker that opens after 5 failures in a row, for 30 seconds.
    pub fn new() -> Self {
        Self::of(Rules {
            failures: 5,
            open_for: Duration::from_secs(30),
            time_limits: TimeLimits::NONE,
        })
    }

    fn of(rules: Rules) -> Self {
        let circuit = Circuit::new(rules.failures, rules.open_for);
        Self {
            rules,
            circuit: Arc::new(Mutex::new(circuit)),
        }
    }

    /// Opens after this many failures in a row; 5 by default, and at least one.
    ///
    /// This, and what else is set, makes another breaker: set it before it is cloned.
    #[must_use]
    pub fn failures(self, failures: u32) -> Self {
        Self::of(Rules {
            failures,
            ..self.rules
        })
    }

    /// Stays open for this time; 30 seconds by default.
    #[must_use]
    pub fn open_for(self, time: Duration) -> Self {
        Self::of(Rules {
            open_for: time,
            ..self.rules
        })
    }

    /// Holds answers to time limits; none by default.
    ///
    /// A model that stalls is a failure that the breaker has to see: limits around it only drop the
    /// answer, which says nothing. Let these be at most as long as those.
    #[must_use]
    pub fn time_limits(self, limits: TimeLimits) -> Self {
        Self::of(Rules {
            time_limits: limits,
            ..self.rules
        })
    }

    fn lock(&self) -> MutexGuard<'_, Circuit> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The right to send a request, or an error that says when to come again.
    fn admit(&self, id: &str) -> Result<Trial<'_>> {
        let shut = match self.lock().admit(Instant::now()) {
            Ok(pass) => {
                return Ok(Trial {
                    breaker: self,
                    pass: Some(pass),
                    if_dropped: Verdict::Unknown,
                });
            }
            Err(shut) => shut,
        };
        let (wait, until) = match shut {
            Shut::For(left) => (
                left,
                format!("the next request goes out in {:.1} s", left.as_secs_f64()),
            ),
            Shut::WhileTrying => (
                WHILE_TRYING,
                "one request is trying whether it works again".to_owned(),
            ),
        };
        let message = format!("`{id}` isn't asked, because it failed too often in a row; {until}");
        Err(Error::new(ErrorKind::Model, message)
            .with_code("circuit_open")
            .with_retry_after(wait)
            .retryable(true))
    }
}

/// When to come again while a request tries the server: nobody knows how long that takes.
const WHILE_TRYING: Duration = Duration::from_secs(1);

impl Default for Breaker {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker")
            .field("failures", &self.rules.failures)
            .field("open_for", &self.rules.open_for)
            .field("time_limits", &self.rules.time_limits)
            .finish_non_exhaustive()
    }
}

/// A request that is out.
struct Trial<'a> {
    breaker: &'a Breaker,
    pass: Option<Pass>,
    /// What it says if it is dropped now.
    if_dropped: Verdict,
}

impl Trial<'_> {
    /// Judges the request by the first item that says anything of the server.
    fn judge(&mut self, item: Option<&Result<ModelEvent>>) {
        let verdict = match item {
            Some(Ok(ModelEvent::Finished(reason))) if reason.is_failure() => Verdict::Fails,
            Some(Ok(ModelEvent::Finished(_))) => Verdict::Works,
            Some(Ok(event)) => {
                // Whoever leaves with a piece in his hands has enough, and isn't tired of waiting.
                if event.is_data() {
                    self.if_dropped = Verdict::Works;
                }
                return;
            }
            Some(Err(error)) => verdict(error),
            None => Verdict::Fails,
        };
        self.settle(verdict);
    }

    fn settle(&mut self, verdict: Verdict) {
        if let Some(pass) = self.pass.take() {
            self.breaker.lock().settle(pass, verdict, Instant::now());
        }
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        self.settle(self.if_dropped);
    }
}

/// What an error says of the server.
fn verdict(error: &Error) -> Verdict {
    match (error.status(), error.kind()) {
        (Some(408 | 429 | 500..), _) => Verdict::Fails,
        (Some(_), _) => Verdict::Works,
        (None, ErrorKind::Timeout | ErrorKind::Truncated) => Verdict::Fails,
        (None, ErrorKind::Model) if error.is_retryable() => Verdict::Fails,
        (None, _) => Verdict::Unknown,
    }
}

/// A model behind a [`Breaker`]: see [`ModelExt::guarded`](crate::ModelExt::guarded).
#[derive(Debug)]
pub struct Guarded<M> {
    model: Arc<M>,
    breaker: Breaker,
}

impl<M> Guarded<M> {
    pub(super) fn new(model: M, breaker: &Breaker) -> Self {
        Self {
            model: Arc::new(model),
            breaker: breaker.clone(),
        }
    }
}

impl<M: Model> Model for Guarded<M> {
    fn id(&self) -> &str {
        self.model.id()
    }

    fn stream(&self, request: ModelRequest) -> ModelStream {
        let (model, breaker) = (Arc::clone(&self.model), self.breaker.clone());
        ModelStream::new(stream! {
            let mut trial = match breaker.admit(model.id()) {
                Ok(trial) => trial,
                Err(error) => {
                    for item in unsent(error) {
                        yield item;
                    }
                    return;
                }
            };
            let limits = breaker.rules.time_limits;
            let mut answer = TimedStream::new(model.stream(request), limits);
            loop {
                trial.if_dropped = Verdict::Unknown;
                let item = answer.next().await;
                trial.judge(item.as_ref());
                let Some(item) = item else {
                    break;
                };
                yield item;
            }
        })
    }

    fn output_mode(&self, output: &OutputSpec) -> Option<OutputMode> {
        self.model.output_mode(output)
    }
}

#[cfg(test)]
mod tests;
