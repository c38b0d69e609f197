//! The end of a run: for the reader an event, for whoever awaits it a result.

use super::shared::Shared;
use crate::{
    CancelledBy, Error, ErrorKind, EventKind, Json, Result, RunCancelled, RunFailed, RunFinished,
    RunSuspended, StepPath, sync::lock,
};

/// How a run ends.
pub(super) enum End {
    Done(Result<Json>),
    Cancelled(CancelledBy),
}

impl End {
    /// The result and the event. The work is gone by now, so that all partial output is recorded.
    pub(super) fn tell(self, shared: &Shared) -> (Result<()>, EventKind) {
        match self {
            Self::Done(Ok(output)) => (Ok(()), finished(output, shared)),
            Self::Done(Err(error)) => failed(error, shared),
            Self::Cancelled(by) => cancelled(by, shared),
        }
    }
}

fn finished(output: Json, shared: &Shared) -> EventKind {
    let tally = lock(&shared.tally);
    let mut kind = RunFinished::new(output, tally.usage);
    kind.finish_reason = tally.finish_reason.clone();
    kind.into()
}

fn cancelled(by: CancelledBy, shared: &Shared) -> (Result<()>, EventKind) {
    let partial = shared.partial();
    let mut kind = RunCancelled::new(by);
    kind.partial = Some(Box::new(partial.clone()));
    let message = match &kind.by {
        CancelledBy::Stop => "the run was stopped".to_owned(),
        by => format!("the run was stopped ({by})"),
    };
    let error = Error::new(ErrorKind::Cancelled, message).with_partial(partial);
    (Err(error), kind.into())
}

fn failed(error: Error, shared: &Shared) -> (Result<()>, EventKind) {
    let error = error.of_run(&shared.id);
    shared.pass_on(&StepPath::run(), &error);
    let partial = shared.partial();
    let error = error.with_partial(partial.clone()).suspended_at(
        &shared.id,
        shared.slot.next_place(),
        shared.store.is_some(),
    );
    let kind = match error.suspension() {
        Some(suspension) => {
            let mut kind = RunSuspended::new(suspension.requests.clone());
            kind.partial = Some(Box::new(partial));
            kind.into()
        }
        None => {
            let mut kind = RunFailed::new((&error).into());
            kind.partial = Some(Box::new(partial));
            kind.into()
        }
    };
    (Err(error), kind)
}
