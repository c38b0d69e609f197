//! Steps that do as a test says, and readers read to their end.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures::{FutureExt, StreamExt, future::BoxFuture};
use mainstem_core::{Error, Event, EventKind, Json, Result, RunContext, Step, TextDelta};
use mainstem_serve::{Reader, Served, Sessions, SessionsBuilder};
use tokio::sync::Semaphore;

type Body<In, Out> = dyn Fn(RunContext, In) -> BoxFuture<'static, Result<Out>> + Send + Sync;

/// A step that is a function.
pub(crate) struct FnStep<In, Out> {
    name: &'static str,
    body: Box<Body<In, Out>>,
}

pub(crate) fn step<In, Out, Fut>(
    name: &'static str,
    body: impl Fn(RunContext, In) -> Fut + Send + Sync + 'static,
) -> FnStep<In, Out>
where
    Fut: Future<Output = Result<Out>> + Send + 'static,
{
    FnStep {
        name,
        body: Box::new(move |ctx, input| body(ctx, input).boxed()),
    }
}

impl<In, Out> Step<In> for FnStep<In, Out>
where
    In: Send + 'static,
    Out: serde::Serialize + Send + 'static,
{
    type Output = Out;

    fn name(&self) -> &str {
        self.name
    }

    fn kind(&self) -> &'static str {
        "function"
    }

    fn call(&self, ctx: RunContext, input: In) -> BoxFuture<'static, Result<Out>> {
        (self.body)(ctx, input)
    }
}

/// A talker's strings: it says one piece for each permit, and the test sees whether it is still there.
#[derive(Clone)]
pub(crate) struct Strings {
    permits: Arc<Semaphore>,
    there: Arc<AtomicBool>,
}

impl Strings {
    pub(crate) fn new() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(0)),
            there: Arc::default(),
        }
    }

    /// Lets it say so many pieces.
    pub(crate) fn say(&self, pieces: usize) {
        self.permits.add_permits(pieces);
    }

    /// Waits to be let to say one piece.
    pub(crate) async fn wait(&self) {
        self.permits.acquire().await.unwrap().forget();
    }

    /// How many pieces it was let to say, and hasn't said.
    pub(crate) fn unsaid(&self) -> usize {
        self.permits.available_permits()
    }

    /// Whether it is at work.
    pub(crate) fn is_at_work(&self) -> bool {
        self.there.load(Ordering::SeqCst)
    }
}

struct There(Arc<AtomicBool>);

impl Drop for There {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

/// Says as many pieces as its input says, `0 `, `1 `, …, each when it is let to; then it is done.
pub(crate) fn talker(strings: &Strings) -> Served {
    let strings = strings.clone();
    Served::new(step("talk", move |ctx: RunContext, pieces: usize| {
        let strings = strings.clone();
        async move {
            strings.there.store(true, Ordering::SeqCst);
            let _there = There(Arc::clone(&strings.there));
            for piece in 0..pieces {
                strings.wait().await;
                ctx.emit(TextDelta::new(format!("{piece} "))).await;
            }
            Ok(pieces)
        }
    }))
}

/// Says all of its pieces at once.
pub(crate) fn chatter() -> Served {
    Served::new(step("chat", async |ctx: RunContext, pieces: usize| {
        for piece in 0..pieces {
            ctx.emit(TextDelta::new(format!("{piece} "))).await;
        }
        Ok(pieces)
    }))
}

pub(crate) fn builder() -> SessionsBuilder {
    Sessions::builder().served(chatter())
}

pub(crate) fn json(value: impl serde::Serialize) -> Json {
    Json::new(&value).unwrap()
}

/// All that a reader gives.
pub(crate) async fn all(mut reader: Reader) -> Result<Vec<Event>, (Vec<Event>, Error)> {
    let mut events = Vec::new();
    while let Some(event) = reader.next().await {
        match event {
            Ok(event) => events.push(event),
            Err(error) => {
                assert!(reader.next().await.is_none(), "an error is the last item");
                return Err((events, error));
            }
        }
    }
    assert!(reader.next().await.is_none(), "the end is the end");
    assert!(events.last().is_some_and(Event::is_end), "{events:?}");
    Ok(events)
}

/// So many events.
pub(crate) async fn some(reader: &mut Reader, count: usize) -> Vec<Event> {
    let events: Vec<_> = reader.take(count).map(Result::unwrap).collect().await;
    assert_eq!(events.len(), count);
    events
}

pub(crate) fn text(events: &[Event]) -> String {
    events
        .iter()
        .filter_map(|event| event.text().map(|text| text.as_str()))
        .collect()
}

/// What a talker has said after so many pieces.
pub(crate) fn said(pieces: usize) -> String {
    (0..pieces).map(|piece| format!("{piece} ")).collect()
}

/// The last event's name, and by whom it was cancelled.
pub(crate) fn end(events: &[Event]) -> String {
    match &events.last().unwrap().kind {
        EventKind::RunCancelled(end) => format!("cancelled by {}", end.by),
        kind => kind.name().to_owned(),
    }
}
