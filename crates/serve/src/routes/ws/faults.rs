//! With which code a socket is closed that can't go on.

use axum::extract::ws::{CloseFrame, Message};
use mainstem_core::{Error, ErrorKind};
use tungstenite::error::{CapacityError, Error as Fault, ProtocolError};

use crate::{code, wire::ws::CloseCode};

/// What the client is told whose frames aren't those of a WebSocket, or too long; none, if it can't be
/// told anything any more.
pub(super) fn of_frames(error: axum::Error) -> Option<(CloseCode, &'static str)> {
    let fault = error.into_inner();
    match fault.downcast_ref::<Fault>()? {
        Fault::Capacity(CapacityError::MessageTooLong { .. }) => Some((
            CloseCode(1009),
            "the message is longer than this server's limit",
        )),
        Fault::Utf8(_) => Some((CloseCode(1007), "the text isn't UTF-8")),
        Fault::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Fault::Protocol(_) => Some((CloseCode(1002), "the frame isn't one of a WebSocket")),
        _ => None,
    }
}

/// What a socket is closed with when something can't be done.
pub(super) fn of_error(error: &Error) -> CloseCode {
    match (error.code(), error.kind()) {
        (Some(code::SHUTTING_DOWN), _) => CloseCode::SHUTDOWN,
        (_, ErrorKind::NotFound) => CloseCode::NOT_FOUND,
        (Some(code::TOO_MANY_RUNS | code::TOO_MANY_RUNS_OF_OWNER | code::TOO_MANY_READERS), _) => {
            CloseCode::TOO_MANY
        }
        (_, ErrorKind::Input | ErrorKind::Value | ErrorKind::Conflict) => CloseCode::BAD_MESSAGE,
        _ => CloseCode::BROKEN,
    }
}

/// What a socket is closed with when the events of its run stop without an end.
pub(super) fn of_broken(error: &Error) -> CloseCode {
    match error.code() {
        Some(code::SHUTTING_DOWN) => CloseCode::SHUTDOWN,
        _ => CloseCode::BROKEN,
    }
}

/// A message that closes a socket.
pub(super) fn close(code: CloseCode, reason: &str) -> Message {
    // A frame of control has 125 bytes, with its code.
    let mut reason = reason.to_owned();
    while reason.len() > 120 {
        reason.pop();
    }
    Message::Close(Some(CloseFrame {
        code: code.0,
        reason: reason.into(),
    }))
}
