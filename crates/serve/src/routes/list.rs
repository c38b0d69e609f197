//! `GET /runs`: the runs that the caller may see, the newest first.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use http::StatusCode;
use mainstem_core::{RunQuery, RunState, RunStatus, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{App, run::shown};
use crate::{
    guard::{Caller, Right},
    refusal::Refusal,
};

/// How many runs a page has, if nobody says; and at most.
const PAGE: usize = 50;
const MOST: usize = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    name: Option<String>,
    status: Option<RunStatus>,
    limit: Option<usize>,
    /// The `next` of the page before.
    after: Option<String>,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Value>, Refusal> {
    caller.must(Right::List)?;
    let Query(asked) = asked.map_err(|_| {
        let message = "the query of a list has `name`, `status` (running, suspended, finished, failed \
                       or cancelled), `limit` and `after`, each once at most";
        Refusal::new(StatusCode::BAD_REQUEST, "no_such_query", message)
    })?;
    let limit = asked.limit.unwrap_or(PAGE).clamp(1, MOST);
    let mut query = RunQuery::new(limit);
    query.name = asked.name.map(Into::into);
    query.statuses.extend(asked.status);
    query.after = asked.after.as_deref().map(cursor).transpose()?;
    if !caller.principal.may(Right::Operate) {
        query.owner = caller.principal.name().map(Into::into);
    }
    let (runs, is_last) = page(&app, &caller, query).await?;
    let mut shown = json!({"runs": runs.iter().map(shown).collect::<Vec<_>>()});
    if let Some(last) = runs.last().filter(|_| !is_last) {
        shown["next"] = format!("{}-{}", last.created.as_unix_millis(), last.id).into();
    }
    Ok(Json(shown))
}

/// A page of runs that the caller may see, and whether nothing follows it.
///
/// A store can't be asked for runs that are nobody's alone: others are left out here.
async fn page(
    app: &App,
    caller: &Caller,
    mut query: RunQuery,
) -> Result<(Vec<RunState>, bool), Refusal> {
    let mut runs: Vec<RunState> = Vec::new();
    loop {
        let found = app.sessions.list(query.clone()).await?;
        let is_last = found.len() < query.limit;
        let Some(last) = found.last() else {
            return Ok((runs, true));
        };
        query = query.after(last);
        let visible = found.into_iter().filter(|run| caller.principal.lists(run));
        runs.extend(visible);
        if runs.len() >= query.limit {
            let is_last = is_last && runs.len() == query.limit;
            runs.truncate(query.limit);
            return Ok((runs, is_last));
        }
        if is_last {
            return Ok((runs, true));
        }
    }
}

fn cursor(written: &str) -> Result<(Timestamp, mainstem_core::RunId), Refusal> {
    let parsed = written
        .split_once('-')
        .and_then(|(millis, id)| Some((millis.parse().ok()?, id)));
    let Some((millis, id)) = parsed else {
        let message = "`after` is the `next` of the page before";
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "no_such_query",
            message,
        ));
    };
    Ok((Timestamp::from_unix_millis(millis), id.into()))
}
