//! Logs of runs, with times that were virtual.

use std::time::Duration;

use futures::StreamExt;
use mainstem_core::{Event, Place, Seq, Timestamp};
use tokio::time::{Instant, sleep};

/// All events of a run, each at the virtual time at which it came.
pub(crate) async fn record(mut run: impl futures::Stream<Item = Event> + Unpin) -> Vec<Event> {
    let began = Instant::now();
    let mut events = Vec::new();
    while let Some(mut event) = run.next().await {
        event.at = at(began.elapsed());
        events.push(event);
    }
    events
}

/// A time after the beginning of all recordings.
pub(crate) fn at(since: Duration) -> Timestamp {
    Timestamp::from_unix_millis(1_763_692_800_000 + u64::try_from(since.as_millis()).unwrap())
}

/// A function's work that takes some milliseconds.
pub(crate) async fn work(millis: u64) {
    sleep(Duration::from_millis(millis)).await;
}

/// An event at a number and at so many milliseconds.
pub(crate) fn event(seq: u64, millis: u64, path: &str, data: &str) -> Event {
    let at = at(Duration::from_millis(millis)).as_unix_millis();
    let json = format!(r#"{{"seq":{seq},"epoch":1,"at":{at},"path":"{path}",{data}}}"#);
    let event: Event = serde_json::from_str(&json).unwrap();
    assert_eq!(event.place(), Place::new(event.epoch, Seq(seq)));
    event
}
