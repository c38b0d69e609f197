//! `echo`: its input comes back in chunks, without a model; with faults, where it is asked for them.
//!
//! The same input gives the same events: it is what clients, wires and loads are tried with.

mod order;

use std::time::Duration;

use mainstem::{Error, ErrorKind, Flow, Progress, Retracted, RunContext, StepError, StepResult};
use serde::{Deserialize, Serialize};

use order::Fault;
pub(super) use order::Order;

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Echoed {
    Text(String),
    Bytes {
        /// How many there were: a result is JSON.
        bytes: u64,
    },
}

pub(super) fn flow() -> Flow<Order, Echoed> {
    Flow::<Order>::new("echo").step("say", say)
}

async fn say(ctx: RunContext, order: Order) -> StepResult<Echoed> {
    let order = order.read()?;
    let since = ctx.next_place();
    let mut retractions = order.times;
    let mut number = 0;
    loop {
        match order.fault_at(number) {
            Some(Fault::Retract) if retractions == 0 => {}
            Some(Fault::Retract) => {
                retractions -= 1;
                let taken_back = Retracted::new(since, "the echo was asked to take it back");
                ctx.emit(taken_back).await;
                number = 0;
                continue;
            }
            Some(fault) => happen(&ctx, fault).await?,
            None => {}
        }
        let Some(piece) = order.piece(number) else {
            return Ok(order.whole());
        };
        if !order.delay.is_zero() {
            tokio::time::sleep(order.delay).await;
        }
        ctx.emit(piece).await;
        number += 1;
        if order.progress {
            let mut progress = Progress::new("chunks", number);
            progress.total = Some(order.total());
            ctx.emit(progress).await;
        }
    }
}

/// What goes wrong, if it does.
async fn happen(ctx: &RunContext, fault: Fault) -> StepResult<()> {
    match fault {
        Fault::Fail => Err(StepError::terminal("the echo was asked to fail")),
        Fault::Cut => {
            let message = "the echo was asked to stop as a connection does that is cut";
            Err(Error::new(ErrorKind::Truncated, message).into())
        }
        Fault::Panic => {
            #[expect(clippy::panic, reason = "that is what was asked for")]
            {
                panic!("the echo was asked to panic");
            }
        }
        Fault::Hang => std::future::pending().await,
        Fault::Ask => {
            ctx.ask::<bool>("go_on", "Shall the echo go on?").await?;
            Ok(())
        }
        // Told apart by whoever says it again.
        Fault::Retract => Ok(()),
    }
}

/// Long enough for whoever waits for it to fail, and no run goes on for ever.
const LONGEST_DELAY: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;
    use mainstem::{Event, EventKind, MemoryStore, Outcome};
    use serde_json::{Value, json};

    use super::*;

    fn order(order: Value) -> Order {
        serde_json::from_value(order).unwrap()
    }

    async fn events(of: Value) -> Vec<Event> {
        flow().run_streamed(order(of)).collect().await
    }

    fn texts(events: &[Event]) -> Vec<&str> {
        let kinds = events.iter().map(|event| &event.kind);
        let texts = kinds.filter_map(|kind| match kind {
            EventKind::TextDelta(delta) => Some(&*delta.text),
            _ => None,
        });
        texts.collect()
    }

    fn end(events: &[Event]) -> Value {
        serde_json::to_value(&events.last().unwrap().kind).unwrap()
    }

    #[tokio::test]
    async fn a_text_comes_in_chunks_and_as_the_result() {
        let done = events(json!({"text": "Eine Möwe", "chunk": 4, "repeat": 2})).await;
        // A character is never cut.
        let once = ["Eine", " Mö", "we"];
        assert_eq!(texts(&done), [once, once].concat());
        assert_eq!(end(&done)["data"]["output"], "Eine MöweEine Möwe");
    }

    #[tokio::test]
    async fn a_plain_text_is_an_order_too() {
        let done = events(json!("a jay")).await;
        assert_eq!(texts(&done).concat(), "a jay");
    }

    #[tokio::test]
    async fn bytes_come_as_they_are() {
        let done = events(json!({"bytes_base64": "AAEC/w==", "chunk": 3})).await;
        let bytes = |event: &Event| match &event.kind {
            EventKind::Bytes(bytes) => Some(bytes.data.to_vec()),
            _ => None,
        };
        let bytes: Vec<_> = done.iter().filter_map(bytes).collect();
        assert_eq!(bytes, [vec![0, 1, 2], vec![255]]);
        assert_eq!(end(&done)["data"]["output"], json!({"bytes": 4}));
    }

    #[tokio::test]
    async fn progress_counts_the_chunks() {
        let done = events(json!({"text": "jay", "chunk": 2, "progress": true})).await;
        let progress = |event: &Event| match &event.kind {
            EventKind::Progress(progress) => Some((progress.done, progress.total)),
            _ => None,
        };
        let progress: Vec<_> = done.iter().filter_map(progress).collect();
        assert_eq!(progress, [(1, Some(2)), (2, Some(2))]);
    }

    #[tokio::test(start_paused = true)]
    async fn it_waits_before_each_chunk() {
        let began = tokio::time::Instant::now();
        events(json!({"text": "jay", "chunk": 1, "delay_ms": 100})).await;
        assert_eq!(began.elapsed(), Duration::from_millis(300));
    }

    #[tokio::test]
    async fn it_ends_as_it_was_asked_to() {
        for (fault, kind) in [("fail", "step"), ("panic", "step"), ("cut", "truncated")] {
            let done = events(json!({"text": "jays", "chunk": 1, "fault": fault})).await;
            assert_eq!(texts(&done), ["j", "a"], "{fault}: in the middle");
            let end = end(&done);
            assert_eq!(end["type"], "run_failed", "{fault}");
            assert_eq!(end["data"]["error"]["kind"], kind, "{fault}");
        }
        let late = json!({"text": "jays", "chunk": 1, "fault": "fail", "after": 9});
        let done = events(late).await;
        assert_eq!(texts(&done).len(), 4, "after the last chunk");
        assert_eq!(end(&done)["type"], "run_failed");
    }

    #[tokio::test(start_paused = true)]
    async fn it_hangs_until_it_is_stopped() {
        let mut run = flow().run_streamed(order(json!({"text": "jays", "fault": "hang"})));
        let wait = Duration::from_secs(3600);
        while let Ok(event) = tokio::time::timeout(wait, run.next_event()).await {
            assert!(!event.unwrap().kind.is_end());
        }
        run.stop_handle().stop();
        assert!(run.await.is_err());
    }

    #[tokio::test]
    async fn what_is_taken_back_is_said_again() {
        let wanted = json!({"text": "jay", "chunk": 1, "fault": "retract", "after": 2, "times": 2});
        let done = events(wanted).await;
        assert_eq!(texts(&done).concat(), "jajajay");
        let voids = |event: &&Event| matches!(event.kind, EventKind::Retracted(_));
        assert_eq!(done.iter().filter(voids).count(), 2);
        assert_eq!(end(&done)["data"]["output"], "jay");
    }

    #[tokio::test]
    async fn it_asks_and_goes_on_when_it_is_answered() {
        let store = MemoryStore::new();
        let asks = order(json!({"text": "jay", "fault": "ask"}));
        let asked = flow().run(asks).store(store.clone()).outcome().await;
        let Ok(Outcome::Suspended(asked)) = asked else {
            panic!("it asks");
        };
        assert_eq!(asked.requests[0].id, "say/go_on");
        let answered = asked.answer("say/go_on", &true).unwrap();
        let result = flow().resume(answered).store(store).await.unwrap();
        assert_eq!(result.output, Echoed::Text("jay".to_owned()));
    }

    #[tokio::test]
    async fn an_order_outlives_its_json() {
        let whole = json!({"text": "jay", "chunk": 2, "fault": "retract", "times": 3});
        let again = serde_json::to_value(order(whole.clone())).unwrap();
        assert_eq!(again, whole);
    }
}
