//! Many runs and readers at once, on several threads.

use std::{sync::Arc, time::Duration};

use futures::StreamExt;
use mainstem_core::Event;
use mainstem_serve::{ReadFrom, Session, SessionLimits, SlowReader, StartOptions};

use crate::support::*;

const RUNS: usize = 24;
const PIECES: usize = 1000;

/// Reads to the end, here and there a while later, and comes back now and then.
async fn read(session: Session, number: usize) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    'again: loop {
        let last = events.last().map(Event::place);
        let from = last.map_or(ReadFrom::Start, ReadFrom::After);
        let mut reader = match number % 2 {
            0 => session.attach(from).await.unwrap(),
            _ => session.read(from).await.unwrap(),
        };
        let mut patience = 50 + number * 37;
        while let Some(event) = reader.next().await {
            events.push(event.unwrap());
            if events.len().is_multiple_of(number + 2) {
                tokio::task::yield_now().await;
            }
            patience -= 1;
            if patience == 0 {
                continue 'again;
            }
        }
        return events;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_several_threads_nobody_misses_anything_either() {
    for slow in [SlowReader::Hold(20), SlowReader::Join(20)] {
        let limits = SessionLimits::new().kept_events(16);
        let sessions = builder().limits(limits).slow(slow).build().unwrap();
        let mut tasks = Vec::new();
        for _ in 0..RUNS {
            let options = StartOptions::new();
            let session = sessions.start("chat", json(PIECES), options).await;
            let session = Arc::new(session.unwrap());
            for number in 0..6 {
                let session = Arc::clone(&session);
                tasks.push(tokio::spawn(async move {
                    let events = read((*session).clone(), number).await;
                    assert_eq!(text(&events), said(PIECES));
                    assert!(events.windows(2).all(|two| two[0].seq < two[1].seq));
                    assert_eq!(end(&events), "run_finished");
                }));
            }
        }
        for task in tasks {
            task.await.unwrap();
        }
        // The last of a run's events go with its task, soon after its end.
        while sessions.stats().kept_events > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let stats = sessions.stats();
        assert_eq!((stats.runs, stats.readers), (0, 0));
        assert_eq!(stats.kept_bytes, 0);
        assert_eq!(stats.runs_finished, RUNS as u64);
        assert_eq!(stats.events, (RUNS * (PIECES + 4)) as u64);
    }
}
