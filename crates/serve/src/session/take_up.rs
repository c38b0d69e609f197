//! Runs that go on: suspended ones with answers, and those that were left behind.

use std::{collections::HashSet, convert::Infallible, future::pending, time::Duration};

use mainstem_core::{
    Error, ErrorKind, Result, Resume, RunId, RunQuery, RunState, RunStatus, Text, Timestamp,
};
use tokio::time::sleep;

use super::{
    StartOptions,
    drive::NOT_RESUMED,
    handle::Session,
    hub::{Payer, Sessions},
    left,
};

/// How many runs are listed at once.
const PAGE: usize = 100;

/// What became of the runs that were left behind.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct TakenUp {
    /// Those that go on, detached.
    pub runs: Vec<RunId>,
    /// Those that were attached, and go on when a reader comes back.
    pub waiting: Vec<RunId>,
    /// Those that don't, and why: more runs than are allowed, a flow that has changed. Their logs are
    /// as they were.
    pub refused: Vec<(RunId, Error)>,
}

impl Sessions {
    /// Goes on with the runs that were left without an end: by a process that died, or by
    /// [`shutdown_and_leave`](Self::shutdown_and_leave).
    ///
    /// Those of names that are served here, that aren't suspended and not under way here, and whose
    /// last event is older than `idle`. They go on detached, but for those that were attached when
    /// `shutdown_and_leave` left them: each goes on when a reader [attaches](Session::attach), here or in
    /// another process, and ends, cancelled by `disconnect`, if none comes back within a minute, or the
    /// [`linger`](super::SessionsBuilder::linger) if it is longer.
    ///
    /// Where several processes share a store, let each have a
    /// [lease](super::SessionsBuilder::worker_lease): then only those runs are taken up that are no other
    /// process's, and `idle` may be zero. Without one a run that was left behind can't be told from one
    /// that another process is at, and only where this process is the only one `Duration::ZERO` is right.
    /// A run that is taken from a process that still was at it isn't spoilt: that process can't write any
    /// more, and its run fails.
    ///
    /// # Errors
    ///
    /// Those of the store while it lists the runs, or gives the lease.
    pub async fn resume_interrupted(&self, idle: Duration) -> Result<TakenUp> {
        self.resume_but(idle, &HashSet::new()).await
    }

    /// Says what was refused, and takes up what is left from then on, too, if others share the store: they
    /// may die any time.
    pub(crate) async fn keep_resuming(&self, idle: Duration, first: TakenUp) -> Infallible {
        let (mut told, mut hopeless) = (HashSet::new(), HashSet::new());
        let mut taken_up = first;
        loop {
            for (run, error) in taken_up.refused {
                let is_for_good = error.code() == Some(NOT_RESUMED) && !error.is_retryable();
                // Another one may just have been quicker.
                let is_failure = is_for_good || error.kind() != ErrorKind::Conflict;
                if is_failure && told.insert(run.clone()) {
                    tracing::warn!(
                        target: "mainstem::serve",
                        %run,
                        %error,
                        "a run that was interrupted doesn't go on"
                    );
                }
                if is_for_good {
                    hopeless.insert(run);
                }
            }
            let Some(worker) = &self.hub.worker else {
                return pending().await;
            };
            sleep(worker.pace()).await;
            if *self.hub.closing.borrow() {
                return pending().await;
            }
            taken_up = match self.resume_but(idle, &hopeless).await {
                Ok(taken_up) => taken_up,
                Err(error) => {
                    tracing::warn!(
                        target: "mainstem::serve",
                        %error,
                        "interrupted runs aren't looked for: the store fails"
                    );
                    TakenUp::default()
                }
            };
        }
    }

    /// Takes up what was left, but for some.
    async fn resume_but(&self, idle: Duration, but: &HashSet<RunId>) -> Result<TakenUp> {
        self.hub.has_lease().await?;
        let mut taken_up = TakenUp::default();
        let mut query = RunQuery::new(PAGE).status(RunStatus::Running).open();
        if self.hub.worker.is_some() {
            query = query.free(Timestamp::now());
        }
        loop {
            let page = self.hub.store.list(query.clone()).await?;
            let left = page.iter().filter(|state| self.is_left(state, idle));
            for state in left.filter(|state| !but.contains(&state.id)) {
                let (name, owner, id) = (&state.name, state.owner.clone(), &state.id);
                // What can't be read is told by whoever goes on with it.
                if let (Some(last), Ok(true)) =
                    (state.last, left::is_marked(&*self.hub.store, state).await)
                {
                    self.await_reader(id, last);
                    taken_up.waiting.push(id.clone());
                    continue;
                }
                // What nobody owns was admitted before, for somebody who isn't known any more.
                let payer = owner.clone().map(Payer::Owner);
                match self.take_up(name, owner, payer, id.into(), id, true).await {
                    Ok(_) => taken_up.runs.push(id.clone()),
                    Err(error) => taken_up.refused.push((id.clone(), error)),
                }
            }
            match page.last() {
                Some(last) if page.len() == PAGE => query = query.after(last),
                _ => return Ok(taken_up),
            }
        }
    }

    fn is_left(&self, state: &RunState, idle: Duration) -> bool {
        let changed = state.changed.unwrap_or(state.created).as_unix_millis();
        let silent = Timestamp::now().as_unix_millis().saturating_sub(changed);
        self.hub.served.contains_key(&state.name)
            && self.hub.live(&state.id).is_none()
            && u128::from(silent) >= idle.as_millis()
    }

    /// Goes on with a run that was suspended or left behind.
    pub(super) async fn take_up(
        &self,
        name: &str,
        owner: Option<Text>,
        payer: Option<Payer>,
        resume: Resume,
        id: &RunId,
        detach: bool,
    ) -> Result<Session> {
        let served = self.hub.named(name)?;
        let admitted = self.hub.admit(id, owner.clone(), payer)?;
        self.hub.has_lease().await?;
        let begun = served.resume(resume, self.setup(owner));
        let options = StartOptions {
            detach,
            ..StartOptions::new()
        };
        self.begin(served.name().into(), begun, admitted, &options)
            .await
    }
}
