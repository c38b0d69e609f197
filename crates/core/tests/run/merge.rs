//! Several runs as one stream.

use std::{task::Poll, time::Duration};

use mainstem_core::{ErrorKind, Result, Run, TextDelta, merge};

use crate::common::{broken, check_stream, say};

/// A run that always has something to say.
fn chatty(name: &'static str, count: usize) -> Run<usize> {
    Run::new(name, move |ctx| async move {
        for _ in 0..count {
            ctx.emit(TextDelta::new(name)).await;
        }
        Ok(count)
    })
}

/// Pending once, and woken in the same moment.
async fn wake_at_once() {
    let mut woken = false;
    std::future::poll_fn(|task| match std::mem::replace(&mut woken, true) {
        true => Poll::Ready(()),
        false => {
            task.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

#[tokio::test]
async fn r16_a_ready_run_is_served_within_as_many_events_as_there_are_runs() {
    let mut merged = merge(NAMES.map(|name| (name, chatty(name, 50).stream())));
    let mut order = Vec::new();
    while let Some(labelled) = merged.next_event().await {
        order.push(labelled.label);
    }
    for name in NAMES {
        let served: Vec<_> = (0..order.len()).filter(|&at| order[at] == name).collect();
        assert_eq!(served.len(), 50 + 2);
        for pair in served.windows(2) {
            assert!(pair[1] - pair[0] <= NAMES.len(), "{name}: {pair:?}");
        }
    }
}

#[tokio::test]
async fn a_run_that_wakes_up_comes_next_however_chatty_the_others_are() {
    let sleeper = Run::new("sleeper", |ctx| async move {
        wake_at_once().await;
        ctx.emit(TextDelta::new("awake")).await;
        Ok(0)
    });
    let runs = [
        ("a", chatty("a", 1000).stream()),
        ("b", chatty("b", 1000).stream()),
        ("sleeper", sleeper.stream()),
    ];
    let mut merged = merge(runs).text();
    let mut before = 0;
    while let Some((label, _)) = merged.next_text().await {
        if label == "sleeper" {
            break;
        }
        before += 1;
    }
    // Its start, its waking and the round after that.
    assert!(before <= 9, "{before} pieces came before");
}

#[tokio::test]
async fn each_run_keeps_its_order_and_its_one_end() {
    let mut merged = merge(NAMES.map(|name| (name, chatty(name, 7).stream())));
    let mut streams = NAMES.map(|_| Vec::new());
    while let Some(labelled) = merged.next_event().await {
        let run = NAMES
            .iter()
            .position(|name| labelled.label == *name)
            .unwrap();
        streams[run].push(labelled.event);
    }
    streams.iter().for_each(|events| check_stream(events));
}

#[tokio::test]
async fn a_failure_is_its_own_runs_and_the_others_go_on() -> Result<()> {
    let fails = Run::new("fails", |ctx| async move {
        say(ctx, &["half "]).await?;
        Err::<usize, _>(broken())
    });
    let mut merged = merge([("bad", fails.stream()), ("good", chatty("x", 20).stream())]).text();
    let mut good = 0;
    let mut bad = Vec::new();
    while let Some((label, chunk)) = merged.next_text().await {
        match &*label {
            "good" => good += chunk?.len(),
            _ => bad.push(chunk.map_err(|error| error.kind())),
        }
    }
    assert_eq!(good, 20);
    assert_eq!(bad, [Ok("half ".into()), Err(ErrorKind::Model)]);
    let results = merged.results().await;
    assert_eq!(results[0].1.as_ref().unwrap_err().kind(), ErrorKind::Model);
    assert_eq!(results[1].1.as_ref().unwrap().output, 20);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn runs_go_on_at_the_same_time() {
    let nap = |name| {
        Run::new(name, |ctx| async move {
            for _ in 0..5 {
                tokio::time::sleep(Duration::from_millis(100)).await;
                ctx.emit(TextDelta::new(".")).await;
            }
            Ok(())
        })
    };
    let start = tokio::time::Instant::now();
    let results = merge([("a", nap("a").stream()), ("b", nap("b").stream())])
        .results()
        .await;
    assert_eq!(results.len(), 2);
    assert_eq!(start.elapsed(), Duration::from_millis(500));
}

#[tokio::test]
async fn one_of_them_can_be_stopped() {
    let endless = |name| {
        Run::new(name, move |ctx| async move {
            loop {
                ctx.emit(TextDelta::new(name)).await;
                tokio::task::yield_now().await;
            }
            #[expect(unreachable_code)]
            Ok(())
        })
    };
    let mut merged = merge([("a", endless("a").stream()), ("b", endless("b").stream())]);
    let handles = merged.stop_handles();
    assert_eq!(handles[1].0, "b");
    for _ in 0..10 {
        merged.next_event().await.unwrap();
    }
    handles[1].1.stop();
    let mut rest = 0;
    while let Some(labelled) = merged.next_event().await {
        rest += 1;
        if labelled.event.is_end() {
            assert_eq!(labelled.label, "b");
            break;
        }
    }
    assert!(rest <= 4, "{rest} events until the end");
    handles[0].1.stop();
    let results = merged.results().await;
    for (_, result) in results {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled);
    }
}
