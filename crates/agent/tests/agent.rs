//! What an agent does with its model's answer, its input and its memory.
#![allow(clippy::unwrap_used)]

use mainstem_agent::Agent;
use mainstem_core::{
    Context, Error, ErrorKind, EventKind, FinishReason, Json, Message, ModelEvent, ModelSettings,
    Notice, Part, Role, Run, RunResult, Step, Usage,
    test_util::{Script, ScriptedModel},
};

fn texts(ctx: &Context) -> Vec<(Role, String, bool)> {
    let messages = ctx.messages();
    messages
        .iter()
        .map(|m| (m.role, m.text(), m.partial))
        .collect()
}

#[tokio::test]
async fn the_events_of_a_run_tell_its_course() {
    let model = ScriptedModel::new().script(
        Script::new()
            .event(ModelEvent::Started {
                request_id: Some("req-7".into()),
            })
            .event(ModelEvent::Notice(Notice::new("n", "a notice")))
            .event(ModelEvent::Reasoning("Hm.".into()))
            .event(ModelEvent::Text("Ja".into()))
            .event(ModelEvent::Text("ys".into()))
            .event(ModelEvent::Usage(Usage::new(5, 2)))
            .event(ModelEvent::Finished(FinishReason::Stop)),
    );
    let agent = Agent::builder(model).name("writer").build().unwrap();
    let mut seen = Vec::new();
    let mut run = agent.run_streamed("Name a bird.");
    while let Some(event) = futures::StreamExt::next(&mut run).await {
        seen.push(format!("{} {}", event.path, event.kind.name()));
        if let EventKind::TurnStarted(turn) = &event.kind {
            assert_eq!(turn.request_id.as_deref(), Some("req-7"));
        }
        if let EventKind::StepFinished(step) = &event.kind {
            assert_eq!(step.usage, Usage::new(5, 2));
        }
    }
    let expected = [
        " run_started",
        "writer step_started",
        "writer turn_started",
        "writer notice",
        "writer reasoning_delta",
        "writer text_delta",
        "writer text_delta",
        "writer turn_finished",
        "writer step_finished",
        " run_finished",
    ];
    assert_eq!(seen, expected);
    let result = run.await.unwrap();
    assert_eq!(result.output, "Jays");
    assert_eq!(result.usage, Usage::new(5, 2));
    assert_eq!(result.finish_reason, Some(FinishReason::Stop));
    let roles: Vec<_> = result.messages.iter().map(|m| m.role).collect();
    assert_eq!(roles, [Role::User, Role::Assistant]);
    assert!(matches!(result.messages[1].parts[0], Part::Reasoning(_)));
}

#[tokio::test]
async fn it_remembers_what_was_said_in_its_context() {
    let model = ScriptedModel::new().answer(["Hello Ada."]).answer(["Ada."]);
    let agent = Agent::builder(model.clone()).build().unwrap();
    let ctx = Context::new();
    agent.run("I am Ada.").context(&ctx).await.unwrap();
    agent.run("Who am I?").context(&ctx).await.unwrap();
    let second: Vec<_> = model.requests()[1]
        .messages
        .iter()
        .map(Message::text)
        .collect();
    assert_eq!(second, ["I am Ada.", "Hello Ada.", "Who am I?"]);
    assert_eq!(ctx.messages().len(), 4);
}

#[tokio::test]
async fn a_message_added_by_hand_is_not_doubled() {
    let model = ScriptedModel::new().answer(["One."]).answer(["Two."]);
    let agent = Agent::builder(model.clone()).build().unwrap();
    let ctx = Context::new();
    ctx.add_user_message("Count.");
    let result = agent.run("Count.").context(&ctx).await.unwrap();
    assert_eq!(result.messages.len(), 1, "the question was there before");
    // The same words again, after the answer, are another question.
    agent.run("Count.").context(&ctx).await.unwrap();
    assert_eq!(model.requests()[0].messages.len(), 1);
    assert_eq!(ctx.messages().len(), 4);
}

#[tokio::test]
async fn a_thread_is_a_conversation_of_its_own() {
    let model = ScriptedModel::new().answer(["Main."]).answer(["Aside."]);
    let agent = |thread: Option<&'static str>| {
        let builder = Agent::builder(model.clone());
        match thread {
            Some(name) => builder.thread(name).build().unwrap(),
            None => builder.build().unwrap(),
        }
    };
    let ctx = Context::new();
    agent(None).run("q").context(&ctx).await.unwrap();
    agent(Some("aside")).run("r").context(&ctx).await.unwrap();
    assert_eq!(ctx.messages().len(), 2);
    assert_eq!(ctx.thread("aside").messages()[1].text(), "Aside.");
    assert_eq!(model.requests()[1].messages.len(), 1);
}

#[tokio::test]
async fn inside_of_another_step_it_reads_the_history_and_writes_none() {
    let model = ScriptedModel::new().answer(["Yes."]);
    let agent = Agent::builder(model.clone()).name("inner").build().unwrap();
    let ctx = Context::new();
    ctx.add_message(Message::assistant("before"));
    let run = Run::new("outer", move |ctx| async move {
        ctx.step("flow", "flow", |ctx| async move {
            ctx.step("inner", "agent", |ctx| agent.call(ctx, "q".to_owned()))
                .await
        })
        .await
    });
    assert_eq!(run.context(&ctx).await.unwrap().output, "Yes.");
    assert_eq!(ctx.messages().len(), 1);
    assert_eq!(model.requests()[0].messages.len(), 2);
}

#[tokio::test]
async fn a_broken_answer_stays_as_a_partial_one() {
    let broken = Script::new().event(ModelEvent::Text("Ja".into()));
    let agent = Agent::builder(ScriptedModel::new().script(broken))
        .build()
        .unwrap();
    let ctx = Context::new();
    let error = agent.run("Name a bird.").context(&ctx).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Truncated);
    assert_eq!(error.partial().unwrap().text, "Ja");
    assert_eq!(error.step().unwrap().to_string(), "agent");
    let expected = [
        (Role::User, "Name a bird.".to_owned(), false),
        (Role::Assistant, "Ja".to_owned(), true),
    ];
    assert_eq!(texts(&ctx), expected);
}

#[tokio::test]
async fn a_stopped_answer_stays_as_a_partial_one_though_nobody_polls() {
    let script = Script::new().event(ModelEvent::Text("Ja".into())).stall();
    let agent = Agent::builder(ScriptedModel::new().script(script))
        .build()
        .unwrap();
    let ctx = Context::new();
    let mut run = agent.run("Name a bird.").context(&ctx).stream();
    assert_eq!(run.next_text().await.unwrap().unwrap(), "Ja");
    run.stop_handle().stop();
    assert_eq!(texts(&ctx)[1], (Role::Assistant, "Ja".to_owned(), true));
    let error = run.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(error.partial().unwrap().text, "Ja");
}

#[tokio::test]
async fn inputs_are_judged_before_the_model_is_asked() {
    let model = ScriptedModel::new().answer(["ok"]);
    let agent = Agent::builder(model.clone())
        .max_input_bytes(4)
        .build()
        .unwrap();
    for (input, message) in [
        (
            " \n",
            "step `agent`: the input is empty; give some text, or build the agent with `allow_empty_input`",
        ),
        (
            "12345",
            "step `agent`: the input is 5 bytes long; the agent takes 4 at most: raise its `max_input_bytes`",
        ),
    ] {
        let error = agent.run(input).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ErrorKind::Input, message)
        );
    }
    assert!(model.requests().is_empty());
    let agent = Agent::builder(model.clone())
        .allow_empty_input()
        .build()
        .unwrap();
    assert_eq!(agent.run("").await.unwrap().output, "ok");
}

#[tokio::test]
async fn settings_of_the_run_go_before_those_of_the_agent() {
    let model = ScriptedModel::new().answer(["ok"]);
    let agent = Agent::builder(model.clone())
        .instructions("Be brief.")
        .settings(ModelSettings::new().temperature(0.1).seed(1))
        .build()
        .unwrap();
    agent
        .run("q")
        .settings(ModelSettings::new().seed(2))
        .await
        .unwrap();
    let request = &model.requests()[0];
    assert_eq!(request.settings.temperature, Some(0.1));
    assert_eq!(request.settings.seed, Some(2));
    assert_eq!(request.instructions.as_deref(), Some("Be brief."));
}

#[tokio::test]
async fn what_is_no_answer_is_an_error() {
    let ended = |reason| Script::new().event(ModelEvent::Finished(reason));
    let refusal = Script::new()
        .event(ModelEvent::Refusal("No.".into()))
        .event(ModelEvent::Finished(FinishReason::Stop));
    let call = Script::new()
        .event(ModelEvent::ToolCall {
            index: 0,
            id: "c".into(),
            name: "weather".into(),
        })
        .event(ModelEvent::ToolArguments {
            index: 0,
            text: "{}".into(),
        })
        .event(ModelEvent::Finished(FinishReason::ToolCalls));
    for (script, kind, word) in [
        (Script::new(), ErrorKind::Truncated, "without an end"),
        (
            ended(FinishReason::Stop),
            ErrorKind::Output,
            "without any output",
        ),
        (
            ended(FinishReason::Length),
            ErrorKind::Limit,
            "max_output_tokens",
        ),
        (
            ended(FinishReason::ContentFilter),
            ErrorKind::Refused,
            "filter",
        ),
        (refusal, ErrorKind::Refused, "refused"),
        (call, ErrorKind::Tool, "weather"),
    ] {
        let agent = Agent::builder(ScriptedModel::new().script(script))
            .build()
            .unwrap();
        let error = agent.run("q").await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn a_wrong_agent_is_refused_when_it_is_built() {
    let builder = || Agent::builder(ScriptedModel::new());
    let nameless = builder().name(" ").build().unwrap_err();
    assert_eq!(nameless.kind(), ErrorKind::Config);
    let schema = serde_json::json!({"$ref": "#/nowhere"});
    let error = builder().name("a").output_schema(schema).build();
    assert_eq!(error.is_err(), cfg!(feature = "jsonschema"));
    let mode = builder()
        .output_mode(mainstem_core::OutputMode::Prompt)
        .build()
        .unwrap_err();
    assert!(mode.to_string().contains("output::<T>()"));
}

async fn ended(script: Script) -> Result<RunResult<String>, Error> {
    let model = ScriptedModel::new().script(script);
    Agent::builder(model).build().unwrap().run("q").await
}

fn half(reason: &str) -> Script {
    Script::new()
        .event(ModelEvent::Text("Half".into()))
        .event(ModelEvent::Usage(Usage::new(3, 1)))
        .event(ModelEvent::Finished(reason.into()))
}

#[tokio::test]
async fn an_answer_that_was_given_up_or_filtered_is_none() {
    for (reason, kind, retryable) in [
        ("content_filter", ErrorKind::Refused, false),
        ("SAFETY", ErrorKind::Refused, false),
        ("error", ErrorKind::Model, true),
        ("abort", ErrorKind::Model, true),
    ] {
        let error = ended(half(reason)).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{reason}");
        assert_eq!(error.is_retryable(), retryable, "{reason}");
        assert_eq!(error.code(), Some(reason));
        let partial = error.partial().unwrap();
        assert_eq!((&*partial.text, partial.usage), ("Half", Usage::new(3, 1)));
        assert_eq!(partial.finish_reason, Some(reason.into()));
    }
    for reason in ["stop", "length", "eos"] {
        let result = ended(half(reason)).await.unwrap();
        assert_eq!(result.output, "Half");
        assert_eq!(result.finish_reason, Some(reason.into()));
    }
}

#[tokio::test(start_paused = true)]
async fn what_follows_the_end_neither_fails_nor_hangs_the_answer() {
    let late = Error::new(ErrorKind::Model, "late");
    assert_eq!(ended(half("stop").fail(late)).await.unwrap().output, "Half");
    assert_eq!(ended(half("stop").stall()).await.unwrap().output, "Half");
    let before = Script::new()
        .event(ModelEvent::Text("Half".into()))
        .event(ModelEvent::Finished(FinishReason::Stop));
    let open = ended(before.clone().stall()).await.unwrap();
    let mut estimated = Usage::new(8, 1);
    estimated.estimated = true;
    assert_eq!(open.usage, estimated, "nobody said what it used");
    let after = before.event(ModelEvent::Usage(Usage::new(5, 2))).stall();
    assert_eq!(ended(after).await.unwrap().usage, Usage::new(5, 2));
}

#[tokio::test]
async fn a_request_counts_from_the_moment_it_goes_out() {
    let failed = |kind| Script::new().fail(Error::new(kind, "no"));
    for (script, requests) in [
        (failed(ErrorKind::Model), 1),
        (failed(ErrorKind::Timeout), 1),
        (failed(ErrorKind::Config), 0),
        (Script::new(), 1),
        (
            Script::new().event(ModelEvent::Started { request_id: None }),
            1,
        ),
    ] {
        let error = ended(script).await.unwrap_err();
        assert_eq!(error.partial().unwrap().usage.requests, requests, "{error}");
    }
    let counted = Script::new().event(ModelEvent::Usage(Usage::new(7, 1)));
    let error = ended(counted).await.unwrap_err();
    assert_eq!(error.partial().unwrap().usage, Usage::new(7, 1));
}

#[tokio::test]
async fn each_thought_keeps_what_its_provider_wants_back() {
    let data = |n: u8| Json::new(&n).unwrap();
    let model = ScriptedModel::new().script(
        Script::new()
            .event(ModelEvent::Reasoning("One ".into()))
            .event(ModelEvent::Reasoning("thought.".into()))
            .event(ModelEvent::ReasoningData(data(1)))
            .event(ModelEvent::Reasoning("Another.".into()))
            .event(ModelEvent::ReasoningData(data(2)))
            .event(ModelEvent::ReasoningData(data(3)))
            .event(ModelEvent::Text("Yes.".into()))
            .event(ModelEvent::Finished(FinishReason::Stop)),
    );
    let ctx = Context::new();
    let agent = Agent::builder(model).build().unwrap();
    agent.run("q").context(&ctx).await.unwrap();
    let messages = ctx.messages();
    let thoughts: Vec<_> = messages[1]
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::Reasoning(part) => Some((&*part.text, part.provider_data.clone())),
            _ => None,
        })
        .collect();
    let expected = [
        ("One thought.", Some(data(1))),
        ("Another.", Some(data(2))),
        ("", Some(data(3))),
    ];
    assert_eq!(thoughts, expected);
}
