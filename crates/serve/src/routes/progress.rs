//! `GET /runs/{id}/progress`: how far a run has come, as a tree; over SSE also every change.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{
        IntoResponse, Response,
        sse::{Event as Frame, KeepAlive, Sse},
    },
};
use futures::{FutureExt, StreamExt, stream};
use http::{HeaderMap, header};
use mainstem_core::{Place, Result};
use mainstem_progress::{ProgressSubscription, ProgressTree, ProgressUpdate};
use serde_json::json;

use super::{App, events::after, reading};
use crate::{ReadFrom, Reader, guard::Caller, metrics::Held, refusal::Refusal};

pub(super) async fn progress(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let session = reading::open(&app, &caller, &id).await?;
    let state = session.state().await?;
    let is_stream = wants_stream(&headers);
    if is_stream && reading::has_all(&state, after(None, &headers)?) {
        return Ok(reading::nothing());
    }
    let reader = session.read(ReadFrom::Start).await?;
    let mut fold = Fold {
        tree: ProgressTree::new(session.name()),
        reader,
        until: state.last,
    };
    fold.catch_up().await?;
    if !is_stream {
        return Ok(Json(fold.tree.snapshot()).into_response());
    }
    let updates = fold.tree.subscribe();
    let held = app.metrics.reader("progress");
    let frames = frames(fold, updates, held);
    let pings = KeepAlive::new().interval(app.heartbeat).text("ping");
    let headers = [("x-accel-buffering", "no")];
    Ok((headers, Sse::new(frames).keep_alive(pings)).into_response())
}

fn wants_stream(headers: &HeaderMap) -> bool {
    let accept = headers.get_all(header::ACCEPT).iter();
    let mut ranges = accept
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split([',', ';']));
    ranges.any(|range| range.trim().eq_ignore_ascii_case("text/event-stream"))
}

/// A run's events, folded into a tree.
struct Fold {
    tree: ProgressTree,
    reader: Reader,
    /// The last event that there was when the request came.
    until: Option<Place>,
}

impl Fold {
    /// Takes in what is there already.
    async fn catch_up(&mut self) -> Result<()> {
        let Some(until) = self.until else {
            return Ok(());
        };
        while let Some(event) = self.reader.next().await {
            let event = event?;
            self.tree.feed(&event);
            if event.place() >= until {
                break;
            }
        }
        Ok(())
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
                Some(event) => fold.tree.feed(&event?),
                None => {
                    let ended = json!({"state": fold.tree.snapshot().root().state});
                    let frame = Frame::default().event("end").data(ended.to_string());
                    return Ok(Some((frame, None)));
                }
            };
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
