use std::{fmt, sync::Arc};

use mainstem_core::{
    Answer, CancelledBy, ErrorKind, Event, Place, Result, RunId, RunState, RunStatus, Seq,
    Suspension, Text,
};

use super::{
    hub::{Payer, Sessions},
    join::Voids,
    left,
    live::{Attachment, Live, Seat},
    options::ReadFrom,
    reader::{Reader, Snapshot},
    refusals,
    source::Source,
};
use crate::{given, wire::Ended};

/// By whom a run is ended that somebody asked to end.
const CANCEL: &str = "cancel";

/// One run: under way here, under way elsewhere, suspended, or past.
///
/// Cheap to clone. There are four ways in which a run loses its reader or its future:
///
/// - **disconnect**: the last attached reader of an attached run is dropped, and nobody attaches within
///   its `linger`. The run ends, cancelled by `disconnect`; its model's response is dropped.
/// - **[`detach`](Self::detach)**: the run goes on and needs no reader any more.
/// - **[`stop`](Self::stop)**: the program ends a run under way here; cancelled by `stop`.
/// - **[`cancel`](Self::cancel)**: somebody asks for its end, wherever the run is, also while it is
///   suspended; cancelled by `cancel`.
///
/// The session that [`start`](Sessions::start) gives counts as attached, as long as it or a clone of it
/// is there: attach a reader, then drop it.
#[derive(Clone)]
pub struct Session {
    sessions: Sessions,
    id: RunId,
    name: Text,
    owner: Option<Text>,
    /// Whom the run counts for if it is gone on with, and is nobody's.
    client: Option<Text>,
    /// Of the segment that it was opened in.
    live: Option<Arc<Live>>,
    attachment: Option<Arc<Attachment>>,
}

impl Session {
    pub(super) fn of_live(sessions: Sessions, live: Arc<Live>) -> Self {
        Self {
            sessions,
            id: live.id.clone(),
            name: live.name.clone(),
            owner: live.owner.clone(),
            client: None,
            live: Some(live),
            attachment: None,
        }
    }

    pub(super) fn of_state(sessions: Sessions, state: RunState) -> Self {
        Self {
            sessions,
            id: state.id,
            name: state.name,
            owner: state.owner,
            client: None,
            live: None,
            attachment: None,
        }
    }

    pub(super) fn with_attachment(mut self, attachment: Option<Attachment>) -> Self {
        self.attachment = attachment.map(Arc::new);
        self
    }

    /// As [`StartOptions::client`](super::StartOptions::client), for a run that goes on with answers.
    pub(crate) fn counted_for(mut self, client: Option<Text>) -> Self {
        self.client = client;
        self
    }

    /// The run's id.
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// The name of the agent or flow.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whose the run is; none, if it is nobody's.
    pub fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }

    /// Whether the run is under way in this process.
    pub fn is_under_way(&self) -> bool {
        self.sessions.hub.live(&self.id).is_some()
    }

    /// Whether the run needs no reader: one that was detached, or that isn't under way here.
    pub fn is_detached(&self) -> bool {
        let live = self.sessions.hub.live(&self.id);
        live.is_none_or(|live| live.presence.is_detached())
    }

    /// What the store knows of the run.
    ///
    /// # Errors
    ///
    /// Those of [`Store::state`](mainstem_core::Store::state).
    pub async fn state(&self) -> Result<RunState> {
        self.sessions.hub.store.state(&self.id).await
    }

    /// Reads the run's events, as somebody whom the run doesn't need.
    ///
    /// # Errors
    ///
    /// Of the code [`no_such_place`](super::code::NO_SUCH_PLACE), if there is no event at the place to
    /// read on from; of the code [`too_many_readers`](super::code::TOO_MANY_READERS); those of the store.
    pub async fn read(&self, from: ReadFrom) -> Result<Reader> {
        self.reader(from, false).await
    }

    /// Reads the run's events, as somebody whom the run needs: an attached run ends when its last
    /// attached reader is dropped.
    ///
    /// To a run that was detached it is a reader like others.
    ///
    /// # Errors
    ///
    /// As for [`read`](Self::read).
    pub async fn attach(&self, from: ReadFrom) -> Result<Reader> {
        self.reader(from, true).await
    }

    async fn reader(&self, from: ReadFrom, attached: bool) -> Result<Reader> {
        let hub = &self.sessions.hub;
        let mut live = hub.live(&self.id);
        if live.is_none() {
            // Its end is told by nobody else.
            live = self.live.clone().filter(|live| live.is_unlogged());
        }
        let mut back = None;
        if live.is_none() && attached {
            back = self.gone_on_with(from).await?;
            live = back.as_ref().and_then(|session| session.live.clone());
        }
        let seat = match &live {
            None => None,
            Some(live) => {
                let at = match from {
                    ReadFrom::After(place) => place.seq.0,
                    _ => 0,
                };
                Some(Seat::take(live, attached, at)?)
            }
        };
        let (mut at, mut snapshot) = (None, None);
        match from {
            ReadFrom::Start => {}
            ReadFrom::After(place) => at = Some(self.check(live.as_deref(), place).await?),
            ReadFrom::Again(place) => {
                self.check(live.as_deref(), place).await?;
            }
            ReadFrom::Snapshot => snapshot = self.snapshot().await?,
        }
        let counters = Arc::clone(&hub.counters);
        let source = Source::new(
            Arc::clone(&hub.store),
            self.id.clone(),
            live,
            Arc::clone(&counters),
            self.sessions.closing(),
            at,
        );
        let reader = Reader::new(self.id.clone(), source, seat, counters, snapshot);
        // From here on it is the reader that keeps it going.
        drop(back);
        Ok(reader)
    }

    /// The run, attached, if another process left it so and this is the first reader that comes back.
    async fn gone_on_with(&self, from: ReadFrom) -> Result<Option<Self>> {
        let hub = &self.sessions.hub;
        if *hub.closing.borrow() || !hub.served.contains_key(&self.name) {
            return Ok(None);
        }
        let state = self.state().await?;
        let is_left = state.status == RunStatus::Running && !state.closed;
        if !is_left || !left::is_marked(&*hub.store, &state).await? {
            return Ok(None);
        }
        // A reader that is refused goes on with nothing.
        if let ReadFrom::After(place) | ReadFrom::Again(place) = from {
            self.check(None, place).await?;
        }
        let (owner, id) = (self.owner.clone(), &self.id);
        let payer = Payer::of(self.owner.as_ref(), self.client.as_ref());
        let sessions = &self.sessions;
        let taken_up = sessions.take_up(&self.name, owner, Some(payer), id.into(), id, false);
        match taken_up.await {
            Ok(session) => Ok(Some(session)),
            // Another one was quicker.
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The place of an event that a reader has: the run's event there, or the end before it, if the place
    /// is the [id of an end](crate::wire::Ended::id).
    async fn check(&self, live: Option<&Live>, place: Place) -> Result<Place> {
        if live.is_some_and(|live| live.has(place)) {
            return Ok(place);
        }
        if self.event(place).await?.is_some() {
            return Ok(place);
        }
        if let Some(before) = before(place)
            && let Some(event) = self.event(before).await?
            && Ended::of(&event).is_some()
        {
            return Ok(before);
        }
        Err(refusals::no_such_place(&self.id, place))
    }

    /// The event at a place, from the store.
    async fn event(&self, place: Place) -> Result<Option<Event>> {
        let store = &self.sessions.hub.store;
        let mut events = store.read(&self.id, before(place), 1).await?;
        Ok(events.pop().filter(|event| event.place() == place))
    }

    async fn snapshot(&self) -> Result<Option<Snapshot>> {
        let store = &self.sessions.hub.store;
        let Some(until) = store.state(&self.id).await?.last else {
            return Ok(None);
        };
        let voids = Voids::find(&**store, &self.id, until).await?;
        Ok(Some(Snapshot { until, voids }))
    }

    /// From here on the run goes on without a reader. It can't be attached again.
    ///
    /// A run that isn't under way here stays as it is.
    pub fn detach(&self) {
        if let Some(live) = self.sessions.hub.live(&self.id) {
            live.presence.detach();
        }
    }

    /// Stops the run, if it is under way here, and doesn't wait for its end.
    ///
    /// The model's response is dropped before this returns; what follows is the end, cancelled by
    /// `stop`.
    pub fn stop(&self) {
        if let Some(live) = self.sessions.hub.live(&self.id) {
            live.stop_by(CancelledBy::Stop);
        }
    }

    /// Ends the run for good, cancelled by `cancel`, and gives its state after that.
    ///
    /// A run under way here is stopped. One that is suspended, that was left behind, or that another
    /// process writes is ended in its log: that other writer finds its log closed, and its run fails.
    /// A run that has ended stays as it is.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn cancel(&self) -> Result<RunState> {
        if let Some(live) = self.sessions.hub.live(&self.id) {
            live.stop_by(CANCEL.into());
            live.over().await;
        }
        let state = self.state().await?;
        let is_open = matches!(state.status, RunStatus::Running | RunStatus::Suspended);
        if !is_open || state.closed {
            return Ok(state);
        }
        let store = &self.sessions.hub.store;
        // Whoever writes it can't any more.
        let state = store.reopen(&self.id).await?;
        left::end(&**store, &state, CANCEL.into()).await?;
        let state = self.state().await;
        self.sessions.hub.forget_after(&self.id, 0).await;
        state
    }

    /// Answers what a suspended run waits for, some or all of it; it goes on, detached, under the same
    /// id.
    ///
    /// Readers of the segment before have its end; [`read`](Self::read) on after their last place.
    ///
    /// # Errors
    ///
    /// Of kind [`Conflict`](mainstem_core::ErrorKind::Conflict), if the run isn't suspended; of kind
    /// [`NotFound`](mainstem_core::ErrorKind::NotFound), if its name isn't served here any more, or
    /// nothing is asked under an answer's id; of kind [`Value`](mainstem_core::ErrorKind::Value), if an
    /// answer isn't what was asked for, is there twice or has a value though it is refused, and if there
    /// is none at all. Then the run stays suspended.
    pub async fn answer(&self, answers: Vec<Answer>) -> Result<Self> {
        self.go_on(answers, true).await
    }

    /// As [`answer`](Self::answer); the run goes on attached to the session that this gives.
    ///
    /// # Errors
    ///
    /// As for [`answer`](Self::answer).
    pub async fn answer_attached(&self, answers: Vec<Answer>) -> Result<Self> {
        self.go_on(answers, false).await
    }

    async fn go_on(&self, answers: Vec<Answer>, detach: bool) -> Result<Self> {
        if self.is_under_way() {
            return Err(refusals::under_way(&self.id));
        }
        let mut asked = Suspension::load(&self.sessions.hub.store, &self.id).await?;
        given::check(&answers)?;
        asked.answers = answers;
        self.sessions
            .take_up(
                &self.name,
                self.owner.clone(),
                Some(Payer::of(self.owner.as_ref(), self.client.as_ref())),
                (&asked).into(),
                &self.id,
                detach,
            )
            .await
    }

    /// Waits until the run isn't under way here any more; gives its state then.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn ended(&self) -> Result<RunState> {
        if let Some(live) = self.sessions.hub.live(&self.id) {
            live.over().await;
        }
        self.state().await
    }
}

fn before(place: Place) -> Option<Place> {
    let seq = place.seq.0.checked_sub(1)?;
    Some(Place::new(place.epoch, Seq(seq)))
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
