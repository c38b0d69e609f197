//! Reading a log, once and on and on.

use futures::StreamExt;
use mainstem_core::{Durability, Epoch, ErrorKind, Event, Place, Seq, Store, TextDelta};

use super::{
    Home,
    logs::{
        append, end, event, event_of, id, kind, new_run, next, nothing_yet, seqs, with_log, within,
    },
};

pub async fn without_a_log_reading_is_not_found<H: Home<Store: Store>>(home: H) {
    let store = home.open().await;
    assert_eq!(kind(store.read(&id(), None, 1).await), ErrorKind::NotFound);
    let mut tail = store.tail(&id(), None);
    let error = within(tail.next()).await.unwrap();
    assert_eq!(kind(error), ErrorKind::NotFound);
    end(&mut tail).await;
}

pub async fn reading_begins_after_a_place_and_stops_at_the_limit<H: Home<Store: Store>>(home: H) {
    let store = with_log(&home, &[1, 2, 5, 9]).await;
    assert_eq!(seqs(&store, None, 0).await, [0; 0]);
    assert_eq!(seqs(&store, None, 3).await, [1, 2, 5]);
    assert_eq!(seqs(&store, None, usize::MAX).await, [1, 2, 5, 9]);
    assert_eq!(seqs(&store, Some(2), 1).await, [5]);
    assert_eq!(seqs(&store, Some(0), 9).await, [1, 2, 5, 9]);
    assert_eq!(seqs(&store, Some(3), 9).await, [5, 9], "a place in a gap");
    assert_eq!(seqs(&store, Some(9), 9).await, [0; 0]);
    assert_eq!(seqs(&store, Some(u64::MAX), 9).await, [0; 0]);
}

pub async fn a_long_log_is_read_in_pages<H: Home<Store: Store>>(home: H) {
    let all: Vec<u64> = (1..=10_000).collect();
    let store = with_log(&home, &[]).await;
    for seqs in all.chunks(1_000) {
        append(&store, 1, seqs).await.unwrap();
    }
    let mut paged = Vec::new();
    loop {
        let page = seqs(&store, paged.last().copied(), 999).await;
        assert!(page.len() <= 999);
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert!(paged == all, "each event once, in order");
    store.close(&id(), Epoch(1)).await.unwrap();
    let tailed = within(store.tail(&id(), None).collect::<Vec<_>>()).await;
    let tailed = tailed.into_iter().map(|event| event.unwrap().seq.0);
    assert!(tailed.eq(all), "a tail gives the same");
}

pub async fn large_events_come_back_whole<H: Home<Store: Store>>(home: H) {
    let store = with_log(&home, &[]).await;
    let large = |seq| event_of(1, seq, TextDelta::new("jay 🪶\n".repeat(100_000)));
    let events: Vec<_> = (1..=3).map(large).collect();
    let append = store.append(&id(), Epoch(1), events.clone(), Durability::Power);
    within(append).await.unwrap();
    store.close(&id(), Epoch(1)).await.unwrap();
    let read = within(store.read(&id(), None, 9)).await.unwrap();
    assert!(read == events);
    let tailed = within(store.tail(&id(), None).collect::<Vec<_>>()).await;
    let tailed = tailed.into_iter().map(Result::unwrap);
    assert!(tailed.eq(events));
}

pub async fn kinds_that_nobody_knows_are_kept_verbatim<H: Home<Store: Store>>(home: H) {
    let store = with_log(&home, &[]).await;
    let lines = [
        r#"{"seq":1,"epoch":1,"at":3,"path":"a/b","type":"from_tomorrow","data":{"z":1, "a":[ 2e0 ]}}"#,
        r#"{"seq":2,"epoch":1,"at":3,"path":"","type":"bare"}"#,
        r#"{"seq":3,"epoch":1,"at":3,"path":"","type":"nothing","data":null}"#,
    ];
    let events: serde_json::Result<Vec<Event>> = lines
        .iter()
        .map(|line| serde_json::from_str(line))
        .collect();
    let append = store.append(&id(), Epoch(1), events.unwrap(), Durability::Process);
    within(append).await.unwrap();
    let read = home.open().await.read(&id(), None, 9).await.unwrap();
    let read: serde_json::Result<Vec<_>> = read.iter().map(serde_json::to_string).collect();
    assert_eq!(read.unwrap(), lines);
}

pub async fn a_tail_waits_for_what_comes_and_ends_with_the_log<H: Home<Store: Store>>(home: H) {
    let store = with_log(&home, &[1]).await;
    let mut tail = store.tail(&id(), None);
    assert_eq!(next(&mut tail).await, event(1, 1));
    nothing_yet(&mut tail).await;
    append(&store, 1, &[2]).await.unwrap();
    assert_eq!(next(&mut tail).await, event(1, 2));
    // It goes on through another writer.
    store.reopen(&id()).await.unwrap();
    nothing_yet(&mut tail).await;
    append(&store, 2, &[3, 4]).await.unwrap();
    store.close(&id(), Epoch(2)).await.unwrap();
    assert_eq!(next(&mut tail).await, event(2, 3));
    assert_eq!(next(&mut tail).await, event(2, 4));
    end(&mut tail).await;
    end(&mut store.tail(&id(), Some(Place::new(Epoch(2), Seq(4))))).await;
}

pub async fn a_tail_begins_after_its_place<H: Home<Store: Store>>(home: H) {
    let store = with_log(&home, &[1, 4, 6]).await;
    let mut tail = store.tail(&id(), Some(Place::new(Epoch(1), Seq(4))));
    assert_eq!(next(&mut tail).await, event(1, 6));
    // One of a place to come leaves out what comes before it.
    let mut tail = store.tail(&id(), Some(Place::new(Epoch(1), Seq(8))));
    nothing_yet(&mut tail).await;
    append(&store, 1, &[7, 8, 9]).await.unwrap();
    assert_eq!(next(&mut tail).await, event(1, 9));
}

pub async fn a_tail_sees_what_another_handle_appends<H: Home<Store: Store>>(home: H) {
    let reader = with_log(&home, &[]).await;
    let mut tail = reader.tail(&id(), None);
    nothing_yet(&mut tail).await;
    let writer = home.open().await;
    for seq in 1..=5 {
        append(&writer, 1, &[seq]).await.unwrap();
        assert_eq!(next(&mut tail).await, event(1, seq));
    }
    nothing_yet(&mut tail).await;
    writer.close(&id(), Epoch(1)).await.unwrap();
    end(&mut tail).await;
}

pub async fn the_tails_of_a_deleted_log_end<H: Home<Store: Store>>(home: H) {
    let store = with_log(&home, &[1]).await;
    let mut here = store.tail(&id(), None);
    let elsewhere = home.open().await;
    let mut there = elsewhere.tail(&id(), None);
    for tail in [&mut here, &mut there] {
        assert_eq!(next(tail).await, event(1, 1));
        nothing_yet(tail).await;
    }
    assert!(elsewhere.delete(&id()).await.unwrap());
    // Another log of the same id isn't theirs.
    store.create(new_run("r", "", 2)).await.unwrap();
    append(&store, 1, &[2]).await.unwrap();
    end(&mut here).await;
    end(&mut there).await;
}
