use crate::{Answer, RunId, Suspension};

/// Which run is to go on, and the answers that it gets: a [`Suspension`], or a run's id.
///
/// A run that was suspended goes on with the answers that its [`Suspension`] carries, some or all; one
/// whose process died, by its id.
#[derive(Clone, Debug, PartialEq)]
pub struct Resume {
    pub(super) run: RunId,
    pub(super) answers: Vec<Answer>,
}

impl From<Suspension> for Resume {
    fn from(suspension: Suspension) -> Self {
        Self {
            run: suspension.run,
            answers: suspension.answers,
        }
    }
}

impl From<&Suspension> for Resume {
    fn from(suspension: &Suspension) -> Self {
        suspension.clone().into()
    }
}

impl From<RunId> for Resume {
    fn from(run: RunId) -> Self {
        Self {
            run,
            answers: Vec::new(),
        }
    }
}

impl From<&RunId> for Resume {
    fn from(run: &RunId) -> Self {
        run.clone().into()
    }
}

impl From<&str> for Resume {
    fn from(run: &str) -> Self {
        RunId::from(run).into()
    }
}
