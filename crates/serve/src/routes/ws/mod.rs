//! `GET /ws`: a run over a WebSocket; what is said there is in [`crate::wire::ws`].

mod chunks;
pub(super) mod echo;
mod faults;
mod socket;
mod talk;

use std::sync::Arc;

use axum::{
    extract::{
        Query, State, WebSocketUpgrade,
        rejection::QueryRejection,
        ws::{WebSocket, rejection::WebSocketUpgradeRejection},
    },
    response::Response,
};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

use self::{socket::Socket, talk::Talk};
use super::App;
use crate::{
    guard::{Caller, Limits},
    refusal::Refusal,
    wire::ws::{CHUNKS_SUBPROTOCOL, SUBPROTOCOL},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// Which agent or flow gets the messages of a client of plain pieces.
    run: Option<String>,
}

pub(super) async fn ws(
    State(app): State<Arc<App>>,
    caller: Caller,
    asked: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Result<Response, Refusal> {
    let upgrade = upgrade.map_err(|rejection| no_upgrade(&rejection))?;
    let Query(asked) = asked.map_err(|_| no_such_query())?;
    let asks_for_one = headers.contains_key(header::SEC_WEBSOCKET_PROTOCOL);
    let upgrade = bounded(upgrade, &app.limits).protocols([SUBPROTOCOL, CHUNKS_SUBPROTOCOL]);
    if asks_for_one && upgrade.selected_protocol().is_none() {
        return Err(no_such_protocol());
    }
    let wants_chunks = upgrade
        .selected_protocol()
        .is_some_and(|protocol| protocol == CHUNKS_SUBPROTOCOL);
    let run = match (wants_chunks, asked.run) {
        (false, None) => None,
        (true, Some(run)) => Some(run),
        _ => return Err(no_such_query()),
    };
    Ok(upgrade.on_upgrade(|socket| serve(app, caller, socket, run)))
}

async fn serve(app: Arc<App>, caller: Caller, socket: WebSocket, run: Option<String>) {
    let _held = (app.metrics.reader("ws"), app.sessions.socket());
    let socket = Socket::new(socket, app.heartbeat, &app.limits);
    match run {
        Some(run) => chunks::talk(&app, &caller, socket, &run).await,
        None => Box::pin(Talk::new(app, caller, socket).run()).await,
    }
}

/// What a WebSocket begins with, or why this request begins none.
type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

fn no_upgrade(rejection: &WebSocketUpgradeRejection) -> Refusal {
    let message = "this is a WebSocket: it begins with a `GET` that asks for an upgrade, as a client of \
                   WebSockets sends it; without one, use `POST /runs`";
    match rejection {
        WebSocketUpgradeRejection::InvalidWebSocketVersionHeader(_) => {
            let message = "there is only version 13 of WebSockets";
            Refusal::new(StatusCode::UPGRADE_REQUIRED, "no_upgrade", message)
                .wants(header::SEC_WEBSOCKET_VERSION, "13")
        }
        _ => Refusal::new(rejection.status(), "no_upgrade", message),
    }
}

fn no_such_protocol() -> Refusal {
    let message = "there is no such subprotocol; there are `mainstem.v1`, which is also that of a client that asks for \
                   none, and `mainstem.chunks`";
    Refusal::new(StatusCode::BAD_REQUEST, "no_such_protocol", message)
}

fn no_such_query() -> Refusal {
    let message = "with the subprotocol `mainstem.chunks` the query has `run`, the name of an agent or \
                   flow; otherwise it has nothing";
    Refusal::new(StatusCode::BAD_REQUEST, "no_such_query", message)
}

/// A socket takes no longer messages than other routes, and little memory while nothing is said.
fn bounded(upgrade: WebSocketUpgrade, limits: &Limits) -> WebSocketUpgrade {
    upgrade
        .max_message_size(limits.body)
        .max_frame_size(limits.body)
        .read_buffer_size(8 << 10)
        .write_buffer_size(8 << 10)
}
