//! Outputs that don't fit: taken back, asked for again, and kept in the error when all was in vain.
#![allow(clippy::unwrap_used)]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use mainstem_agent::{Agent, AgentBuilder, FailedAttempt, OutputAttempts};
use mainstem_core::{
    CancelledBy, Context, Error, ErrorKind, EventKind, FinishReason, JsonDelta, Message,
    ModelEvent, Role, Run, RunStream, Usage,
    test_util::{Script, ScriptedModel},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Bird {
    name: String,
    eggs: u8,
}

/// The fault is seen when `x` comes; the pieces after it must never be asked for.
const WRONG: [&str; 2] = [r#"{"name": "jay", "#, r#""eggs": xSECRET}"#];
const RIGHT: [&str; 2] = [r#"{"name": "jay", "#, r#""eggs": 5}"#];

fn jay() -> Bird {
    Bird {
        name: "jay".into(),
        eggs: 5,
    }
}

/// An answer that can't go on after its pieces: it must be dropped there.
fn stalls(pieces: &[&'static str]) -> Script {
    let script = Script::new().event(ModelEvent::Usage(Usage::new(3, 2)));
    pieces
        .iter()
        .fold(script, |script, piece| {
            script.event(ModelEvent::Text((*piece).into()))
        })
        .stall()
}

fn birds(model: &ScriptedModel) -> AgentBuilder<Bird> {
    Agent::builder(model.clone()).output::<Bird>()
}

fn texts(error: &Error) -> Vec<&str> {
    let attempts = OutputAttempts::of(error).unwrap().attempts();
    attempts.iter().map(FailedAttempt::text).collect()
}

/// The events of a run, by name; of those with text, the text.
async fn names(run: &mut RunStream<Bird>) -> Vec<String> {
    let mut names = Vec::new();
    while let Some(event) = run.next_event().await {
        names.push(match event.text() {
            Some(text) => text.to_string(),
            None => event.kind.name().to_owned(),
        });
    }
    names
}

#[tokio::test]
async fn the_first_answer_is_taken_back_and_the_second_is_the_output() {
    let model = ScriptedModel::new().script(stalls(&WRONG)).answer(RIGHT);
    let agent = birds(&model).output_attempts(2).build().unwrap();
    let mut run = agent.run_streamed("A bird.");
    let mut turns = Vec::new();
    let mut seen = Vec::new();
    while let Some(event) = run.next_event().await {
        assert!(["", "agent"].contains(&event.path.as_str()));
        match &event.kind {
            EventKind::TurnStarted(_) => turns.push(event.place()),
            EventKind::Retracted(retracted) => {
                assert_eq!(retracted.since, turns[0]);
                assert!(retracted.reason.starts_with("attempt 1 of 2: expected"));
                assert!(!retracted.reason.contains("SECRET"));
            }
            _ => {}
        }
        seen.push(event.kind.name().to_owned());
    }
    let expected = [
        "run_started",
        "step_started",
        "turn_started",
        "json_delta",
        "retracted",
        "turn_started",
        "json_delta",
        "json_delta",
        "turn_finished",
        "step_finished",
        "run_finished",
    ];
    assert_eq!(seen, expected);
    let result = run.await.unwrap();
    assert_eq!(result.output, jay());
    let mut usage = Usage::new(3, 2);
    usage += Usage::new(3, 2);
    usage.requests = 2;
    assert_eq!(result.usage, usage);
}

#[tokio::test]
async fn the_model_is_told_what_was_wrong_and_the_conversation_is_not() {
    let model = ScriptedModel::new().script(stalls(&WRONG)).answer(RIGHT);
    let agent = birds(&model).output_attempts(2).build().unwrap();
    let ctx = Context::new();
    let result = agent.run("A bird.").context(&ctx).await.unwrap();
    assert_eq!(result.output, jay());

    let second = &model.requests()[1].messages;
    let roles: Vec<_> = second.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::User, Role::Assistant, Role::User]);
    assert_eq!(second[1].text(), WRONG.concat());
    let complaint = second[2].text();
    for part in ["expected", "at /eggs", "(byte 24)"] {
        assert!(complaint.contains(part), "{complaint}");
    }
    let kept = |messages: &[Message]| messages.iter().map(Message::text).collect::<Vec<_>>();
    assert_eq!(kept(&result.messages), ["A bird.", &RIGHT.concat()]);
    assert_eq!(kept(&ctx.messages()), ["A bird.", &RIGHT.concat()]);
}

#[tokio::test]
async fn without_a_policy_nothing_is_asked_again() {
    let model = ScriptedModel::new().script(stalls(&WRONG)).answer(RIGHT);
    let error = birds(&model).build().unwrap().run("q").await.unwrap_err();
    assert_eq!(error.message(), "the output doesn't fit its schema");
    assert_eq!(texts(&error), [WRONG.concat()]);
    assert_eq!(error.partial().unwrap().text, WRONG.concat());
    assert_eq!(model.requests().len(), 1);
}

#[tokio::test]
async fn when_attempts_run_out_the_error_has_all_texts_and_shows_none() {
    let model = ScriptedModel::new()
        .script(stalls(&WRONG))
        .answer([r#"{"name": "SECRET"}"#])
        .answer([r#"{"name": "SECRET", "eggs": 5"#]);
    let agent = birds(&model).output_attempts(3).build().unwrap();
    let error = agent.run("q").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Output);
    assert_eq!(
        texts(&error),
        [
            &WRONG.concat(),
            r#"{"name": "SECRET"}"#,
            r#"{"name": "SECRET", "eggs": 5"#
        ]
    );
    let attempts = OutputAttempts::of(&error).unwrap();
    assert_eq!(attempts.attempts()[0].violation().unwrap().pointer, "/eggs");
    let partial = error.partial().unwrap();
    assert_eq!(partial.text, r#"{"name": "SECRET", "eggs": 5"#);
    assert_eq!(partial.usage.requests, 3);
    let shown = format!("{error} {error:?} {attempts} {attempts:?}");
    assert!(shown.contains("in the last of 3 attempts"), "{shown}");
    assert!(!shown.contains("SECRET"), "{shown}");
}

#[derive(Debug, Serialize, JsonSchema)]
struct Even(u8);

impl<'de> Deserialize<'de> for Even {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            even if even % 2 == 0 => Ok(Self(even)),
            odd => Err(serde::de::Error::custom(format!("{odd} isn't even"))),
        }
    }
}

#[tokio::test]
async fn what_the_type_refuses_and_what_is_empty_is_tried_again() {
    let model = ScriptedModel::new()
        .answer(["77"])
        .answer(Vec::<&str>::new())
        .answer(["8"]);
    let builder = || Agent::builder(model.clone()).output::<Even>();
    let agent = builder().output_attempts(3).build().unwrap();
    assert_eq!(agent.run("q").await.unwrap().output.0, 8);
    let requests = model.requests();
    assert!(requests[1].messages[2].text().contains("77 isn't even"));
    assert_eq!(requests[2].messages.len(), 4, "no empty message");

    let model = ScriptedModel::new().answer(["77"]);
    let agent = Agent::builder(model).output::<Even>().build().unwrap();
    let error = agent.run("q").await.unwrap_err();
    assert!(!format!("{error:?}").contains("77"));
    let attempts = OutputAttempts::of(&error).unwrap();
    assert!(
        attempts
            .to_string()
            .ends_with("`FailedAttempt::type_error` says why")
    );
    let attempt = &attempts.attempts()[0];
    assert!(attempt.type_error().unwrap().to_string().contains("77"));
}

#[tokio::test]
async fn an_empty_text_is_tried_again() {
    let model = ScriptedModel::new()
        .answer(Vec::<&str>::new())
        .answer(["Jay."]);
    let agent = Agent::builder(model).output_attempts(2).build().unwrap();
    assert_eq!(agent.run("q").await.unwrap().output, "Jay.");
}

#[tokio::test]
async fn other_failures_are_not_tried_again() {
    let text = |text: &'static str| Script::new().event(ModelEvent::Text(text.into()));
    let ends = |script: Script, reason| script.event(ModelEvent::Finished(reason));
    for (script, kind) in [
        (
            ends(text(r#"{"name""#), FinishReason::Length),
            ErrorKind::Limit,
        ),
        (
            ends(text(r#"{"name""#), FinishReason::ContentFilter),
            ErrorKind::Refused,
        ),
        (
            ends(
                Script::new().event(ModelEvent::Refusal("No.".into())),
                FinishReason::Stop,
            ),
            ErrorKind::Refused,
        ),
        (text(r#"{"name""#), ErrorKind::Truncated),
        (
            text("{").fail(Error::new(ErrorKind::Model, "503")),
            ErrorKind::Model,
        ),
    ] {
        let model = ScriptedModel::new().script(script).answer(RIGHT);
        let agent = birds(&model).output_attempts(3).build().unwrap();
        assert_eq!(agent.run("q").await.unwrap_err().kind(), kind);
        assert_eq!(model.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_reader_of_text_that_was_given_some_gets_the_error_instead() {
    let model = ScriptedModel::new().script(stalls(&WRONG)).answer(RIGHT);
    let agent = birds(&model).output_attempts(2).build().unwrap();
    let mut run = agent.run_streamed("q");
    assert_eq!(run.next_text().await.unwrap().unwrap(), WRONG[0]);
    let error = run.next_text().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Output);
    assert!(error.message().contains("hold_until_valid"), "{error}");
    assert_eq!(texts(&error), [WRONG.concat()]);
    assert_eq!(model.requests().len(), 1);
}

#[tokio::test]
async fn a_callback_of_chunks_is_a_reader_of_text() {
    let model = ScriptedModel::new().script(stalls(&WRONG)).answer(RIGHT);
    let agent = birds(&model).output_attempts(2).build().unwrap();
    let error = agent.run("q").on_chunk(|_| {}).await.unwrap_err();
    assert_eq!(texts(&error), [WRONG.concat()]);
    assert_eq!(model.requests().len(), 1);
}

#[tokio::test]
async fn a_reader_of_text_that_was_given_nothing_is_given_the_second_answer() {
    let prose = ["I think ", "it is a jay."];
    let model = ScriptedModel::new().script(stalls(&prose)).answer(RIGHT);
    let agent = birds(&model).output_attempts(2).build().unwrap();
    let mut run = agent.run_streamed("q");
    let mut chunks = Vec::new();
    while let Some(chunk) = run.next_text().await.unwrap() {
        chunks.push(chunk);
    }
    assert_eq!(chunks, RIGHT);
    assert_eq!(model.requests()[1].messages[1].text(), prose[0]);
}

#[tokio::test]
async fn items_that_were_given_are_not_taken_back() {
    let wrong = ["[1, ", "x"];
    for (given, pieces) in [(true, wrong), (false, ["[", "x"])] {
        let model = ScriptedModel::new().script(stalls(&pieces)).answer(["[7]"]);
        let agent = Agent::builder(model.clone()).output::<Vec<u8>>();
        let agent = agent.output_attempts(2).build().unwrap();
        let mut items = agent.run_streamed("q").items::<u8>("");
        let first = items.next_item().await.unwrap().unwrap();
        assert_eq!(first, if given { 1 } else { 7 });
        let next = items.next_item().await;
        assert_eq!(next.is_err(), given);
        let error = next.err().map(|error| error.kind());
        assert_eq!(error, given.then_some(ErrorKind::Output));
    }
}

/// The first attempt shows JSON, of which its reader was given nothing yet.
#[tokio::test]
async fn what_an_earlier_step_gave_does_not_keep_an_agent_from_its_next_attempt() {
    let model = ScriptedModel::new()
        .script(stalls(&["[", "x"]))
        .answer(["[7]"]);
    let agent = Agent::builder(model.clone()).output::<Vec<u8>>();
    let agent = agent.output_attempts(2).build().unwrap();
    let run = Run::new("r", |ctx| async move {
        ctx.step("list", "function", |ctx| async move {
            ctx.emit(JsonDelta::new("[1]")).await;
            Ok(())
        })
        .await?;
        ctx.run("agent", &agent, "q".to_owned()).await
    });
    let mut items = run.stream().items::<u8>("");
    assert_eq!(items.next_item().await.unwrap(), Some(1));
    assert_eq!(items.next_item().await.unwrap(), Some(7));
    assert_eq!(items.await.unwrap().output, [7]);
}

#[tokio::test]
async fn held_output_is_shown_once_it_is_valid_to_any_reader() {
    let thinks = Script::new()
        .event(ModelEvent::Reasoning("Hm.".into()))
        .event(ModelEvent::Text(WRONG[0].into()))
        .event(ModelEvent::Text(WRONG[1].into()))
        .stall();
    let model = || ScriptedModel::new().script(thinks.clone()).answer(RIGHT);
    let agent = |model: &ScriptedModel| {
        let builder = birds(model).output_attempts(2).hold_until_valid();
        builder.build().unwrap()
    };
    let mut run = agent(&model()).run_streamed("q");
    assert_eq!(run.next_text().await.unwrap().unwrap(), RIGHT.concat());
    assert_eq!(run.next_text().await.unwrap(), None);
    assert_eq!(run.await.unwrap().output, jay());

    let whole = RIGHT.concat();
    let expected = [
        "run_started",
        "step_started",
        "turn_started",
        "reasoning_delta",
        "retracted",
        "turn_started",
        &whole,
        "turn_finished",
        "step_finished",
        "run_finished",
    ];
    assert_eq!(
        names(&mut agent(&model()).run_streamed("q")).await,
        expected
    );

    let chunks = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&chunks);
    let run = agent(&model()).run("q");
    let run = run.on_chunk(move |chunk| sink.lock().unwrap().push_str(chunk));
    assert_eq!(run.await.unwrap().output, jay());
    assert_eq!(*chunks.lock().unwrap(), whole);
}

#[tokio::test]
async fn held_output_comes_in_pieces_of_a_bounded_size() {
    let long = format!(r#""{}""#, "ä".repeat(5000));
    let model = ScriptedModel::new().answer([long.clone()]);
    let agent = Agent::builder(model).output::<String>().hold_until_valid();
    let mut run = agent.build().unwrap().run_streamed("q");
    let mut all = String::new();
    while let Some(chunk) = run.next_text().await.unwrap() {
        assert!(chunk.len() <= 4096);
        all.push_str(&chunk);
    }
    assert_eq!(all, long);
}

#[tokio::test]
async fn a_run_that_is_stopped_while_it_holds_keeps_the_raw_text() {
    let pause = Duration::from_secs(1);
    tokio::time::pause();
    let script = Script::new()
        .event(ModelEvent::Text(RIGHT[0].into()))
        .stall();
    let agent = birds(&ScriptedModel::new().script(script)).hold_until_valid();
    let run = agent.build().unwrap().run_streamed("q");
    let stop = run.stop_handle();
    let stopper = tokio::spawn(async move {
        tokio::time::sleep(pause).await;
        stop.stop();
    });
    let error = run.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(error.partial().unwrap().text, RIGHT[0]);
    stopper.await.unwrap();
}

#[tokio::test]
async fn a_run_that_is_stopped_in_its_second_attempt_has_nothing_of_the_first() {
    let model = ScriptedModel::new()
        .script(stalls(&WRONG))
        .script(stalls(&[r#"{"eggs": 5"#]));
    let agent = birds(&model).output_attempts(3).build().unwrap();
    let ctx = Context::new();
    let mut run = agent.run("q").context(&ctx).stream();
    let mut seen_retraction = false;
    while let Some(event) = run.next_event().await {
        seen_retraction |= matches!(event.kind, EventKind::Retracted(_));
        if seen_retraction && event.text().is_some() {
            run.stop();
        }
        if let EventKind::RunCancelled(end) = &event.kind {
            assert_eq!(end.by, CancelledBy::Stop);
            assert_eq!(end.partial.as_ref().unwrap().text, r#"{"eggs": 5"#);
        }
    }
    let error = run.await.unwrap_err();
    assert_eq!(error.partial().unwrap().text, r#"{"eggs": 5"#);
    assert_eq!(error.partial().unwrap().usage.requests, 2);
    let last = ctx.messages().last().unwrap().clone();
    assert_eq!((last.text(), last.partial), (r#"{"eggs": 5"#.into(), true));
    assert_eq!(ctx.messages().len(), 2);
}

#[test]
fn options_that_could_have_no_effect_are_refused() {
    let builder = || Agent::builder(ScriptedModel::new());
    let error = builder().output_attempts(0).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let error = builder().hold_until_valid().build().unwrap_err();
    assert!(error.message().contains("output::<T>()"), "{error}");
}
