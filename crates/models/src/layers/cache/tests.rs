use mainstem_core::{
    Error, ErrorKind, FinishReason, Message, ModelEvent, NextAttempt, Notice, Result, Usage,
    test_util::{Script, ScriptedModel},
};
use tokio::time::advance;

use super::*;
use crate::ModelExt;

const SECOND: Duration = Duration::from_secs(1);

fn request(text: &str) -> ModelRequest {
    ModelRequest::new([Message::user(text)])
}

async fn ask<M: Model>(model: &M, text: &str) -> Vec<Result<ModelEvent>> {
    model.stream(request(text)).collect().await
}

fn events(items: Vec<Result<ModelEvent>>) -> Vec<ModelEvent> {
    items.into_iter().map(Result::unwrap).collect()
}

#[tokio::test(start_paused = true)]
async fn the_same_request_gets_the_same_events_for_nothing() {
    let inner = ScriptedModel::new().answer(["Ja", "ys"]).always(["others"]);
    let cache = Cache::new(1 << 20);
    let model = inner.clone().cached(&cache);
    let first = events(ask(&model, "Name a bird.").await);
    advance(SECOND * 7).await;
    let again = events(ask(&inner.clone().cached(&cache.clone()), "Name a bird.").await);
    assert_eq!(inner.requests().len(), 1);

    let ModelEvent::Notice(notice) = &again[1] else {
        panic!("{again:?}");
    };
    assert_eq!(notice.code, "cached");
    assert_eq!(
        notice.message,
        "the same was asked before; this is the answer from 7 s ago"
    );
    assert_eq!(again[2], ModelEvent::Usage(Usage::default()));
    let is_of_answer =
        |event: &ModelEvent| !matches!(event, ModelEvent::Notice(_) | ModelEvent::Usage(_));
    let of_answer =
        |events: Vec<ModelEvent>| -> Vec<_> { events.into_iter().filter(is_of_answer).collect() };
    assert_eq!(of_answer(again), of_answer(first));

    ask(&model, "Name another.").await;
    assert_eq!(inner.requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_has_its_time() {
    let inner = ScriptedModel::new().always(["x"]);
    let model = inner
        .clone()
        .cached(&Cache::new(1 << 20).time_to_live(SECOND * 10));
    for (wait, asked) in [(0, 1), (9, 1), (1, 2), (9, 2)] {
        advance(SECOND * wait).await;
        ask(&model, "Name a bird.").await;
        assert_eq!(inner.requests().len(), asked);
    }
}

#[tokio::test]
async fn only_whole_answers_are_kept() {
    let text = || Script::new().event(ModelEvent::Text("x".into()));
    let finished = |reason: &str| text().event(ModelEvent::Finished(reason.into()));
    let cut = Error::new(ErrorKind::Truncated, "it broke off");
    let next = || NextAttempt::new(&cut, Usage::default());
    let long = ["x".repeat(500).as_str(); 3].map(|it| ModelEvent::Text(it.into()));
    let too_long = long.into_iter().fold(Script::new(), Script::event);
    for (is_kept, name, script) in [
        (true, "stop", finished("stop")),
        (true, "tool calls", finished("tool_calls")),
        (true, "another word", finished("eos")),
        (false, "length", finished("length")),
        (false, "filter", finished("content_filter")),
        (false, "gave up", finished("abort")),
        (false, "error", text().fail(cut.clone())),
        (false, "no end", text()),
        (
            false,
            "too long",
            too_long.event(ModelEvent::Finished(FinishReason::Stop)),
        ),
        (
            true,
            "another attempt",
            text()
                .event(next().into())
                .event(ModelEvent::Finished("stop".into())),
        ),
        (
            false,
            "another model",
            text()
                .event(next().by("other").into())
                .event(ModelEvent::Finished("stop".into())),
        ),
    ] {
        let inner = ScriptedModel::new().script(script).always(["rest"]);
        let model = inner.clone().cached(&Cache::new(1500));
        ask(&model, "Name a bird.").await;
        let again = ask(&model, "Name a bird.").await;
        assert!(again.iter().all(Result::is_ok));
        assert_eq!(inner.requests().len() == 1, is_kept, "{name}");
    }
}

#[tokio::test]
async fn what_is_void_or_passing_is_no_part_of_the_answer() {
    let cut = Error::new(ErrorKind::Truncated, "it broke off");
    let waiting = ModelEvent::Waiting(Notice::new("rate_limited", "wait"));
    let inner = ScriptedModel::new().script(
        Script::new()
            .event(waiting)
            .event(ModelEvent::Sending)
            .event(ModelEvent::Text("wrong".into()))
            .event(NextAttempt::new(&cut, Usage::new(1, 1)).void().into())
            .event(ModelEvent::Text("right".into()))
            .event(ModelEvent::Usage(Usage::new(2, 2)))
            .event(ModelEvent::Finished(FinishReason::Stop)),
    );
    let model = inner.cached(&Cache::new(1 << 20));
    ask(&model, "Name a bird.").await;
    let again = events(ask(&model, "Name a bird.").await);
    assert_eq!(
        again[1..],
        [
            ModelEvent::Usage(Usage::default()),
            ModelEvent::Text("right".into()),
            ModelEvent::Finished(FinishReason::Stop)
        ]
    );
}

#[tokio::test]
async fn an_answer_that_its_reader_leaves_is_kept_only_if_it_had_ended() {
    let inner = ScriptedModel::new().always(["a", "b"]);
    let model = inner.clone().cached(&Cache::new(1 << 20));
    // Started, two pieces, usage, and the end.
    for (read, asked) in [(4, 1), (5, 2), (5, 2)] {
        let _: Vec<_> = model
            .stream(request("Name a bird."))
            .take(read)
            .collect()
            .await;
        assert_eq!(inner.requests().len(), asked);
    }
}

#[tokio::test]
async fn it_stays_within_its_bytes_and_shows_no_text() {
    let inner = ScriptedModel::new().always(["sesame"]);
    let cache = Cache::new(20_000);
    let model = inner.clone().cached(&cache);
    for number in 0..200 {
        ask(&model, &format!("Name bird {number} and sesame.")).await;
    }
    let (count, bytes) = {
        let answers = cache.lock();
        (answers.len(), answers.weight())
    };
    assert!(bytes <= 20_000, "{bytes}");
    assert!((20..200).contains(&count), "{count}");
    let shown = format!("{cache:?}");
    assert!(shown.contains("answers") && !shown.contains("sesame"));
}
