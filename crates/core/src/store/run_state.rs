use serde::{Deserialize, Serialize};

use super::WorkerId;
use crate::{Epoch, EventKind, Json, Place, RunId, Text, Timestamp};

/// What a store is told of a run when its log begins.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewRun {
    /// Its id.
    pub id: RunId,
    /// The name of the agent or flow.
    pub name: Text,
    /// Whose it is; none, if nobody said so.
    pub owner: Option<Text>,
    /// When it was begun.
    pub created: Timestamp,
    /// What the run begins with, for whoever resumes it: kept beside the log, never shown to its
    /// readers.
    pub basis: Option<Json>,
    /// Whose it is to write; none, if it is no worker's.
    pub worker: Option<WorkerId>,
}

impl NewRun {
    /// A run that begins now and is nobody's; the rest is set by field.
    pub fn new(id: impl Into<RunId>, name: impl Into<Text>) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            owner: None,
            created: Timestamp::now(),
            basis: None,
            worker: None,
        }
    }
}

/// What a store knows of a run without reading its log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunState {
    /// Its id.
    pub id: RunId,
    /// The name of the agent or flow.
    pub name: Text,
    /// Whose it is; none, if nobody said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Text>,
    /// When it was begun.
    pub created: Timestamp,
    /// How far it has got.
    pub status: RunStatus,
    /// Its newest writer.
    pub epoch: Epoch,
    /// The place of its last event; none before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Place>,
    /// When its last event happened, which of a run that has ended is its end; none before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Timestamp>,
    /// Whether its log takes nothing more.
    pub closed: bool,
}

impl RunState {
    /// The state of a run whose log has just begun.
    pub fn new(run: NewRun) -> Self {
        Self {
            id: run.id,
            name: run.name,
            owner: run.owner,
            created: run.created,
            status: RunStatus::Running,
            epoch: Epoch::FIRST,
            last: None,
            changed: None,
            closed: false,
        }
    }
}

/// How far a run has got, by the events of its log.
///
/// Its JSON is the name in `snake_case`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunStatus {
    /// It has no end: it is under way, or whatever ran it died.
    Running,
    /// It waits for answers.
    Suspended,
    /// It ended with an output.
    Finished,
    /// It failed.
    Failed,
    /// It was stopped.
    Cancelled,
}

impl RunStatus {
    /// Its name, as in its JSON.
    ///
    /// ```
    /// assert_eq!(mainstem_core::RunStatus::Failed.as_str(), "failed");
    /// ```
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Suspended => "suspended",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status that an event brings; none, if the event leaves it as it was.
    ///
    /// A store keeps the last one beside the log, in the same transaction.
    ///
    /// ```
    /// use mainstem_core::{CancelledBy, RunCancelled, RunStatus, TextDelta};
    ///
    /// let end = RunCancelled::new(CancelledBy::Stop).into();
    /// assert_eq!(RunStatus::of(&end), Some(RunStatus::Cancelled));
    /// assert_eq!(RunStatus::of(&TextDelta::new("jay").into()), None);
    /// ```
    pub fn of(event: &EventKind) -> Option<Self> {
        match event {
            EventKind::RunStarted(_) | EventKind::RunResumed(_) => Some(Self::Running),
            EventKind::RunSuspended(_) => Some(Self::Suspended),
            EventKind::RunFinished(_) => Some(Self::Finished),
            EventKind::RunFailed(_) => Some(Self::Failed),
            EventKind::RunCancelled(_) => Some(Self::Cancelled),
            _ => None,
        }
    }
}

/// Which runs a store is to list.
///
/// ```
/// # futures::executor::block_on(async {
/// use mainstem_core::{MemoryStore, NewRun, RunQuery, RunStatus, Store};
///
/// let store = MemoryStore::new();
/// for id in ["a", "b", "c"] {
///     let mut run = NewRun::new(id, "guide");
///     run.owner = Some("ada".into());
///     store.create(run).await?;
/// }
/// let first = store.list(RunQuery::new(2).owner("ada")).await?;
/// let rest = store.list(RunQuery::new(2).owner("ada").after(&first[1])).await?;
/// assert_eq!((first.len(), rest.len()), (2, 1));
/// assert!(store.list(RunQuery::new(9).owner("bob")).await?.is_empty());
/// let failed = RunQuery::new(9).name("guide").status(RunStatus::Failed);
/// assert!(store.list(failed).await?.is_empty());
/// # Ok::<(), mainstem_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunQuery {
    /// Only the runs of this owner.
    pub owner: Option<Text>,
    /// Only the runs of the agent or flow of this name.
    pub name: Option<Text>,
    /// Only runs that have got as far as one of these; if there are none, however far.
    pub statuses: Vec<RunStatus>,
    /// Only runs that were begun at this moment or later.
    pub since: Option<Timestamp>,
    /// Only runs that were begun before this moment.
    pub until: Option<Timestamp>,
    /// Only runs whose log isn't closed: those under way, suspended, or left behind by a crash.
    pub open: bool,
    /// Only runs that are no worker's at this moment: those of none, and those whose worker's
    /// [lease](super::Store::lease) is over.
    pub free: Option<Timestamp>,
    /// Only runs that come after this one, by when it was begun and its id.
    pub after: Option<(Timestamp, RunId)>,
    /// How many at most.
    pub limit: usize,
}

impl RunQuery {
    /// All runs, `limit` at most.
    pub fn new(limit: usize) -> Self {
        Self {
            owner: None,
            name: None,
            statuses: Vec::new(),
            since: None,
            until: None,
            open: false,
            free: None,
            after: None,
            limit,
        }
    }

    /// Sets [`owner`](Self::owner).
    #[must_use]
    pub fn owner(mut self, owner: impl Into<Text>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// Sets [`name`](Self::name).
    #[must_use]
    pub fn name(mut self, name: impl Into<Text>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Adds to the [`statuses`](Self::statuses).
    #[must_use]
    pub fn status(mut self, status: RunStatus) -> Self {
        self.statuses.push(status);
        self
    }

    /// Sets [`since`](Self::since).
    #[must_use]
    pub fn since(mut self, moment: Timestamp) -> Self {
        self.since = Some(moment);
        self
    }

    /// Sets [`until`](Self::until).
    #[must_use]
    pub fn until(mut self, moment: Timestamp) -> Self {
        self.until = Some(moment);
        self
    }

    /// Sets [`open`](Self::open).
    #[must_use]
    pub fn open(mut self) -> Self {
        self.open = true;
        self
    }

    /// Sets [`free`](Self::free).
    #[must_use]
    pub fn free(mut self, moment: Timestamp) -> Self {
        self.free = Some(moment);
        self
    }

    /// Goes on after the last row of the page before: sets [`after`](Self::after).
    #[must_use]
    pub fn after(mut self, row: &RunState) -> Self {
        self.after = Some((row.created, row.id.clone()));
        self
    }

    /// Whether a run is asked for, the limit and its worker apart.
    pub(super) fn takes(&self, run: &RunState) -> bool {
        let is_after = match &self.after {
            Some((created, id)) => (run.created, &run.id) < (*created, id),
            None => true,
        };
        let is_in_time = self.since.is_none_or(|since| run.created >= since)
            && self.until.is_none_or(|until| run.created < until);
        let has_status = self.statuses.is_empty() || self.statuses.contains(&run.status);
        let is_of =
            |wanted: &Option<Text>, it: Option<&Text>| wanted.is_none() || wanted.as_ref() == it;
        is_after
            && is_in_time
            && has_status
            && !(self.open && run.closed)
            && is_of(&self.owner, run.owner.as_ref())
            && is_of(&self.name, Some(&run.name))
    }
}
