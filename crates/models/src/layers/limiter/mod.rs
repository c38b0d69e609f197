//! How much goes out: requests and tokens a minute, and requests at the same time.

mod gate;
mod pass;

use std::{fmt, pin::pin, sync::Arc, task::Poll};

use async_stream::stream;
use futures::{StreamExt, poll};
use gate::{Gate, Outlook, Rates};
use mainstem_core::{
    Error, ErrorKind, Model, ModelEvent, ModelRequest, ModelStream, Notice, OutputMode, OutputSpec,
    Result, RoughTokens, TokenCounter,
};
use pass::{Mean, Pass};
use tokio::sync::Semaphore;

use super::unsent;

/// Limits of what goes out, shared by all models that hold it: a clone is the same limiter.
///
/// Who comes first goes first. A request that has to wait says so ([`ModelEvent::Waiting`], with the
/// code `rate_limited` or `concurrency_limited`), and its time limits don't count until it is sent.
/// It costs nothing meanwhile: no task, no connection; dropping it gives its place back. One whose
/// reader doesn't poll it is passed over and keeps its place, so that a slow reader holds up nobody.
///
/// A request is counted when it goes out, and for 60 seconds: in no span of 60 seconds do more go
/// out than the limit. A server that answers 429 with a time to wait shuts the limiter for that time,
/// 60 seconds at most, for all that hold it.
///
/// It needs a runtime of tokio once it makes somebody wait.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), mainstem_core::Error> {
/// use futures::StreamExt;
/// use mainstem_core::{Model, ModelEvent, ModelRequest, test_util::ScriptedModel};
/// use mainstem_models::{Limiter, ModelExt};
///
/// let limiter = Limiter::new().requests_per_minute(60).tokens_per_minute(90_000).concurrent(8);
/// let model = ScriptedModel::new().always(["Jays"]).limited(&limiter);
///
/// let mut answer = model.stream(ModelRequest::default());
/// assert_eq!(answer.next().await.unwrap()?, ModelEvent::Started { request_id: Some("req-1".into()) });
/// let mut another = model.stream(ModelRequest::default());
/// let Some(Ok(ModelEvent::Waiting(notice))) = another.next().await else { panic!() };
/// assert_eq!(notice.code, "rate_limited");
/// // A second later it goes out.
/// assert_eq!(another.next().await.unwrap()?, ModelEvent::Sending);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Limiter {
    rates: Rates,
    concurrent: Option<usize>,
    counter: Arc<dyn TokenCounter>,
    shared: Arc<Shared>,
}

/// What all holders of a limiter share.
struct Shared {
    gate: Arc<Gate>,
    slots: Option<Arc<Semaphore>>,
    /// What answers have needed.
    mean: Mean,
}

impl Limiter {
    /// A limiter without limits of its own; it still waits when a server asks for it.
    pub fn new() -> Self {
        Self::of(Rates::default(), None, Arc::new(RoughTokens))
    }

    fn of(rates: Rates, concurrent: Option<usize>, counter: Arc<dyn TokenCounter>) -> Self {
        let slots = concurrent.map(|slots| slots.min(Semaphore::MAX_PERMITS));
        Self {
            rates,
            concurrent,
            counter,
            shared: Arc::new(Shared {
                gate: Gate::new(rates),
                slots: slots.map(|slots| Arc::new(Semaphore::new(slots))),
                mean: Mean::default(),
            }),
        }
    }

    /// Lets this many requests go out in any 60 seconds, evenly spread: 60 go out a second apart.
    ///
    /// So that all who ask get their share, however fast they are, and because servers count in
    /// shorter spans, too. [`burst`](Self::burst) lets some go at once.
    ///
    /// This, and what else is set, makes another limiter: set it before it is cloned.
    #[must_use]
    pub fn requests_per_minute(self, requests: u32) -> Self {
        let rates = Rates {
            requests: Some(requests),
            ..self.rates
        };
        Self::of(rates, self.concurrent, self.counter)
    }

    /// Lets this many requests go out at once, after a pause; one by default.
    ///
    /// No more go out in 60 seconds for it.
    #[must_use]
    pub fn burst(self, requests: u32) -> Self {
        let rates = Rates {
            burst: requests,
            ..self.rates
        };
        Self::of(rates, self.concurrent, self.counter)
    }

    /// Lets requests of this many tokens go out in any 60 seconds, input and output together.
    ///
    /// What a request needs is estimated: its input by the
    /// [`token_counter`](Self::token_counter), its output as the
    /// [`max_output_tokens`](mainstem_core::ModelSettings::max_output_tokens) of its settings, or
    /// else as what answers needed lately (500 for the first). Once the answer tells its usage, that
    /// counts instead, from the moment of sending: less makes room at once, more delays those that
    /// come after. An answer that tells none counts as estimated.
    ///
    /// A request that is larger than the limit fails, with an error of kind [`ErrorKind::Limit`].
    #[must_use]
    pub fn tokens_per_minute(self, tokens: u64) -> Self {
        let rates = Rates {
            tokens: Some(tokens),
            ..self.rates
        };
        Self::of(rates, self.concurrent, self.counter)
    }

    /// Lets this many requests be out at the same time.
    ///
    /// One is out from the moment in which it is sent until its stream has ended, or is dropped.
    #[must_use]
    pub fn concurrent(self, requests: usize) -> Self {
        Self::of(self.rates, Some(requests), self.counter)
    }

    /// Counts the tokens of requests by this; by [`RoughTokens`] otherwise.
    #[must_use]
    pub fn token_counter(self, counter: impl TokenCounter) -> Self {
        Self::of(self.rates, self.concurrent, Arc::new(counter))
    }

    /// The tokens that a request is taken to need.
    fn need(&self, request: &ModelRequest) -> Result<u64> {
        let nothing = match (self.rates, self.concurrent) {
            (
                Rates {
                    requests: Some(0), ..
                },
                _,
            ) => Some("requests_per_minute"),
            (_, Some(0)) => Some("concurrent"),
            _ => None,
        };
        if let Some(limit) = nothing {
            let message =
                format!("`{limit}` of the limiter is 0, so that no request goes out; raise it");
            return Err(Error::new(ErrorKind::Config, message));
        }
        let Some(limit) = self.rates.tokens else {
            return Ok(0);
        };
        let input = self.counter.count_request(request);
        let most = request.settings.max_output_tokens.map(u64::from);
        let need = input.saturating_add(most.unwrap_or(0));
        if need <= limit {
            // A guess refuses nothing.
            return Ok(most.map_or_else(|| (input + self.shared.mean.get()).min(limit), |_| need));
        }
        let output = most.map(|most| format!(" and {most} of the answer, its `max_output_tokens`"));
        let message = format!(
            "the request needs about {input} tokens{}, and the limiter lets {limit} through in a minute; \
             make it smaller, or raise `tokens_per_minute`",
            output.unwrap_or_default()
        );
        Err(Error::new(ErrorKind::Limit, message))
    }

    /// What a request that waits for a slot is told.
    fn slot_notice(&self) -> Notice {
        let slots = self.concurrent.unwrap_or_default();
        let message =
            format!("the request waits, because {slots} are out, as many as may be at once");
        Notice::new("concurrency_limited", message)
    }

    /// What a request that waits for its turn is told.
    fn notice(&self, outlook: Outlook) -> Notice {
        let Rates {
            requests, tokens, ..
        } = self.rates;
        let limits = [
            requests.map(|requests| format!("{requests} requests a minute")),
            tokens.map(|tokens| format!("{tokens} tokens a minute")),
        ];
        let limits: Vec<_> = limits.into_iter().flatten().collect();
        let why = match outlook.is_shut {
            true => "the server asked to wait".to_owned(),
            false => format!("the limit of {} is reached", limits.join(" and ")),
        };
        let Outlook { before, next, .. } = outlook;
        let message = format!(
            "the request waits, because {why}; {before} wait before it, and the next goes out in {:.1} s",
            next.as_secs_f64()
        );
        Notice::new("rate_limited", message)
    }
}

impl Default for Limiter {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter")
            .field("requests_per_minute", &self.rates.requests)
            .field("tokens_per_minute", &self.rates.tokens)
            .field("concurrent", &self.concurrent)
            .finish_non_exhaustive()
    }
}

/// A model behind a [`Limiter`]: see [`ModelExt::limited`](crate::ModelExt::limited).
#[derive(Debug)]
pub struct Limited<M> {
    model: Arc<M>,
    limiter: Limiter,
}

impl<M> Limited<M> {
    pub(super) fn new(model: M, limiter: &Limiter) -> Self {
        Self {
            model: Arc::new(model),
            limiter: limiter.clone(),
        }
    }
}

impl<M: Model> Model for Limited<M> {
    fn id(&self) -> &str {
        self.model.id()
    }

    fn stream(&self, request: ModelRequest) -> ModelStream {
        let (model, limiter) = (Arc::clone(&self.model), self.limiter.clone());
        ModelStream::new(stream! {
            let shared = &limiter.shared;
            let need = match limiter.need(&request) {
                Ok(need) => need,
                Err(error) => {
                    for item in unsent(error) {
                        yield item;
                    }
                    return;
                }
            };
            let mut has_waited = false;
            let mut slot = None;
            if let Some(slots) = &shared.slots {
                let mut free = pin!(Arc::clone(slots).acquire_owned());
                let free = match poll!(&mut free) {
                    Poll::Ready(free) => free,
                    Poll::Pending => {
                        has_waited = true;
                        yield Ok(ModelEvent::Waiting(limiter.slot_notice()));
                        free.await
                    }
                };
                slot = free.ok();
            }
            let mut turn = shared.gate.turn(need);
            let id = match poll!(&mut turn) {
                Poll::Ready(id) => id,
                Poll::Pending => {
                    has_waited = true;
                    yield Ok(ModelEvent::Waiting(limiter.notice(turn.outlook())));
                    turn.await
                }
            };
            let mut pass = Pass::new(shared, id, slot);
            let mut answer = model.stream(request);
            // Sent in the poll in which its turn came, and not when its reader comes back.
            let mut first = Some(poll!(answer.next()));
            if has_waited {
                yield Ok(ModelEvent::Sending);
            }
            while let Some(item) = next(&mut first, &mut answer).await {
                pass.note(&item);
                if item.is_err() {
                    // It is over, though its reader may keep the stream.
                    drop((answer, pass));
                    yield item;
                    return;
                }
                yield item;
            }
        })
    }

    fn output_mode(&self, output: &OutputSpec) -> Option<OutputMode> {
        self.model.output_mode(output)
    }
}

/// The next item, of which the first was asked for before.
async fn next(
    first: &mut Option<Poll<Option<Result<ModelEvent>>>>,
    answer: &mut ModelStream,
) -> Option<Result<ModelEvent>> {
    match first.take() {
        Some(Poll::Ready(item)) => item,
        _ => answer.next().await,
    }
}

#[cfg(test)]
mod tests;
