//! `GET /runs/{id}/progress`: how far a run has come, as a tree; over SSE also every change.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{
        IntoResponse, Response,
        sse::{Event as Frame, KeepAlive, Sse},
    },
};
use futures::{FutureExt, StreamExt, stream};
use http::HeaderMap;
use mainstem_core::{Event, Place, Result};
use mainstem_progress::{ProgressSubscription, ProgressTree, ProgressUpdate};
use serde_json::json;

use super::{
    App,
    asked_run::AskedRun,
    events::after,
    kept_trees::KeptTree,
    reading::{self, Left},
};
use crate::{
    ReadFrom, Reader, Session,
    guard::Caller,
    metrics::Held,
    refusal::Refusal,
    wire::{Ended, Format},
};

pub(super) async fn progress(
    State(app): State<Arc<App>>,
    caller: Caller,
    AskedRun(id): AskedRun,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let session = reading::open(&app, &caller, &id).await?;
    let state = session.state().await?;
    let is_stream = Format::Sse.is_named(&headers);
    if is_stream && reading::left(&state, after(None, &headers)?) == Left::Nothing {
        return Ok(reading::nothing());
    }
    if !is_stream {
        let tree = current(&app, &session, state.last).await?;
        return Ok(Json(tree.snapshot()).into_response());
    }
    let mut fold = Fold {
        tree: ProgressTree::new(session.name()),
        reader: session.read(ReadFrom::Start).await?,
        ended: None,
    };
    fold.catch_up(state.last).await?;
    let updates = fold.tree.subscribe();
    let held = app.metrics.reader("progress");
    let frames = frames(fold, updates, held);
    let pings = KeepAlive::new().interval(app.heartbeat).text("ping");
    let headers = [("x-accel-buffering", "no")];
    Ok((headers, Sse::new(frames).keep_alive(pings)).into_response())
}

/// The tree as of an event; what was folded for whoever asked before isn't folded again.
async fn current(app: &App, session: &Session, until: Option<Place>) -> Result<ProgressTree> {
    let run = session.id();
    let (tree, mut at) = match app.trees.take(run) {
        Some(kept) => (kept.tree, kept.at),
        None => (ProgressTree::new(session.name()), None),
    };
    if at < until {
        let reader = session
            .read(at.map_or(ReadFrom::Start, ReadFrom::After))
            .await?;
        let mut fold = Fold {
            tree: tree.clone(),
            reader,
            ended: None,
        };
        at = fold.catch_up(until).await?.or(at);
    }
    let run = run.clone();
    app.trees.keep(KeptTree {
        run,
        tree: tree.clone(),
        at,
    });
    Ok(tree)
}

/// A run's events, folded into a tree.
struct Fold {
    tree: ProgressTree,
    reader: Reader,
    /// How the run ended, if it has.
    ended: Option<Ended>,
}

impl Fold {
    /// Takes in what is there already, up to the last event; gives the place of what it took in last.
    async fn catch_up(&mut self, until: Option<Place>) -> Result<Option<Place>> {
        let Some(until) = until else {
            return Ok(None);
        };
        let mut at = None;
        while let Some(event) = self.reader.next().await {
            let event = event?;
            self.take(&event);
            at = Some(event.place());
            if at >= Some(until) {
                break;
            }
        }
        Ok(at)
    }

    fn take(&mut self, event: &Event) {
        self.ended = Ended::of(event);
        self.tree.feed(event);
    }
}

/// The tree, each change, and at last that there will be none; without that word the stream is cut.
fn frames(
    fold: Fold,
    updates: ProgressSubscription,
    held: Held,
) -> impl futures::Stream<Item = Result<Frame>> {
    let state = Some((fold, updates, held));
    stream::try_unfold(state, |state| async move {
        let Some((mut fold, mut updates, held)) = state else {
            return Ok(None);
        };
        loop {
            // What a change brings is there at once.
            if let Some(Some(update)) = updates.next().now_or_never() {
                let frame = frame(&update)?;
                return Ok(Some((frame, Some((fold, updates, held)))));
            }
            match fold.reader.next().await {
                Some(event) => fold.take(&event?),
                None => {
                    let ended = json!({"state": fold.tree.snapshot().root().state});
                    let mut frame = Frame::default().event("end").data(ended.to_string());
                    if let Some(ended) = fold.ended {
                        frame = frame.id(ended.id().to_string());
                    }
                    return Ok(Some((frame, None)));
                }
            }
        }
    })
}

fn frame(update: &ProgressUpdate) -> Result<Frame> {
    let json = mainstem_core::Json::new(update)?;
    let (name, place) = match update {
        ProgressUpdate::Snapshot(snapshot) => ("snapshot", snapshot.place),
        ProgressUpdate::Delta(delta) => ("delta", delta.place),
        _ => ("lagged", None),
    };
    let frame = Frame::default().event(name).data(json.as_str());
    Ok(match place {
        Some(place) => frame.id(place.to_string()),
        None => frame,
    })
}
