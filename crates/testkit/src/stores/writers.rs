//! A log's one writer: order, fencing, ends.

use mainstem_core::{Durability, Epoch, ErrorKind, NewRun, Place, Seq, Store};

use super::{
    Home,
    logs::{append, event, id, kind, new_run, seqs, with_log, within},
};

pub async fn a_log_is_created_once<H: Home<Store: Store>>(home: H) {
    let store = with_log(&home, &[1]).await;
    let again = store.create(new_run("r", "", 2)).await;
    assert_eq!(kind(again), ErrorKind::Conflict);
    let elsewhere = home.open().await.create(new_run("r", "", 2)).await;
    assert_eq!(kind(elsewhere), ErrorKind::Conflict);
    assert_eq!(seqs(&store, None, 9).await, [1]);
}

pub async fn without_a_log_writing_is_not_found<H: Home<Store: Store>>(home: H) {
    let store = home.open().await;
    assert_eq!(kind(append(&store, 1, &[1]).await), ErrorKind::NotFound);
    assert_eq!(kind(store.reopen(&id()).await), ErrorKind::NotFound);
    let close = store.close(&id(), Epoch(1)).await;
    assert_eq!(kind(close), ErrorKind::NotFound);
}

pub async fn a_writer_that_reopens_fences_the_one_before_it<H: Home<Store: Store>>(home: H) {
    let first = with_log(&home, &[1, 2]).await;
    let second = home.open().await;
    let state = second.reopen(&id()).await.unwrap();
    assert_eq!(state.epoch, Epoch(2));
    let last = Place::new(Epoch(1), Seq(2));
    assert_eq!(state.last, Some(last), "where to number on from");
    assert_eq!(kind(append(&first, 1, &[3]).await), ErrorKind::Conflict);
    let close = first.close(&id(), Epoch(1)).await;
    assert_eq!(kind(close), ErrorKind::Conflict);
    append(&second, 2, &[3]).await.unwrap();
    assert_eq!(first.reopen(&id()).await.unwrap().epoch, Epoch(3));
    assert_eq!(kind(append(&second, 2, &[4]).await), ErrorKind::Conflict);
    assert_eq!(kind(append(&second, 4, &[4]).await), ErrorKind::Conflict);
    assert_eq!(seqs(&second, None, 9).await, [1, 2, 3]);
}

pub async fn an_event_of_another_epoch_than_its_writers_is_refused<H: Home<Store: Store>>(home: H) {
    let store = with_log(&home, &[]).await;
    let events = vec![event(2, 1)];
    let append = store.append(&id(), Epoch(1), events, Durability::Process);
    assert_eq!(kind(append.await), ErrorKind::Conflict);
    assert_eq!(seqs(&store, None, 9).await, [0; 0]);
}

pub async fn numbers_must_increase_and_may_leave_gaps<H: Home<Store: Store>>(home: H) {
    let store = with_log(&home, &[1, 5]).await;
    for wrong in [&[5][..], &[4], &[6, 6], &[7, 6]] {
        assert_eq!(kind(append(&store, 1, wrong).await), ErrorKind::Conflict);
        assert_eq!(seqs(&store, None, 9).await, [1, 5], "all or nothing");
    }
    append(&store, 1, &[6, 100]).await.unwrap();
    store.reopen(&id()).await.unwrap();
    assert_eq!(kind(append(&store, 2, &[1]).await), ErrorKind::Conflict);
    append(&store, 2, &[101]).await.unwrap();
    assert_eq!(seqs(&store, None, 9).await, [1, 5, 6, 100, 101]);
}

pub async fn a_closed_log_takes_nothing_more<H: Home<Store: Store>>(home: H) {
    let store = with_log(&home, &[1]).await;
    store.close(&id(), Epoch(1)).await.unwrap();
    store.close(&id(), Epoch(1)).await.unwrap();
    assert_eq!(kind(append(&store, 1, &[2]).await), ErrorKind::Store);
    assert_eq!(kind(store.reopen(&id()).await), ErrorKind::Store);
    assert_eq!(seqs(&store, None, 9).await, [1]);
}

pub async fn each_durability_is_read_back_at_once<H: Home<Store: Store>>(home: H) {
    let store = with_log(&home, &[]).await;
    let reader = home.open().await;
    for (seq, durability) in [(1, Durability::Process), (2, Durability::Power)] {
        let append = store.append(&id(), Epoch(1), vec![event(1, seq)], durability);
        within(append).await.unwrap();
        assert_eq!(seqs(&reader, Some(seq - 1), 9).await, [seq]);
    }
}

pub async fn ids_names_and_owners_may_be_any_text<H: Home<Store: Store>>(home: H) {
    let store = home.open().await;
    for text in ["", "a/b:c*d", "Grünspecht 🪶", "a'; DROP TABLE runs; --"] {
        let mut run = NewRun::new(text, text);
        run.owner = Some(text.into());
        store.create(run.clone()).await.unwrap();
        let append = store.append(&run.id, Epoch(1), vec![event(1, 1)], Durability::Process);
        append.await.unwrap();
        let state = store.state(&run.id).await.unwrap();
        assert_eq!((state.id, &*state.name), (run.id, text));
        assert_eq!(state.owner.as_deref(), Some(text));
    }
}
