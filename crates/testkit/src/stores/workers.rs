//! Several workers on one store: which runs are whose, and when they can be taken over.

use futures::future::join_all;
use mainstem_core::{
    Durability, Epoch, Error, ErrorKind, EventKind, RunQuery, RunResumed, RunSuspended, Store,
    Timestamp, WorkerId,
};

use super::{
    Home,
    logs::{append, event_of, id, kind, new_run, seqs, within},
};

/// So many seconds from now: what is over for long, a store may forget.
fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix_millis(Timestamp::now().as_unix_millis() + seconds * 1000)
}

/// A store in which the run [`id`] is a worker's, whose lease is good for so many seconds.
async fn with_run_of<H: Home<Store: Store>>(home: &H, worker: &str, seconds: u64) -> H::Store {
    let store = home.open().await;
    within(store.lease(&worker.into(), at(seconds)))
        .await
        .unwrap();
    let mut run = new_run("r", "", 1);
    run.worker = Some(worker.into());
    store.create(run).await.unwrap();
    store
}

async fn free(store: &impl Store, now: Timestamp) -> usize {
    let free = RunQuery::new(9).open().free(now);
    within(store.list(free)).await.unwrap().len()
}

pub async fn a_run_is_its_workers_as_long_as_the_lease_is_good<H: Home<Store: Store>>(home: H) {
    let first = with_run_of(&home, "a", 1000).await;
    let second = home.open().await;
    let (a, b) = (WorkerId::from("a"), WorkerId::from("b"));
    second.lease(&b, at(5000)).await.unwrap();
    append(&first, 1, &[1]).await.unwrap();
    let refused = second.claim(&id(), &b, at(500)).await;
    assert!(refused.as_ref().is_err_and(Error::is_retryable));
    assert_eq!(kind(refused), ErrorKind::Conflict);
    assert_eq!(free(&second, at(500)).await, 0);
    append(&first, 1, &[2]).await.unwrap();

    // Renewed in time, it goes on; once it is over, the run is there for others.
    first.lease(&a, at(2000)).await.unwrap();
    let refused = second.claim(&id(), &b, at(1500)).await;
    assert_eq!(kind(refused), ErrorKind::Conflict);
    assert_eq!(free(&second, at(2500)).await, 1);
    let state = second.claim(&id(), &b, at(2500)).await.unwrap();
    assert_eq!(state.epoch, Epoch(2));
    assert_eq!(free(&first, at(2500)).await, 0);

    // Whoever was away too long writes nothing more, also after it has renewed its lease.
    first.lease(&a, at(9000)).await.unwrap();
    assert_eq!(kind(append(&first, 1, &[3]).await), ErrorKind::Conflict);
    let refused = first.claim(&id(), &a, at(2500)).await;
    assert_eq!(kind(refused), ErrorKind::Conflict);
    append(&second, 2, &[3]).await.unwrap();
    assert_eq!(seqs(&first, None, 9).await, [1, 2, 3]);
}

pub async fn a_worker_claims_its_own_runs_and_gives_its_lease_back<H: Home<Store: Store>>(home: H) {
    let store = with_run_of(&home, "a", 1000).await;
    let again = store.claim(&id(), &"a".into(), at(0)).await.unwrap();
    assert_eq!(again.epoch, Epoch(2));
    let other = home.open().await;
    let refused = other.claim(&id(), &"b".into(), at(1)).await;
    assert_eq!(kind(refused), ErrorKind::Conflict);
    within(store.lease(&"a".into(), Timestamp::default()))
        .await
        .unwrap();
    let taken = other.claim(&id(), &"b".into(), at(1)).await.unwrap();
    assert_eq!(taken.epoch, Epoch(3));
    assert_eq!(kind(append(&store, 2, &[1]).await), ErrorKind::Conflict);
}

pub async fn a_run_without_a_worker_or_lease_is_free<H: Home<Store: Store>>(home: H) {
    let store = with_run_of(&home, "a", 1000).await;
    store.create(new_run("of nobody", "", 2)).await.unwrap();
    let mut of_gone = new_run("of one that is gone", "", 3);
    of_gone.worker = Some("gone".into());
    store.create(of_gone).await.unwrap();
    assert_eq!(free(&store, at(1)).await, 2);
    for id in ["of nobody", "of one that is gone"] {
        let claimed = store.claim(&id.into(), &"a".into(), at(1)).await.unwrap();
        assert_eq!((claimed.id.as_str(), claimed.epoch), (id, Epoch(2)));
    }
    assert_eq!(free(&store, at(1)).await, 0);
    // Who reopens a log asks no worker, and the run is none's then.
    store.reopen(&id()).await.unwrap();
    assert_eq!(free(&store, at(1)).await, 1);
}

pub async fn what_waits_or_has_ended_is_no_workers<H: Home<Store: Store>>(home: H) {
    let store = with_run_of(&home, "a", 1000).await;
    let say = async |epoch: u64, seq: u64, kind: EventKind| {
        let events = vec![event_of(epoch, seq, kind)];
        let append = store.append(&id(), Epoch(epoch), events, Durability::Process);
        within(append).await.unwrap();
    };
    say(1, 1, RunSuspended::new(Vec::new()).into()).await;
    assert_eq!(free(&store, at(1)).await, 1);
    store.lease(&"b".into(), at(1000)).await.unwrap();
    let claimed = store.claim(&id(), &"b".into(), at(1)).await.unwrap();
    assert_eq!(claimed.epoch, Epoch(2));
    // It was claimed before it said that it goes on.
    let refused = store.claim(&id(), &"a".into(), at(1)).await;
    assert_eq!(kind(refused), ErrorKind::Conflict);
    say(2, 2, RunResumed::new(Vec::new()).into()).await;
    assert_eq!(free(&store, at(1)).await, 0);
    store.close(&id(), Epoch(2)).await.unwrap();
    let closed = store.claim(&id(), &"b".into(), at(1)).await;
    assert_eq!(kind(closed), ErrorKind::Store);
}

pub async fn without_a_log_there_is_nothing_to_claim<H: Home<Store: Store>>(home: H) {
    let store = home.open().await;
    let claimed = store.claim(&id(), &"a".into(), at(1)).await;
    assert_eq!(kind(claimed), ErrorKind::NotFound);
}

pub async fn of_those_that_claim_a_run_at_once_one_does<H: Home<Store: Store>>(home: H) {
    let store = with_run_of(&home, "gone", 10).await;
    let names: Vec<_> = (0..6).map(|number| format!("worker {number}")).collect();
    let claims = names.iter().map(|name| {
        let home = &home;
        async move {
            let (store, worker) = (home.open().await, WorkerId::from(name.as_str()));
            store.lease(&worker, at(1000)).await.unwrap();
            store.claim(&id(), &worker, at(20)).await
        }
    });
    let claimed = within(join_all(claims)).await;
    let (won, lost): (Vec<_>, Vec<_>) = claimed.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    assert!(
        lost.into_iter()
            .all(|lost| kind(lost) == ErrorKind::Conflict)
    );
    assert_eq!(store.state(&id()).await.unwrap().epoch, Epoch(2));
}
