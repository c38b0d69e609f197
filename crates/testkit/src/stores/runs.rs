//! What a store knows of runs beside their logs: states, lists, what they began with.

use mainstem_core::{
    CancelledBy, Durability, Epoch, Error, ErrorKind, EventKind, Json, Place, RunCancelled,
    RunFailed, RunFinished, RunQuery, RunResumed, RunStatus, RunSuspended, Seq, Store, TextDelta,
    Timestamp, Usage,
};

use super::{
    Home,
    logs::{append, event_of, id, kind, new_run, seqs, with_log, within},
};

pub async fn without_a_log_nothing_is_known<H: Home<Store: Store>>(home: H) {
    let store = home.open().await;
    assert_eq!(kind(store.state(&id()).await), ErrorKind::NotFound);
    assert_eq!(kind(store.basis(&id()).await), ErrorKind::NotFound);
    assert!(store.list(RunQuery::new(9)).await.unwrap().is_empty());
    assert!(!store.delete(&id()).await.unwrap());
}

pub async fn a_runs_state_follows_its_log<H: Home<Store: Store>>(home: H) {
    let store = with_log(&home, &[]).await;
    let reader = home.open().await;
    let state = reader.state(&id()).await.unwrap();
    assert_eq!((state.epoch, state.last), (Epoch::FIRST, None));
    assert_eq!(state.changed, None);
    assert_eq!((state.status, state.closed), (RunStatus::Running, false));
    assert_eq!((&*state.name, state.owner), ("guide", None));
    assert_eq!(state.created, Timestamp::from_unix_millis(1));
    for (seq, (kind, status)) in (1..).zip(kinds_that_bring_a_status()) {
        let events = vec![event_of(1, seq, kind)];
        let at = events[0].at;
        let appended = store.append(&id(), Epoch(1), events, Durability::Process);
        within(appended).await.unwrap();
        let state = reader.state(&id()).await.unwrap();
        assert_eq!(state.status, status);
        assert_eq!(state.last, Some(Place::new(Epoch(1), Seq(seq))));
        assert_eq!(state.changed, Some(at));
    }
    // What is refused changes nothing.
    let state = store.state(&id()).await.unwrap();
    let last = state.last.unwrap().seq.0;
    assert!(append(&store, 1, &[last + 1, last]).await.is_err());
    assert_eq!(store.state(&id()).await.unwrap(), state);
    store.close(&id(), Epoch(1)).await.unwrap();
    assert!(reader.state(&id()).await.unwrap().closed);
}

fn kinds_that_bring_a_status() -> [(EventKind, RunStatus); 7] {
    let failed = RunFailed::new((&Error::new(ErrorKind::Model, "dead")).into());
    let cancelled = RunCancelled::new(CancelledBy::Stop);
    let finished = RunFinished::new(Json::null(), Usage::default());
    [
        (TextDelta::new("a").into(), RunStatus::Running),
        (RunSuspended::new(Vec::new()).into(), RunStatus::Suspended),
        (TextDelta::new("b").into(), RunStatus::Suspended),
        (RunResumed::new(Vec::new()).into(), RunStatus::Running),
        (failed.into(), RunStatus::Failed),
        (cancelled.into(), RunStatus::Cancelled),
        (finished.into(), RunStatus::Finished),
    ]
}

pub async fn what_a_run_began_with_is_kept_beside_its_log<H: Home<Store: Store>>(home: H) {
    let store = with_log(&home, &[1]).await;
    assert_eq!(store.basis(&id()).await.unwrap(), None);
    assert!(store.delete(&id()).await.unwrap());

    let mut run = new_run("r", "", 1);
    run.basis = Some(Json::parse(r#"{ "secret": 7 }"#).unwrap());
    store.create(run.clone()).await.unwrap();
    let basis = home.open().await.basis(&id()).await.unwrap();
    assert_eq!(basis, run.basis, "verbatim");
    let listed = store.list(RunQuery::new(9)).await.unwrap();
    let shown = serde_json::to_string(&listed).unwrap();
    assert!(!shown.contains("secret"), "{shown}");
    assert!(store.delete(&id()).await.unwrap());
    assert_eq!(kind(store.basis(&id()).await), ErrorKind::NotFound);
}

pub async fn a_deleted_log_is_gone<H: Home<Store: Store>>(home: H) {
    let store = with_log(&home, &[1]).await;
    assert!(home.open().await.delete(&id()).await.unwrap());
    assert!(!store.delete(&id()).await.unwrap());
    assert_eq!(kind(append(&store, 1, &[2]).await), ErrorKind::NotFound);
    assert_eq!(kind(store.read(&id(), None, 1).await), ErrorKind::NotFound);
    assert!(store.list(RunQuery::new(9)).await.unwrap().is_empty());
    store.create(new_run("r", "", 1)).await.unwrap();
    assert_eq!(seqs(&store, None, 9).await, [0; 0]);
}

pub async fn runs_are_listed_newest_first_by_owner_and_page_by_page<H: Home<Store: Store>>(
    home: H,
) {
    let store = home.open().await;
    for (id, owner, created) in [
        ("a", "ada", 5),
        ("b", "bob", 7),
        ("c", "ada", 7),
        ("d", "ada", 7),
        ("e", "", 1),
    ] {
        store.create(new_run(id, owner, created)).await.unwrap();
    }
    store.close(&"c".into(), Epoch::FIRST).await.unwrap();
    assert_eq!(ids(&store, RunQuery::new(9)).await, "dcbae");
    assert_eq!(ids(&store, RunQuery::new(2)).await, "dc");
    assert_eq!(ids(&store, RunQuery::new(0)).await, "");
    assert_eq!(ids(&store, RunQuery::new(usize::MAX)).await, "dcbae");
    assert_eq!(ids(&store, RunQuery::new(9).owner("ada")).await, "dca");
    assert_eq!(ids(&store, RunQuery::new(9).owner("")).await, "");
    assert_eq!(ids(&store, RunQuery::new(9).open()).await, "dbae");
    let open = RunQuery::new(9).owner("ada").open();
    assert_eq!(ids(&store, open.clone()).await, "da");
    let first = store.list(RunQuery::new(1)).await.unwrap();
    assert_eq!(ids(&store, open.after(&first[0])).await, "a");
    page_by_page(&store).await;
}

async fn page_by_page(store: &impl Store) {
    let mut pages = String::new();
    let mut query = RunQuery::new(2);
    loop {
        let page = store.list(query).await.unwrap();
        let Some(last) = page.last() else { break };
        // What its cursor names may be gone by then.
        store.delete(&last.id).await.unwrap();
        pages.extend(page.iter().map(|run| run.id.as_str()));
        pages.push('|');
        query = RunQuery::new(2).after(last);
    }
    assert_eq!(pages, "dc|ba|e|");
}

pub async fn runs_are_found_by_name_status_and_time<H: Home<Store: Store>>(home: H) {
    let store = home.open().await;
    let [_, (suspended, _), .., (failed, _), _, (finished, _)] = kinds_that_bring_a_status();
    for (id, name, owner, created, end) in [
        ("a", "guide", "ada", 1, Some(&finished)),
        ("b", "guide", "bob", 2, Some(&failed)),
        ("c", "guided", "ada", 3, Some(&failed)),
        ("d", "guide", "ada", 4, None),
        ("e", "guide", "ada", 4, Some(&suspended)),
        ("f", "", "", 5, Some(&finished)),
    ] {
        let mut run = new_run(id, owner, created);
        run.name = name.into();
        store.create(run).await.unwrap();
        if let Some(end) = end {
            let events = vec![event_of(1, 1, end.clone())];
            let appended = store.append(&id.into(), Epoch(1), events, Durability::Process);
            within(appended).await.unwrap();
        }
    }
    store.close(&"a".into(), Epoch(1)).await.unwrap();
    let store = home.open().await;
    let (all, at) = (RunQuery::new(9), Timestamp::from_unix_millis);
    let (guide, failed) = (all.clone().name("guide"), RunStatus::Failed);
    let ended = guide.clone().status(failed).status(RunStatus::Finished);
    for (query, expected) in [
        (guide.clone(), "edba"),
        (all.clone().name(""), "f"),
        (all.clone().name("guid"), ""),
        (all.clone().status(failed), "cb"),
        (all.clone().status(RunStatus::Running), "d"),
        (ended.clone(), "ba"),
        (ended.clone().open(), "b"),
        (ended.clone().owner("ada"), "a"),
        (ended.owner("ada").open(), ""),
        (all.clone().since(at(4)), "fed"),
        (all.clone().until(at(4)), "cba"),
        (all.clone().since(at(2)).until(at(4)), "cb"),
        (all.clone().since(at(4)).until(at(4)), ""),
        (guide.clone().owner("ada").since(at(2)), "ed"),
    ] {
        assert_eq!(ids(&store, query.clone()).await, expected, "{query:?}");
    }
    // A page goes on within what is asked for, also from a row that isn't.
    let pages = guide.until(at(5));
    for (from, expected) in [("f", "edba"), ("e", "dba"), ("d", "ba"), ("a", "")] {
        let row = store.state(&from.into()).await.unwrap();
        assert_eq!(ids(&store, pages.clone().after(&row)).await, expected);
    }
}

async fn ids(store: &impl Store, query: RunQuery) -> String {
    let runs = within(store.list(query)).await.unwrap();
    runs.iter().map(|run| run.id.as_str()).collect()
}
