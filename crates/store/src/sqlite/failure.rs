//! What to say of a failure: in whose words it is none of a run's.

use mainstem_core::{Epoch, Error, ErrorKind, Place, RunId};
use rusqlite::ffi::ErrorCode;

/// What SQLite couldn't do, and the mend.
pub(super) fn reason(error: &rusqlite::Error) -> String {
    let reason = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy) => {
            "was locked by another process for 10 seconds; try again, and look what holds it"
        }
        Some(ErrorCode::DiskFull) => "has no room to grow; make room on its disk",
        Some(ErrorCode::NotADatabase) => "isn't a database of SQLite; give another file",
        Some(ErrorCode::DatabaseCorrupt) => {
            "is damaged; take a backup, or what `sqlite3 FILE .recover` can save"
        }
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            "can't be opened; give this process the right to read and write the file and its directory"
        }
        Some(ErrorCode::TooBig) => "takes no more than 1 GB at a time; keep such data elsewhere",
        Some(ErrorCode::SystemIoFailure) => "can't be read or written; look at its disk",
        _ => "doesn't do what it should; the source says why",
    };
    reason.to_owned()
}

pub(super) fn no_log(run: &RunId) -> Error {
    let message = format!(
        "there is no log of run `{run}`; look in the store that the run was given, or whether it was \
         deleted"
    );
    Error::new(ErrorKind::NotFound, message)
}

pub(super) fn there_already(run: &RunId) -> Error {
    let message = format!("there is a log of run `{run}` already; give each run an id of its own");
    Error::new(ErrorKind::Conflict, message)
}

pub(super) fn fenced(run: &RunId, epoch: Epoch, newest: Epoch) -> Error {
    let message = format!(
        "run `{run}` has a newer writer, of epoch {newest}; this one, of epoch {epoch}, has to stop"
    );
    Error::new(ErrorKind::Conflict, message)
}

pub(super) fn claimed(run: &RunId) -> Error {
    let message = format!(
        "run `{run}` is another worker's, which is alive; wait until it has ended there, or that \
         worker's lease is over"
    );
    Error::new(ErrorKind::Conflict, message).retryable(true)
}

pub(super) fn out_of_order(run: &RunId, place: Place) -> Error {
    let message = format!(
        "event {place} doesn't follow the log of run `{run}`; number on from its last place, in the \
         writer's epoch"
    );
    Error::new(ErrorKind::Conflict, message)
}

pub(super) fn closed(run: &RunId) -> Error {
    let message =
        format!("the log of run `{run}` is closed and takes nothing more; begin another run");
    Error::new(ErrorKind::Store, message)
}

/// What serde says of it would show the event.
pub(super) fn unwritable(run: &RunId, place: Place) -> Error {
    let message = format!("event {place} of run `{run}` can't be kept: it has no JSON");
    Error::new(ErrorKind::Store, message)
}

pub(super) fn unreadable(run: &RunId, seq: i64) -> Error {
    let message = format!(
        "event {seq} of run `{run}` isn't one that this version can read; take the version that wrote \
         it, or a backup"
    );
    Error::new(ErrorKind::Store, message)
}

pub(super) fn unreadable_state(run: &str) -> Error {
    let message = format!(
        "what is known of run `{run}` isn't what this version can read; take the version that wrote \
         it, or a backup"
    );
    Error::new(ErrorKind::Store, message)
}

pub(super) fn conversation_changed(id: &str, version: u64, newest: u64) -> Error {
    let what = match newest {
        0 => "was deleted in between, or never saved; save it as a new one".to_owned(),
        _ => format!("was saved in between: version {newest}, not {version}; load it again"),
    };
    Error::new(ErrorKind::Conflict, format!("conversation `{id}` {what}"))
}

pub(super) fn unwritable_conversation(id: &str) -> Error {
    let message = format!("conversation `{id}` can't be kept: it has no JSON");
    Error::new(ErrorKind::Store, message)
}

pub(super) fn unreadable_conversation(id: &str) -> Error {
    let message = format!(
        "conversation `{id}` isn't one that this version can read; take the version that saved it, or \
         a backup"
    );
    Error::new(ErrorKind::Store, message)
}
