//! Runs that end in each way.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::{Stream, StreamExt, future, stream, stream::BoxStream};
use mainstem::{
    Agent, Bytes, Error, ErrorKind, Event, EventKind, InputRequest, Place, Result, Retracted, Run,
    RunContext, RunStream, StepPath, StopHandle, TextDelta,
};
use mainstem_serve::wire::Format;
use mainstem_testkit::Reply;
use mainstem_tests::{model, server_with};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Finished,
    Failed,
    Cancelled,
    Suspended,
    Truncated,
    Retracted,
    Panic,
    Broken,
    Late,
}

impl Case {
    pub(crate) const ALL: [Self; 9] = [
        Self::Finished,
        Self::Failed,
        Self::Cancelled,
        Self::Suspended,
        Self::Truncated,
        Self::Retracted,
        Self::Panic,
        Self::Broken,
        Self::Late,
    ];
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format!("{self:?}").to_lowercase())
    }
}

pub(crate) type Events = BoxStream<'static, Result<Event>>;

/// The events of a case, and the place that its reader has read up to.
pub(crate) async fn events(case: Case) -> (Events, Option<Place>) {
    let from_start = |events: Events| (events, None);
    match case {
        Case::Truncated => from_start(truncated().await),
        Case::Broken => {
            let said = run(Case::Finished).take_while(|event| future::ready(!event.is_end()));
            let lost = Error::new(ErrorKind::Store, "the store is gone");
            from_start(said.map(Ok).chain(stream::iter([Err(lost)])).boxed())
        }
        Case::Late => {
            let events: Vec<_> = run(Case::Finished).collect().await;
            let first = events.iter().find(|event| event.text().is_some()).unwrap();
            let place = first.place();
            (
                stream::iter(events.into_iter().map(Ok)).boxed(),
                Some(place),
            )
        }
        case => from_start(run(case).map(Ok).boxed()),
    }
}

/// An agent whose model's server stops in the middle of its answer.
async fn truncated() -> Events {
    let server = server_with([Reply::stream().role().content("Jays.")]).await;
    let agent = Agent::builder(model(&server)).build().unwrap();
    let run = agent.run_streamed("Which birds?");
    // The server is there as long as somebody reads.
    run.map(move |event| {
        let _server = &server;
        Ok(event)
    })
    .boxed()
}

async fn say(ctx: &RunContext) {
    ctx.emit(TextDelta::new("Jay")).await;
    ctx.emit(TextDelta::new("s.")).await;
    ctx.emit(Bytes::new(vec![1, 2, 3].into())).await;
}

fn run(case: Case) -> RunStream<()> {
    let stop: Arc<OnceLock<StopHandle>> = Arc::default();
    let handle = Arc::clone(&stop);
    let run = Run::new("birds", move |ctx| async move {
        ctx.step("write", "function", |ctx| write(ctx, case, handle))
            .await
    });
    let run = run.stream();
    stop.get_or_init(|| run.stop_handle());
    run
}

async fn write(ctx: RunContext, case: Case, stop: Arc<OnceLock<StopHandle>>) -> Result<()> {
    let since = ctx.next_place();
    say(&ctx).await;
    match case {
        Case::Failed => Err(Error::new(ErrorKind::Step, "no birds today")),
        Case::Cancelled => {
            stop.get().unwrap().stop();
            future::pending().await
        }
        Case::Suspended => {
            let request = InputRequest::new("ok", StepPath::run().child("write"), "Go on?");
            Err(Error::suspend([request]))
        }
        Case::Retracted => {
            ctx.emit(EventKind::from(Retracted::new(since, "another attempt")))
                .await;
            say(&ctx).await;
            Ok(())
        }
        Case::Panic => panic!("on purpose"),
        _ => Ok(()),
    }
}

/// A run of many pieces, of text or of bytes, each of which is counted once it was taken.
pub(crate) fn long(
    format: Format,
    count: &Arc<AtomicUsize>,
) -> impl Stream<Item = Result<Event>> + Send + Unpin + use<> {
    let count = Arc::clone(count);
    let piece = "x".repeat(PIECE);
    let run = Run::new("long", move |ctx| async move {
        for _ in 0..PIECES {
            match format {
                Format::Binary => ctx.emit(Bytes::new(piece.clone().into())).await,
                _ => ctx.emit(TextDelta::new(piece.as_str())).await,
            }
            count.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    });
    run.stream().map(Ok)
}

/// More than all sockets and buffers on the way hold.
pub(crate) const PIECES: usize = 400;
pub(crate) const PIECE: usize = 64 * 1024;
