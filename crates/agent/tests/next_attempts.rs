//! Models that try again while they answer.

use futures::{StreamExt, stream};
use mainstem_agent::Agent;
use mainstem_core::{
    Context, Error, ErrorKind, Event, EventKind, FinishReason, Model, ModelEvent, ModelRequest,
    ModelStream, NextAttempt, Notice, Result, Usage,
    test_util::{Script, ScriptedModel},
};

fn text(text: &str) -> ModelEvent {
    ModelEvent::Text(text.into())
}

fn cut() -> NextAttempt {
    let error = Error::new(ErrorKind::Truncated, "the answer was cut");
    NextAttempt::new(&error, Usage::new(30, 2))
}

fn model(first: &str, next: NextAttempt, rest: &str) -> ScriptedModel {
    let script = Script::new()
        .event(text(first))
        .event(next.into())
        .event(ModelEvent::Sending)
        .event(text(rest))
        .event(ModelEvent::Usage(Usage::new(40, 3)))
        .event(ModelEvent::Finished(FinishReason::Stop));
    ScriptedModel::new().script(script)
}

fn agent(model: ScriptedModel) -> Agent {
    Agent::builder(model).build().expect("it has all it needs")
}

async fn events(agent: &Agent) -> Vec<Event> {
    agent.run_streamed("Which?").collect().await
}

/// What a reader sees of the text that is left.
fn read(events: &[Event]) -> String {
    let mut shown = Vec::new();
    for event in events {
        match &event.kind {
            EventKind::TextDelta(delta) => shown.push((event.place(), delta.text.to_string())),
            EventKind::Retracted(retracted) => shown.retain(|(at, _)| *at < retracted.since),
            _ => {}
        }
    }
    shown.into_iter().map(|(_, text)| text).collect()
}

#[tokio::test]
async fn an_answer_goes_on_and_all_its_attempts_are_counted() -> Result<()> {
    let context = Context::new();
    let model = model("Ja", cut().by("other"), "ys");
    let mut run = agent(model).run("Which?").context(&context).stream();
    let mut text = String::new();
    while let Some(piece) = run.next_text().await? {
        text.push_str(&piece);
    }
    let result = run.await?;
    assert_eq!((text.as_str(), result.output.as_str()), ("Jays", "Jays"));
    let mut usage = Usage::new(70, 5);
    usage.requests = 2;
    assert_eq!(result.usage, usage);
    assert_eq!(context.messages().last().unwrap().text(), "Jays");
    Ok(())
}

#[tokio::test]
async fn a_reader_of_events_is_told_who_goes_on_and_what_the_turn_used() {
    let events = events(&agent(model("Ja", cut().by("other"), "ys"))).await;
    let notice = events.iter().find_map(|event| match &event.kind {
        EventKind::Notice(notice) => Some(notice),
        _ => None,
    });
    let notice = notice.unwrap();
    assert_eq!(notice.code, "next_attempt");
    assert_eq!(
        notice.message,
        "`scripted`: the answer was cut; the answer goes on with `other`"
    );
    let finished = events.iter().find_map(|event| match &event.kind {
        EventKind::TurnFinished(finished) => Some(finished.usage),
        _ => None,
    });
    assert_eq!(finished.unwrap().total_tokens(), 75);
}

#[tokio::test]
async fn an_answer_that_begins_anew_is_taken_back() -> Result<()> {
    let whole = || model("Ga", cut().void(), "Jays");
    let events = events(&agent(whole())).await;
    assert_eq!(read(&events), "Jays");
    let turns = |event: &&Event| matches!(event.kind, EventKind::TurnStarted(_));
    assert_eq!(events.iter().filter(turns).count(), 2);

    let context = Context::new();
    let result = agent(whole()).run("Which?").context(&context).await?;
    assert_eq!(result.output, "Jays");
    assert_eq!(context.messages().last().unwrap().text(), "Jays");
    Ok(())
}

#[tokio::test]
async fn nothing_that_was_shown_as_text_begins_anew() -> Result<()> {
    let mut run = agent(model("Ga", cut().void(), "Jays")).run_streamed("Which?");
    assert_eq!(run.next_text().await?.unwrap(), "Ga");
    let error = run.next_text().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Truncated);
    assert_eq!(error.partial().unwrap().text, "Ga");
    Ok(())
}

#[tokio::test]
async fn typed_output_is_read_from_the_beginning_again() -> Result<()> {
    for (first, next, rest) in [
        ("[1,", cut().void(), "[2]"),
        ("[1,", cut(), "2]"),
        ("[", cut().void(), "[]"),
    ] {
        let is_void = next.is_void;
        let model = model(first, next, rest);
        let agent = Agent::builder(model).output::<Vec<u8>>().build()?;
        let output = agent.run("Which?").await?.output;
        let whole = if is_void {
            rest.to_owned()
        } else {
            [first, rest].concat()
        };
        assert_eq!(serde_json::to_string(&output).unwrap(), whole);
    }
    Ok(())
}

/// Says whether it may take back what it said.
struct Asks;

impl Model for Asks {
    fn id(&self) -> &str {
        "asks"
    }

    fn stream(&self, request: ModelRequest) -> ModelStream {
        let answer = stream::once(async move {
            let can = request.recall.is_possible().await;
            Ok(text(if can { "yes" } else { "no" }))
        });
        let end = stream::iter([Ok(ModelEvent::Finished(FinishReason::Stop))]);
        ModelStream::new(stream::iter([Ok(text("said, "))]).chain(answer).chain(end))
    }
}

#[tokio::test]
async fn who_tries_again_can_ask_whether_the_answer_was_shown_for_good() -> Result<()> {
    let agent = Agent::builder(Asks).build()?;
    assert_eq!(agent.run("?").await?.output, "said, yes");
    assert_eq!(read(&events(&agent).await), "said, yes");
    let mut run = agent.run_streamed("?");
    while run.next_text().await?.is_some() {}
    assert_eq!(run.await?.output, "said, no");
    Ok(())
}

#[tokio::test]
async fn a_request_that_never_went_out_isnt_counted() {
    let down = Error::new(ErrorKind::Limit, "closed");
    let script = Script::new()
        .event(ModelEvent::Waiting(Notice::new(
            "rate_limited",
            "two before you",
        )))
        .fail(down);
    let agent = agent(ScriptedModel::new().script(script));
    let error = agent.run("Which?").await.unwrap_err();
    assert_eq!(error.partial().unwrap().usage.requests, 0);
}
