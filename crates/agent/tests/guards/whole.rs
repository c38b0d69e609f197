//! Guards of a whole answer.

use mainstem_agent::{Agent, GuardRefusal, OutputGuard, Verdict, tool_fn};
use mainstem_core::{
    Context, FinishReason, ModelEvent, StepResult, Text,
    test_util::{Script, ScriptedModel},
};

use super::{agent, refused, seen};

fn polite() -> OutputGuard {
    OutputGuard::whole("polite", async |answer: Text| {
        Ok(Verdict::refuse_if(
            answer.contains("fool"),
            "it isn't polite",
        ))
    })
}

#[tokio::test]
async fn nothing_is_shown_before_it_has_passed() {
    let ctx = Context::new();
    let agent = agent(["Hello, ", "fri", "end."])
        .guard_output(polite())
        .build()
        .unwrap();
    let (shown, outcome) = seen(agent.run("Hi").context(&ctx)).await;
    assert_eq!(shown, ["Hello, friend."]);
    assert_eq!(outcome.unwrap(), "Hello, friend.");
    assert_eq!(ctx.messages()[1].text(), "Hello, friend.");
}

#[tokio::test]
async fn what_is_refused_is_neither_shown_nor_kept() {
    let ctx = Context::new();
    let agent = agent(["You ", "fool!"])
        .guard_output(polite())
        .build()
        .unwrap();
    let (shown, outcome) = seen(agent.run("Hi").context(&ctx)).await;
    assert!(shown.is_empty());
    let error = outcome.as_ref().unwrap_err();
    assert_eq!(GuardRefusal::of(error).unwrap().reason(), "it isn't polite");
    assert_eq!(error.partial().unwrap().usage.requests, 1, "it is paid for");
    assert_eq!(
        error.partial().unwrap().finish_reason,
        Some(FinishReason::Stop)
    );
    let message = "guard `polite` refused the output".to_owned();
    assert_eq!(refused(outcome), (message, String::new()));
    assert_eq!(ctx.messages().len(), 1);
}

#[tokio::test]
async fn a_typed_answer_is_seen_once_it_is_valid() {
    let typed = |pieces: [&'static str; 2]| {
        let seen = OutputGuard::whole("seen", |json: Text| -> Verdict {
            serde_json::from_str::<Vec<String>>(&json).unwrap();
            Verdict::refuse_if(json.contains("fool"), "it isn't polite")
        });
        agent(pieces)
            .guard_output(seen)
            .output::<Vec<String>>()
            .build()
            .unwrap()
    };
    let (shown, outcome) = seen(typed(["[\"a", "\"]"]).run("Hi")).await;
    assert_eq!(
        (shown, outcome.unwrap()),
        (vec!["[\"a\"]".to_owned()], vec!["a".to_owned()])
    );
    let (shown, outcome) = seen(typed(["[\"fool", "\"]"]).run("Hi")).await;
    assert!(shown.is_empty());
    refused(outcome);
    // What isn't valid gets to no guard.
    let (_, outcome) = seen(typed(["[\"a\", ", "x"]).run("Hi")).await;
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), mainstem_core::ErrorKind::Output);
    assert_eq!(error.partial().unwrap().text, "");
}

#[tokio::test]
async fn one_that_fails_or_panics_has_refused() {
    let guards = [
        OutputGuard::whole("broken", |_: Text| -> StepResult<Verdict> {
            Err("oh".into())
        }),
        OutputGuard::whole("broken", |_: Text| -> Verdict { panic!("oh") }),
    ];
    for guard in guards {
        let agent = agent(["Hello"]).guard_output(guard).build().unwrap();
        let (shown, outcome) = seen(agent.run("Hi")).await;
        assert!(shown.is_empty());
        let message = "guard `broken` failed, and so the output is refused";
        assert_eq!(refused(outcome), (message.to_owned(), String::new()));
    }
}

#[tokio::test]
async fn a_long_answer_comes_in_pieces_and_both_kinds_go_together() {
    let calm = OutputGuard::streaming("calm", || {
        |piece: &str| Verdict::refuse_if(piece.contains('!'), "it shouts")
    });
    let long = "é".repeat(5000);
    let model = ScriptedModel::new()
        .answer([&*long])
        .answer(["fine", "!", " fool"]);
    let agent = Agent::builder(model)
        .guard_output(polite())
        .guard_output(calm)
        .build()
        .unwrap();
    let (shown, outcome) = seen(agent.run("Hi")).await;
    assert_eq!(outcome.unwrap(), long);
    assert_eq!(shown.len(), 3, "4 KiB each");
    let (shown, outcome) = seen(agent.run("Hi")).await;
    assert!(shown.is_empty());
    assert_eq!(
        refused(outcome).0,
        "guard `calm` refused the output",
        "it was quicker"
    );
}

#[tokio::test]
async fn what_is_said_beside_a_call_is_held_too() {
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    struct Nothing {}
    let script = |text: &str| {
        Script::new()
            .event(ModelEvent::Text(text.into()))
            .event(ModelEvent::ToolCall {
                index: 0,
                id: "1".into(),
                name: "look".into(),
            })
            .event(ModelEvent::ToolArguments {
                index: 0,
                text: "{}".into(),
            })
            .event(ModelEvent::Finished(FinishReason::ToolCalls))
    };
    let look = || tool_fn("look", "", |_: Nothing| "a jay");
    let model = ScriptedModel::new()
        .script(script("Let me see. "))
        .answer(["A jay."]);
    let agent = Agent::builder(model)
        .tool(look())
        .guard_output(polite())
        .build()
        .unwrap();
    let (shown, outcome) = seen(agent.run("Hi")).await;
    assert_eq!(shown, ["Let me see. ", "A jay."]);
    assert_eq!(outcome.unwrap(), "A jay.");
    let model = ScriptedModel::new().script(script("You fool. "));
    let agent = Agent::builder(model.clone())
        .tool(look())
        .guard_output(polite())
        .build()
        .unwrap();
    let (shown, outcome) = seen(agent.run("Hi")).await;
    assert!(shown.is_empty());
    assert_eq!(outcome.unwrap_err().code(), Some("guard_refused"));
    assert_eq!(model.requests().len(), 1);
}
