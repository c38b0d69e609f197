use futures::StreamExt;
use mainstem_core::test_util::{Script, ScriptedModel};

use super::*;
use crate::ModelExt;

const SECOND: Duration = Duration::from_secs(1);

fn failed(status: u16) -> Error {
    Error::new(ErrorKind::Model, "it failed").with_status(status)
}

/// What comes of one request: its text, or its error.
async fn ask<M: Model>(model: &M) -> Result<String> {
    let mut answer = model.stream(ModelRequest::default());
    let mut text = String::new();
    while let Some(event) = answer.next().await {
        if let ModelEvent::Text(piece) = event? {
            text.push_str(&piece);
        }
    }
    Ok(text)
}

fn is_open(result: Result<String>) -> bool {
    result.is_err_and(|error| error.code() == Some("circuit_open"))
}

/// A model of these scripts behind a breaker that opens at the second failure.
fn guarded(scripts: impl IntoIterator<Item = Script>) -> (ScriptedModel, Guarded<ScriptedModel>) {
    let model = ScriptedModel::new().always(["rest"]);
    let model = scripts
        .into_iter()
        .fold(model, |model, script| model.script(script));
    let breaker = Breaker::new().failures(2).open_for(SECOND * 30);
    (model.clone(), model.guarded(&breaker))
}

#[tokio::test(start_paused = true)]
async fn it_opens_after_failures_in_a_row_and_tries_once_again() {
    let down = || Script::new().fail(failed(503));
    let (inner, model) = guarded([down(), Script::text(["up"]), down(), down(), down()]);
    for works in [false, true, false, false] {
        assert_eq!(ask(&model).await.is_ok(), works);
    }
    let error = ask(&model).await.unwrap_err();
    assert_eq!(error.code(), Some("circuit_open"));
    assert_eq!(error.retry_after(), Some(SECOND * 30));
    assert!(error.is_retryable());
    assert_eq!(
        error.message(),
        "`scripted` isn't asked, because it failed too often in a row; the next request goes out in 30.0 s"
    );
    assert_eq!(inner.requests().len(), 4);

    tokio::time::advance(SECOND * 30).await;
    assert_eq!(ask(&model).await.unwrap_err().status(), Some(503));
    assert!(is_open(ask(&model).await));
    tokio::time::advance(SECOND * 30).await;
    assert_eq!(ask(&model).await.unwrap(), "rest");
    assert_eq!(ask(&model).await.unwrap(), "rest");
    assert_eq!(inner.requests().len(), 7);
}

#[tokio::test(start_paused = true)]
async fn one_request_tries_while_the_others_fail() {
    let down = || Script::new().fail(failed(500));
    let (inner, model) = guarded([down(), down(), Script::text(["slow"])]);
    for _ in 0..2 {
        ask(&model).await.unwrap_err();
    }
    tokio::time::advance(SECOND * 30).await;
    let mut trial = model.stream(ModelRequest::default());
    trial.next().await.unwrap().unwrap();
    let error = ask(&model).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(SECOND));
    assert!(is_open(Err(error)));

    // Tired of waiting: the next one tries.
    drop(trial);
    assert_eq!(ask(&model).await.unwrap(), "rest");
    assert_eq!(inner.requests().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_has_enough_closes_it() {
    let down = || Script::new().fail(failed(500));
    let slow = Script::text(["enough"]).wait(SECOND);
    let (_, model) = guarded([down(), down(), slow]);
    for _ in 0..2 {
        ask(&model).await.unwrap_err();
    }
    tokio::time::advance(SECOND * 30).await;
    let mut trial = model.stream(ModelRequest::default());
    while !matches!(trial.next().await, Some(Ok(ModelEvent::Text(_)))) {}
    drop(trial);
    let _other = model.stream(ModelRequest::default()).next().await;
    assert!(ask(&model).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn what_counts_as_a_failure() {
    let of = |kind| Error::new(kind, "it failed");
    let begun = || Script::new().event(ModelEvent::Text("x".into()));
    let finished = |reason: &str| begun().event(ModelEvent::Finished(reason.into()));
    let unreachable = of(ErrorKind::Model).retryable(true);
    for (counts, name, script) in [
        (true, "429", Script::new().fail(failed(429))),
        (true, "408", Script::new().fail(failed(408))),
        (true, "502", Script::new().fail(failed(502))),
        (true, "connection", Script::new().fail(unreachable)),
        (true, "timeout", Script::new().fail(of(ErrorKind::Timeout))),
        (true, "cut", begun().fail(of(ErrorKind::Truncated))),
        (true, "no end", begun()),
        (true, "gave up", finished("error")),
        (true, "stall", begun().stall()),
        (false, "401", Script::new().fail(failed(401))),
        (false, "404", Script::new().fail(failed(404))),
        (false, "config", Script::new().fail(of(ErrorKind::Config))),
        (false, "length", finished("length")),
    ] {
        let limits = TimeLimits::NONE.between_events(SECOND);
        let breaker = Breaker::new().failures(1).time_limits(limits);
        let model = ScriptedModel::new().script(script).guarded(&breaker);
        let _ = ask(&model).await;
        assert_eq!(is_open(ask(&model).await), counts, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_drops_a_waiting_request_says_nothing() {
    let (inner, model) = guarded([
        Script::new().fail(failed(500)),
        Script::new().stall(),
        Script::new().fail(failed(500)),
    ]);
    ask(&model).await.unwrap_err();
    let mut stalled = model.stream(ModelRequest::default());
    assert!(futures::poll!(stalled.next()).is_pending());
    drop(stalled);
    // The second failure in a row, though a request was dropped in between.
    assert_eq!(ask(&model).await.unwrap_err().status(), Some(500));
    assert!(is_open(ask(&model).await));
    assert_eq!(inner.requests().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn clones_share_their_circuit_and_settings_make_another() {
    let breaker = Breaker::new().failures(1);
    let down = ScriptedModel::new().script(Script::new().fail(failed(500)));
    let up = ScriptedModel::new().always(["up"]);
    ask(&down.guarded(&breaker)).await.unwrap_err();
    assert!(is_open(ask(&up.clone().guarded(&breaker.clone())).await));
    let another = breaker.open_for(SECOND);
    assert!(ask(&up.guarded(&another)).await.is_ok());
}
