use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64},
    },
    time::Duration,
};

use mainstem_core::{Json, Result, RunId, RunQuery, RunState, RunStatus, Store, Text, WorkerId};
use tokio::{
    sync::{Notify, oneshot, watch},
    task::AbortHandle,
};

use super::{
    SessionLimits, SessionStats, SessionsBuilder, SlowReader, StartOptions,
    drive::Drive,
    handle::Session,
    kept::{Keep, KeptRuns},
    live::{Attachment, Live},
    lock,
    presence::Presence,
    refusals,
    ring::Ring,
    stats::Counters,
    worker::Worker,
};
use crate::{
    Served,
    served::{Begun, Setup},
};

/// The runs of a server: those under way in this process, and the store that has the logs of all.
///
/// Cheap to clone; a clone is the same. Each run under way has a task of its own, which ends when the
/// last clone is dropped: then these runs are left without an end, and their readers get an error. Call
/// [`shutdown`](Self::shutdown) before.
///
/// The module's own page has an example.
#[derive(Clone)]
pub struct Sessions {
    pub(super) hub: Arc<Hub>,
}

pub(super) struct Hub {
    pub(super) store: Arc<dyn Store>,
    pub(super) served: BTreeMap<Text, Served>,
    pub(super) counters: Arc<Counters>,
    /// Whose the runs here are, where others share the store.
    pub(super) worker: Option<Worker>,
    /// No run is under way any more.
    pub(super) emptied: Notify,
    /// Whether the process is about to end.
    pub(super) closing: watch::Sender<bool>,
    /// The runs that wait for their readers, which another process has left.
    pub(super) awaited: Mutex<HashSet<RunId>>,
    /// How many sockets are open that are told of it.
    pub(super) sockets: watch::Sender<usize>,
    pub(super) config: Config,
    running: Mutex<Running>,
}

#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) limits: SessionLimits,
    pub(super) slow: Option<SlowReader>,
    pub(super) linger: Duration,
    pub(super) lease: Option<Duration>,
    pub(super) hold_limit: Duration,
    pub(super) worker_lease: Option<Duration>,
    /// How much is kept of runs that aren't under way any more.
    pub(super) keep: Keep,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: SessionLimits::default(),
            slow: None,
            linger: Duration::ZERO,
            lease: None,
            hold_limit: Duration::from_secs(300),
            worker_lease: None,
            keep: Keep::default(),
        }
    }
}

#[derive(Default)]
struct Running {
    runs: HashMap<RunId, Entry>,
    /// How many runs each owner or client has.
    payers: HashMap<Payer, usize>,
    is_closed: bool,
    kept: KeptRuns,
}

/// Whom a run counts for.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Payer {
    Owner(Text),
    Client(Text),
    /// All of whom nothing is known.
    Nobody,
}

impl Payer {
    pub(super) fn of(owner: Option<&Text>, client: Option<&Text>) -> Self {
        match (owner, client) {
            (Some(owner), _) => Self::Owner(owner.clone()),
            (None, Some(client)) => Self::Client(client.clone()),
            (None, None) => Self::Nobody,
        }
    }
}

struct Entry {
    /// None, if it counts for none of them.
    payer: Option<Payer>,
    /// None while it is being begun.
    run: Option<(Arc<Live>, AbortHandle)>,
}

impl Sessions {
    /// Sets them up.
    pub fn builder() -> SessionsBuilder {
        SessionsBuilder::new()
    }

    pub(super) fn new(
        store: Arc<dyn Store>,
        served: BTreeMap<Text, Served>,
        config: Config,
    ) -> Self {
        let hub = Hub {
            store,
            served,
            counters: Arc::default(),
            worker: config.worker_lease.map(Worker::new),
            emptied: Notify::new(),
            closing: watch::Sender::new(false),
            awaited: Mutex::default(),
            sockets: watch::Sender::new(0),
            config,
            running: Mutex::default(),
        };
        Self { hub: Arc::new(hub) }
    }

    /// What is served, in the order of the names.
    pub fn served(&self) -> impl Iterator<Item = &Served> {
        self.hub.served.values()
    }

    /// The store that has the logs.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.hub.store
    }

    /// The name under which the store has the runs of this process, if it
    /// [shares it](SessionsBuilder::worker_lease) with others.
    pub fn worker(&self) -> Option<&WorkerId> {
        self.hub.worker.as_ref().map(Worker::id)
    }

    /// Begins a run. It is in the store when this returns.
    ///
    /// An attached run, which is the default, is attached to the session that this gives.
    ///
    /// # Errors
    ///
    /// Of the codes `not_served`, `input`, `too_many_runs`, `too_many_runs_of_owner`, `under_way` and
    /// `shutting_down` in [`code`](super::code); of kind
    /// [`Conflict`](mainstem_core::ErrorKind::Conflict), if the store has a run of that id; those of
    /// the store.
    ///
    /// # Panics
    ///
    /// Outside of a runtime of Tokio.
    pub async fn start(&self, name: &str, input: Json, options: StartOptions) -> Result<Session> {
        let served = self.hub.named(name)?;
        let id = options.id.clone().unwrap_or_else(RunId::new);
        let payer = Payer::of(options.owner.as_ref(), options.client.as_ref());
        let admitted = self.hub.admit(&id, options.owner.clone(), Some(payer))?;
        self.hub.has_lease().await?;
        let setup = Setup {
            id: Some(id),
            metadata: options.metadata.clone(),
            context: options.context.clone(),
            ..self.setup(options.owner.clone())
        };
        let begun = served.begin(&input, setup)?;
        self.begin(served.name().into(), begun, admitted, &options)
            .await
    }

    pub(super) fn setup(&self, owner: Option<Text>) -> Setup {
        Setup {
            store: self.hub.own_store(),
            id: None,
            owner,
            metadata: BTreeMap::new(),
            context: None,
            max_output_bytes: self.hub.config.limits.output_bytes,
        }
    }

    pub(super) async fn begin(
        &self,
        name: Text,
        begun: Begun,
        admitted: Admitted<'_>,
        options: &StartOptions,
    ) -> Result<Session> {
        let Begun { events, stop } = begun;
        let config = &self.hub.config;
        let default = match options.detach {
            true => SlowReader::DETACHED,
            false => SlowReader::ATTACHED,
        };
        let linger = options.linger.unwrap_or(config.linger);
        let lease = options.lease.or(config.lease);
        let (kept_events, kept_bytes) = (config.limits.kept_events, config.limits.kept_bytes);
        let live = Arc::new(Live {
            id: admitted.id.clone(),
            name,
            owner: admitted.owner.clone(),
            slow: options.slow.or(config.slow).unwrap_or(default),
            presence: Presence::new(options.detach, linger, lease, config.hold_limit),
            counters: Arc::clone(&self.hub.counters),
            more: Arc::default(),
            max_readers: config.limits.readers_per_run,
            ring: Mutex::new(Ring::new(kept_events, kept_bytes)),
            head: AtomicU64::new(0),
            stop,
            stopping: AtomicBool::new(false),
        });
        let attachment = (!options.detach).then(|| Attachment::new(&live));
        let (begun, has_begun) = oneshot::channel();
        let drive = Drive {
            events,
            live: Arc::clone(&live),
            hub: Arc::downgrade(&self.hub),
            begun,
        };
        admitted.spawn(drive);
        match has_begun.await {
            Ok(begun) => begun?,
            Err(_) => return Err(refusals::left(&live.id)),
        }
        Ok(Session::of_live(self.clone(), live).with_attachment(attachment))
    }

    /// A run by its id: under way here, or in the store.
    ///
    /// # Errors
    ///
    /// Of kind [`NotFound`](mainstem_core::ErrorKind::NotFound), if there is no such run; those of the
    /// store.
    pub async fn open(&self, run: &RunId) -> Result<Session> {
        if let Some(live) = self.hub.live(run) {
            return Ok(Session::of_live(self.clone(), live));
        }
        let state = self.hub.store.state(run).await?;
        Ok(Session::of_state(self.clone(), state))
    }

    /// The runs that are asked for, the newest first, under way or not.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn list(&self, query: RunQuery) -> Result<Vec<RunState>> {
        self.hub.store.list(query).await
    }

    /// What there is now, and was done so far. Cheap: it locks nothing.
    pub fn stats(&self) -> SessionStats {
        self.hub.counters.snapshot()
    }
}

impl Hub {
    pub(super) fn named(&self, name: &str) -> Result<&Served> {
        self.served
            .get(name)
            .ok_or_else(|| refusals::not_served(name, &mut self.served.keys().map(|name| &**name)))
    }

    /// Sees to it that nobody else can take what is begun here.
    pub(super) async fn has_lease(&self) -> Result<()> {
        match &self.worker {
            Some(worker) => worker.begin(&self.store).await,
            None => Ok(()),
        }
    }

    /// The store as the runs of this process have it: what it opens is its own.
    pub(super) fn own_store(&self) -> Arc<dyn Store> {
        match &self.worker {
            Some(worker) => worker.of(&self.store),
            None => Arc::clone(&self.store),
        }
    }

    /// A run under way here.
    pub(super) fn live(&self, run: &RunId) -> Option<Arc<Live>> {
        let running = lock(&self.running);
        let (live, _) = running.runs.get(run)?.run.as_ref()?;
        Some(Arc::clone(live))
    }

    pub(super) fn all_live(&self) -> Vec<Arc<Live>> {
        let running = lock(&self.running);
        let runs = running.runs.values().filter_map(|entry| entry.run.as_ref());
        runs.map(|(live, _)| Arc::clone(live)).collect()
    }

    /// Whether there is neither a run under way nor one being begun.
    pub(super) fn is_empty(&self) -> bool {
        lock(&self.running).runs.is_empty()
    }

    /// From here on no run is begun.
    pub(super) fn close(&self) {
        lock(&self.running).is_closed = true;
        self.closing.send_replace(true);
    }

    /// Drops all runs, as they are.
    pub(super) fn abort(&self) {
        for entry in lock(&self.running).runs.values() {
            if let Some((_, task)) = &entry.run {
                task.abort();
            }
        }
    }

    /// Keeps a place for a run, within the limits.
    pub(super) fn admit(
        self: &Arc<Self>,
        id: &RunId,
        owner: Option<Text>,
        payer: Option<Payer>,
    ) -> Result<Admitted<'_>> {
        let limits = &self.config.limits;
        let mut running = lock(&self.running);
        if running.is_closed {
            return Err(refusals::shutting_down());
        }
        if running.runs.contains_key(id) {
            return Err(refusals::under_way(id));
        }
        if running.runs.len() >= limits.runs {
            return Err(refusals::too_many_runs(limits.runs));
        }
        if let Some(payer) = &payer {
            let payers = &mut running.payers;
            if payers.get(payer).copied().unwrap_or(0) >= limits.runs_per_owner {
                return Err(refusals::too_many_runs_of_owner(limits.runs_per_owner));
            }
            *payers.entry(payer.clone()).or_default() += 1;
        }
        let entry = Entry { payer, run: None };
        running.runs.insert(id.clone(), entry);
        drop(running);
        self.counters.runs.add(1);
        Ok(Admitted {
            hub: self,
            id: id.clone(),
            owner,
            is_spawned: false,
        })
    }

    /// A run has ended that has said so much, or nothing that is known of here: those that ended longest ago
    /// are deleted, if more are there than are kept.
    pub(super) async fn forget_after(&self, ended_run: &RunId, bytes: usize) {
        let keep = &self.config.keep;
        let gone = lock(&self.running).kept.ended(ended_run, bytes, keep);
        for run in &gone {
            // What can't be deleted is kept.
            let _kept = self.store.delete(run).await;
        }
    }

    /// A run waits for answers: the one that has waited longest is deleted, if more wait than are kept.
    pub(super) async fn forget_waiting_after(&self, waiting_run: &RunId) {
        let keep = &self.config.keep;
        let oldest = lock(&self.running).kept.waits(waiting_run, keep);
        if let Some(oldest) = oldest
            && self.live(&oldest).is_none()
            && let Ok(state) = self.store.state(&oldest).await
            && state.status == RunStatus::Suspended
        {
            // What can't be deleted is kept.
            let _kept = self.store.delete(&oldest).await;
        }
    }

    /// A run isn't under way any more.
    pub(super) fn remove(&self, live: &Arc<Live>) {
        let is_it = |entry: &Entry| {
            let run = entry.run.as_ref();
            run.is_some_and(|(there, _)| Arc::ptr_eq(there, live))
        };
        self.remove_if(&live.id, is_it);
    }

    fn remove_if(&self, id: &RunId, is_it: impl FnOnce(&Entry) -> bool) {
        let mut running = lock(&self.running);
        if !running.runs.get(id).is_some_and(is_it) {
            return;
        }
        let Some(entry) = running.runs.remove(id) else {
            return;
        };
        if let Some(payer) = &entry.payer
            && let Some(count) = running.payers.get_mut(payer)
        {
            *count -= 1;
            if *count == 0 {
                running.payers.remove(payer);
            }
        }
        let is_empty = running.runs.is_empty();
        drop(running);
        self.counters.runs.sub(1);
        if is_empty {
            self.emptied.notify_waiters();
        }
    }
}

/// The place of a run that is being begun; free again, if it isn't.
pub(super) struct Admitted<'a> {
    hub: &'a Hub,
    id: RunId,
    owner: Option<Text>,
    is_spawned: bool,
}

impl Admitted<'_> {
    fn spawn(mut self, drive: Drive) {
        let live = Arc::clone(&drive.live);
        // Before the task can remove it again.
        let mut running = lock(&self.hub.running);
        // spawn: one task a run; `Hub` aborts it when it is dropped.
        let task = tokio::spawn(drive.run());
        if let Some(entry) = running.runs.get_mut(&self.id) {
            entry.run = Some((live, task.abort_handle()));
        }
        self.is_spawned = true;
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        if !self.is_spawned {
            self.hub.remove_if(&self.id, |entry| entry.run.is_none());
        }
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.abort();
        if let Some(worker) = &self.worker {
            worker.stop();
        }
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions")
            .field("served", &self.hub.served.keys())
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
