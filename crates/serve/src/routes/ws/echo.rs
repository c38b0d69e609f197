//! `GET /ws/echo`: a WebSocket that says all again, for tests of conformance; off by default.

use std::sync::Arc;

use axum::{
    extract::{
        State,
        ws::{Message, WebSocket},
    },
    response::Response,
};

use super::{Upgrade, bounded, faults, no_upgrade};
use crate::{guard::Caller, refusal::Refusal, routes::App};

pub(in crate::routes) async fn echo(
    State(app): State<Arc<App>>,
    _: Caller,
    upgrade: Upgrade,
) -> Result<Response, Refusal> {
    let upgrade = upgrade.map_err(|rejection| no_upgrade(&rejection))?;
    Ok(bounded(upgrade, &app.limits).on_upgrade(repeat))
}

async fn repeat(mut socket: WebSocket) {
    while let Some(message) = socket.recv().await {
        let message = match message {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => message,
            // Pings and a close are answered by the socket itself.
            Ok(_) => continue,
            Err(error) => {
                if let Some((code, why)) = faults::of_frames(error) {
                    let _gone = socket.send(faults::close(code, why)).await;
                }
                return;
            }
        };
        if socket.send(message).await.is_err() {
            return;
        }
    }
}
