//! However a run ends, its readers know; there is no end without an end event.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream::BoxStream};
use mainstem_core::{
    Durability, Epoch, Error, ErrorKind, Event, EventKind, Json, MemoryStore, NewRun, Place,
    Result, RunContext, RunId, RunQuery, RunState, RunStatus, Store, TextDelta, Timestamp,
    WorkerId,
};
use mainstem_serve::{ReadFrom, Served, Session, SessionLimits, Sessions, StartOptions, code};

use crate::support::*;

fn detached() -> StartOptions {
    StartOptions::new().detached()
}

/// A store that can be lost.
#[derive(Clone, Default)]
struct Fragile {
    inner: MemoryStore,
    is_lost: Arc<AtomicBool>,
}

impl Fragile {
    fn lose(&self) {
        self.is_lost.store(true, Ordering::SeqCst);
    }

    fn or<T: Send + 'static>(
        &self,
        done: BoxFuture<'static, Result<T>>,
    ) -> BoxFuture<'static, Result<T>> {
        match self.is_lost.load(Ordering::SeqCst) {
            true => async { Err(Error::new(ErrorKind::Store, "the disk is gone")) }.boxed(),
            false => done,
        }
    }
}

impl Store for Fragile {
    fn create(&self, run: NewRun) -> BoxFuture<'static, Result<Epoch>> {
        self.or(self.inner.create(run))
    }

    fn append(
        &self,
        run: &RunId,
        epoch: Epoch,
        events: Vec<Event>,
        durability: Durability,
    ) -> BoxFuture<'static, Result<()>> {
        match self.is_lost.load(Ordering::SeqCst) {
            true => self.or(async { Ok(()) }.boxed()),
            false => self.inner.append(run, epoch, events, durability),
        }
    }

    fn read(
        &self,
        run: &RunId,
        after: Option<Place>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Event>>> {
        self.or(self.inner.read(run, after, limit))
    }

    fn tail(&self, run: &RunId, after: Option<Place>) -> BoxStream<'static, Result<Event>> {
        self.inner.tail(run, after)
    }

    fn reopen(&self, run: &RunId) -> BoxFuture<'static, Result<RunState>> {
        self.or(self.inner.reopen(run))
    }

    fn close(&self, run: &RunId, epoch: Epoch) -> BoxFuture<'static, Result<()>> {
        self.or(self.inner.close(run, epoch))
    }

    fn claim(
        &self,
        run: &RunId,
        worker: &WorkerId,
        now: Timestamp,
    ) -> BoxFuture<'static, Result<RunState>> {
        self.or(self.inner.claim(run, worker, now))
    }

    fn lease(&self, worker: &WorkerId, until: Timestamp) -> BoxFuture<'static, Result<()>> {
        self.or(self.inner.lease(worker, until))
    }

    fn state(&self, run: &RunId) -> BoxFuture<'static, Result<RunState>> {
        self.or(self.inner.state(run))
    }

    fn basis(&self, run: &RunId) -> BoxFuture<'static, Result<Option<Json>>> {
        self.or(self.inner.basis(run))
    }

    fn list(&self, query: RunQuery) -> BoxFuture<'static, Result<Vec<RunState>>> {
        self.or(self.inner.list(query))
    }

    fn delete(&self, run: &RunId) -> BoxFuture<'static, Result<bool>> {
        self.or(self.inner.delete(run))
    }
}

#[tokio::test(start_paused = true)]
async fn readers_of_a_run_that_loses_its_store_see_that() {
    let strings = Strings::new();
    let store = Fragile::default();
    let sessions = builder()
        .served(talker(&strings))
        .limits(SessionLimits::new().kept_events(2))
        .store(store.clone())
        .build()
        .unwrap();
    let session = sessions.start("talk", json(9), detached()).await.unwrap();
    let mut live = session.read(ReadFrom::Start).await.unwrap();
    let behind = session.read(ReadFrom::Start).await.unwrap();
    strings.say(1);
    some(&mut live, 3).await;
    store.lose();
    strings.say(1);

    let events = all(live).await.unwrap();
    let EventKind::RunFailed(failed) = &events.last().unwrap().kind else {
        panic!("{events:?}");
    };
    assert_eq!(failed.error.code.as_deref(), Some("not_logged"));
    assert_eq!(failed.error.kind, ErrorKind::Store);
    let (events, error) = all(behind).await.unwrap_err();
    assert_eq!((events.len(), error.kind()), (0, ErrorKind::Store));
    // Nothing can be begun without it, and nothing is left of the try.
    let error = sessions
        .start("talk", json(1), detached())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    assert_eq!(sessions.stats().runs, 0);

    // The handle still knows the end that the log hasn't got.
    store.is_lost.store(false, Ordering::SeqCst);
    let late = session.read(ReadFrom::Start).await.unwrap();
    assert_eq!(end(&all(late).await.unwrap()), "run_failed");
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_step_is_its_failure() {
    let served = Served::new(step("trip", async |ctx: RunContext, at: usize| {
        ctx.emit(TextDelta::new("one")).await;
        assert!(at == 0, "a secret");
        Ok(at)
    }));
    let sessions = builder().served(served).build().unwrap();
    let session = sessions.start("trip", json(1), detached()).await.unwrap();
    let events = all(session.read(ReadFrom::Start).await.unwrap())
        .await
        .unwrap();
    assert_eq!(end(&events), "run_failed");
    assert!(!format!("{events:?}").contains("secret"));
    assert_eq!(sessions.stats().runs_failed, 1);
    assert_eq!(sessions.stats().runs, 0);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_is_deleted_has_no_end() {
    let store = MemoryStore::new();
    let strings = Strings::new();
    let sessions = builder()
        .served(talker(&strings))
        .store(store.clone())
        .build()
        .unwrap();
    let elsewhere = builder().store(store.clone()).build().unwrap();
    let session = sessions.start("talk", json(9), detached()).await.unwrap();
    let seen = elsewhere.open(session.id()).await.unwrap();
    let mut reader = seen.read(ReadFrom::Start).await.unwrap();
    some(&mut reader, 2).await;
    store.delete(session.id()).await.unwrap();
    let error = reader.next().await.unwrap().unwrap_err();
    assert_eq!(error.code(), Some(code::NO_END));
    assert!(reader.next().await.is_none());
    // Whoever runs it finds its log gone.
    let live = session
        .read(ReadFrom::After("1-2".parse().unwrap()))
        .await
        .unwrap();
    strings.say(1);
    assert_eq!(end(&all(live).await.unwrap()), "run_failed");
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_may_come_to_its_end_before_the_process_does() {
    let strings = Strings::new();
    let sessions = builder().served(talker(&strings)).build().unwrap();
    let quick = sessions.start("talk", json(1), detached()).await.unwrap();
    let slow = sessions
        .start("talk", json(9), StartOptions::new())
        .await
        .unwrap();
    let reader = slow.attach(ReadFrom::Start).await.unwrap();
    let since = tokio::time::Instant::now();
    let shutdown = tokio::spawn({
        let sessions = sessions.clone();
        async move { sessions.shutdown(Duration::from_secs(30)).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let error = sessions
        .start("talk", json(1), detached())
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some(code::SHUTTING_DOWN));
    strings.say(1);
    assert_eq!(quick.ended().await.unwrap().status, RunStatus::Finished);
    let events = all(reader).await.unwrap();
    assert_eq!(end(&events), "cancelled by shutdown");
    assert_eq!(shutdown.await.unwrap(), 1);
    assert_eq!(since.elapsed().as_secs(), 30);
    assert_eq!(slow.state().await.unwrap().status, RunStatus::Cancelled);
    assert!(!strings.is_at_work());

    let idle = builder().build().unwrap();
    let since = tokio::time::Instant::now();
    assert_eq!(idle.shutdown(Duration::from_secs(30)).await, 0);
    assert_eq!(since.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_one_process_leaves_the_next_one_takes_up() {
    let store = MemoryStore::new();
    let strings = Strings::new();
    let here = builder()
        .served(talker(&strings))
        .store(store.clone())
        .build()
        .unwrap();
    let options = detached().owner("ada");
    let session = here.start("talk", json(4), options).await.unwrap();
    let mut reader = session.read(ReadFrom::Start).await.unwrap();
    strings.say(2);
    let last = some(&mut reader, 4).await.pop().unwrap().place();
    assert_eq!(here.shutdown_and_leave(Duration::from_secs(5)).await, 1);
    let error = reader.next().await.unwrap().unwrap_err();
    assert_eq!(error.code(), Some(code::LEFT));
    assert!(!strings.is_at_work());
    assert_eq!(session.state().await.unwrap().status, RunStatus::Running);

    let next = builder()
        .served(talker(&strings))
        .store(store.clone())
        .build()
        .unwrap();
    let seen = next.open(session.id()).await.unwrap();
    let follower = seen.read(ReadFrom::After(last)).await.unwrap();
    let follower = tokio::spawn(all(follower));
    let young = next
        .resume_interrupted(Duration::from_secs(3600))
        .await
        .unwrap();
    assert!(young.runs.is_empty(), "{young:?}");
    let taken = next.resume_interrupted(Duration::ZERO).await.unwrap();
    assert_eq!(taken.runs, [session.id().clone()]);
    assert!(taken.refused.is_empty());
    let again = next.resume_interrupted(Duration::ZERO).await.unwrap();
    assert!(again.runs.is_empty(), "it is under way: {again:?}");
    let seen = next.open(session.id()).await.unwrap();
    assert_eq!((seen.owner(), seen.is_detached()), (Some("ada"), true));
    strings.say(4);
    let rest = follower.await.unwrap().unwrap();
    let names: Vec<_> = rest.iter().map(|event| event.kind.name()).collect();
    assert_eq!(names[..3], ["run_resumed", "retracted", "step_started"]);
    assert_eq!(text(&rest), said(4));
    assert_eq!(end(&rest), "run_finished");
    // As a snapshot, what was retracted isn't there at all.
    let snapshot = all(seen.read(ReadFrom::Snapshot).await.unwrap())
        .await
        .unwrap();
    assert_eq!(text(&snapshot), said(4));
    let nobody = builder().store(store).build().unwrap();
    let none = nobody.resume_interrupted(Duration::ZERO).await.unwrap();
    assert!(none.runs.is_empty() && none.refused.is_empty());
}

/// A run that its process left, in the next process.
async fn left(detach: bool) -> (Strings, Sessions, Session, Place) {
    let store = MemoryStore::new();
    let strings = Strings::new();
    let build = || builder().served(talker(&strings)).store(store.clone());
    let here = build().build().unwrap();
    let options = StartOptions::new();
    let session = here.start("talk", json(3), options).await.unwrap();
    let mut reader = session.attach(ReadFrom::Start).await.unwrap();
    strings.say(1);
    let last = some(&mut reader, 3).await.pop().unwrap().place();
    if detach {
        session.detach();
    }
    assert_eq!(here.shutdown_and_leave(Duration::from_secs(5)).await, 1);
    let error = reader.next().await.unwrap().unwrap_err();
    assert_eq!(error.code(), Some(code::LEFT));

    let next = build().build().unwrap();
    let taken = next.resume_interrupted(Duration::ZERO).await.unwrap();
    let (goes_on, waits) = if detach {
        (taken.runs, taken.waiting)
    } else {
        (taken.waiting, taken.runs)
    };
    assert_eq!((goes_on, waits), (vec![session.id().clone()], vec![]));
    let session = next.open(session.id()).await.unwrap();
    assert_eq!(session.is_under_way(), detach);
    (strings, next, session, last)
}

#[tokio::test(start_paused = true)]
async fn an_attached_run_that_was_left_ends_if_nobody_comes_back() {
    let (strings, next, session, last) = left(false).await;
    let since = tokio::time::Instant::now();
    // Who looks on keeps nothing going.
    let onlooker = session.read(ReadFrom::After(last)).await.unwrap();
    let rest = all(onlooker).await.unwrap();
    assert_eq!(end(&rest), "cancelled by disconnect");
    assert_eq!(since.elapsed(), Duration::from_secs(60));
    // Nothing was done, and no look more changes that.
    let names: Vec<_> = rest.iter().map(|event| event.kind.name()).collect();
    assert_eq!(names, ["notice", "run_cancelled"]);
    assert!(!strings.is_at_work());
    let again = next.resume_interrupted(Duration::ZERO).await.unwrap();
    assert!(again.runs.is_empty() && again.waiting.is_empty());
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_back_to_a_run_that_was_left_keeps_it_going() {
    let (strings, next, session, last) = left(false).await;
    tokio::time::sleep(Duration::from_secs(59)).await;
    // Who asks for what never was goes on with nothing.
    let nowhere = ReadFrom::After(Place::new(Epoch(9), last.seq));
    let error = session.attach(nowhere).await.unwrap_err();
    assert_eq!(error.code(), Some(code::NO_SUCH_PLACE));
    assert!(!session.is_under_way());
    let mut reader = session.attach(ReadFrom::After(last)).await.unwrap();
    assert!(session.is_under_way() && !session.is_detached());
    tokio::time::sleep(Duration::from_secs(3600)).await;
    strings.say(1);
    let names: Vec<_> = some(&mut reader, 4).await;
    let names: Vec<_> = names.iter().map(|event| event.kind.name()).collect();
    assert_eq!(
        names,
        ["notice", "run_resumed", "retracted", "step_started"]
    );
    assert!(session.is_under_way());
    // From now on it ends with its reader, as it began.
    let since = tokio::time::Instant::now();
    drop(reader);
    let state = session.ended().await.unwrap();
    assert_eq!(state.status, RunStatus::Cancelled);
    assert_eq!(since.elapsed(), Duration::ZERO);
    assert_eq!(next.shutdown(Duration::ZERO).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_detached_before_it_was_left_needs_nobody() {
    let (strings, _next, session, _) = left(true).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(session.is_under_way());
    strings.say(3);
    assert_eq!(session.ended().await.unwrap().status, RunStatus::Finished);
}

#[tokio::test(start_paused = true)]
async fn what_is_left_again_is_attached_still() {
    let (strings, next, session, last) = left(false).await;
    let store = next.store().clone();
    let reader = session.attach(ReadFrom::After(last)).await.unwrap();
    assert_eq!(next.shutdown_and_leave(Duration::ZERO).await, 1);
    drop(reader);
    let third = builder().served(talker(&strings)).store(store);
    let third = third.linger(Duration::from_secs(90)).build().unwrap();
    for _ in 0..2 {
        let taken = third.resume_interrupted(Duration::ZERO).await.unwrap();
        assert_eq!(taken.waiting, [session.id().clone()]);
    }
    let session = third.open(session.id()).await.unwrap();
    let since = tokio::time::Instant::now();
    let rest = all(session.read(ReadFrom::Start).await.unwrap()).await;
    assert_eq!(end(&rest.unwrap()), "cancelled by disconnect");
    assert_eq!(since.elapsed(), Duration::from_secs(90));
}

#[tokio::test(start_paused = true)]
async fn runs_that_ended_are_forgotten_where_that_was_asked_for() {
    let strings = Strings::new();
    let build = || builder().served(talker(&strings));
    let kept = build().keep_ended(2).build().unwrap();
    let given = build().store(MemoryStore::new()).build().unwrap();
    for (sessions, wanted) in [(&kept, 3), (&given, 6)] {
        let waits = sessions.start("talk", json(1), detached()).await.unwrap();
        let mut ids = Vec::new();
        for _ in 0..5 {
            let session = sessions.start("chat", json(1), detached()).await.unwrap();
            session.ended().await.unwrap();
            ids.push(session.id().clone());
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let listed = sessions.list(RunQuery::new(99)).await.unwrap();
        assert_eq!(listed.len(), wanted);
        // What is under way is never forgotten, and of the others the newest stay.
        assert!(waits.is_under_way());
        assert!(listed.iter().any(|state| state.id == *waits.id()));
        assert!(listed.iter().any(|state| state.id == ids[4]));
        assert_eq!(sessions.open(&ids[0]).await.is_ok(), wanted == 6);
    }
}

#[tokio::test(start_paused = true)]
async fn what_another_process_runs_can_be_cancelled() {
    let store = MemoryStore::new();
    let strings = Strings::new();
    let there = builder()
        .served(talker(&strings))
        .store(store.clone())
        .build()
        .unwrap();
    let here = builder().store(store.clone()).build().unwrap();
    let theirs = there.start("talk", json(9), detached()).await.unwrap();
    let their_reader = theirs.read(ReadFrom::Start).await.unwrap();
    let ours = here.open(theirs.id()).await.unwrap();
    let reader = ours.read(ReadFrom::Start).await.unwrap();
    assert_eq!(ours.cancel().await.unwrap().status, RunStatus::Cancelled);
    assert_eq!(end(&all(reader).await.unwrap()), "cancelled by cancel");
    // The other one finds out when it has something to write, and drops its work.
    strings.say(1);
    assert_eq!(end(&all(their_reader).await.unwrap()), "run_failed");
    assert!(!strings.is_at_work());
    assert_eq!(theirs.state().await.unwrap().status, RunStatus::Cancelled);

    // One whose process died before it had written anything has a beginning all the same.
    store.create(NewRun::new("r1", "talk")).await.unwrap();
    let left = here.open(&"r1".into()).await.unwrap();
    left.cancel().await.unwrap();
    let events = all(left.read(ReadFrom::Start).await.unwrap())
        .await
        .unwrap();
    let names: Vec<_> = events.iter().map(|event| event.kind.name()).collect();
    assert_eq!(names, ["run_started", "run_cancelled"]);
}
