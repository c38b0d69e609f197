//! Several at once on one store: writers, readers, and those that fence each other.

use futures::{
    StreamExt,
    future::{join, join_all},
};
use mainstem_core::{Durability, Epoch, ErrorKind, Event, RunId, RunQuery, Store};

use super::{
    Home,
    logs::{append, event, id, kind, new_run, seqs, with_log, within},
};

pub async fn many_runs_are_written_and_read_at_once<H: Home<Store: Store>>(home: H) {
    const EVENTS: u64 = 40;
    let handles = [home.open().await, home.open().await];
    let runs = (0..16).map(|number| {
        let [writer, reader] = &handles;
        async move {
            let run = RunId::from(format!("run {number}"));
            let new = new_run(run.as_str(), "ada", number);
            writer.create(new).await.unwrap();
            let tail = reader.tail(&run, None).map(Result::unwrap);
            let (tailed, ()) = join(tail.collect::<Vec<_>>(), write(writer, &run, EVENTS)).await;
            assert!(tailed.into_iter().eq((1..=EVENTS).map(|seq| event(1, seq))));
        }
    });
    within(join_all(runs)).await;
    let [store, _] = &handles;
    assert_eq!(store.list(RunQuery::new(99)).await.unwrap().len(), 16);
    let open = store.list(RunQuery::new(99).open()).await.unwrap();
    assert!(open.is_empty(), "{open:?}");
}

async fn write(store: &impl Store, run: &RunId, events: u64) {
    for seq in 1..=events {
        let durability = match seq % 10 {
            0 => Durability::Power,
            _ => Durability::Process,
        };
        let append = store.append(run, Epoch(1), vec![event(1, seq)], durability);
        append.await.unwrap();
    }
    store.close(run, Epoch(1)).await.unwrap();
}

pub async fn of_those_that_create_a_log_at_once_one_does<H: Home<Store: Store>>(home: H) {
    let handles = join_all((0..4).map(|_| home.open())).await;
    let created = handles
        .iter()
        .map(|store| store.create(new_run("r", "", 1)));
    let created = within(join_all(created)).await;
    let (won, lost): (Vec<_>, Vec<_>) = created.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    assert!(
        lost.into_iter()
            .all(|lost| kind(lost) == ErrorKind::Conflict)
    );
}

/// Each takes the log away from the others and writes until it loses it, too.
pub async fn writers_that_fence_each_other_leave_one_log<H: Home<Store: Store>>(home: H) {
    let store = with_log(&home, &[]).await;
    let handles = join_all((0..4).map(|_| home.open())).await;
    let written = within(join_all(handles.iter().map(take_turns))).await;
    let mut written = written.concat();
    written.sort_by_key(|event| event.seq);

    let log = store.read(&id(), None, usize::MAX).await.unwrap();
    assert!(log == written, "all that was acknowledged, and no more");
    let in_order = |pair: &[Event]| pair[0].epoch <= pair[1].epoch && pair[0].seq < pair[1].seq;
    assert!(log.windows(2).all(in_order), "no writer came after its end");
    let epoch = store.state(&id()).await.unwrap().epoch;
    assert_eq!(epoch, Epoch(1 + 4 * 5), "each reopening is an epoch");
}

async fn take_turns(store: &impl Store) -> Vec<Event> {
    let mut acknowledged = Vec::new();
    for _ in 0..5 {
        let state = store.reopen(&id()).await.unwrap();
        let first = state.last.map_or(1, |last| last.seq.0 + 1);
        for seq in first..first + 10 {
            let next = event(state.epoch.0, seq);
            let append = store.append(&id(), state.epoch, vec![next.clone()], Durability::Process);
            match append.await {
                Ok(()) => acknowledged.push(next),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
                    break;
                }
            }
        }
    }
    acknowledged
}

/// The second's number is the first's, too: whoever comes first, one of them is refused whole.
pub async fn appends_of_one_writer_at_once_are_all_or_nothing<H: Home<Store: Store>>(home: H) {
    let store = with_log(&home, &[]).await;
    let both = join(append(&store, 1, &[1, 2, 3]), append(&store, 1, &[3, 4, 5]));
    let (first, second) = within(both).await;
    let log = seqs(&store, None, 9).await;
    match (first, second) {
        (Ok(()), Err(_)) => assert_eq!(log, [1, 2, 3]),
        (Err(_), Ok(())) => assert_eq!(log, [3, 4, 5]),
        other => panic!("one of two is refused: {other:?}"),
    }
}
