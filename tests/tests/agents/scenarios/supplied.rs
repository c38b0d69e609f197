//! Agents with context, limits of the history, and guards.

use futures::FutureExt;
use mainstem::{
    Agent, Context, ContextQuery, ErrorKind, ForbiddenText, InputGuard, Message, OlderTurns,
    OutputGuard, StepError, StepResult, Summarizer, Text, Verdict, context_fn, tool_fn,
};
use mainstem_testkit::Reply;
use mainstem_tests::watch::watch;
use serde_json::json;

use super::{
    End::{self, Failed, Output},
    Play, Scenario, ask, ask_for_a_bird, half, row,
};

fn scenario(
    name: &'static str,
    replies: Vec<Reply>,
    play: Play,
    end: End,
    remembered: &'static [&'static str],
) -> Scenario {
    let mut scenario = row(name, Reply::text([""; 0]), end, remembered);
    scenario.replies = replies;
    scenario.play = play;
    scenario
}

fn hello() -> Vec<Reply> {
    vec![Reply::text(["Hel", "lo"])]
}

pub(super) fn rows() -> Vec<Scenario> {
    let mut rows = context();
    rows.extend(histories());
    rows.extend(inputs());
    rows.extend(answers());
    rows
}

fn context() -> Vec<Scenario> {
    vec![
        scenario(
            "context from a function",
            hello(),
            |agent, ctx, how| {
                let notes = context_fn("notes", |query: ContextQuery| {
                    format!("{{{{RESULT}}}} {}", query.history().len())
                });
                ask(agent.context_from(notes), ctx, how)
            },
            Output(json!("Hello")),
            &["user: Hi", "assistant: Hello"],
        ),
        scenario(
            "context that can't be had",
            vec![],
            |agent, ctx, how| {
                let broken =
                    |_: ContextQuery| -> StepResult<String> { Err(StepError::from("no index")) };
                ask(agent.context_from(context_fn("broken", broken)), ctx, how)
            },
            Failed(ErrorKind::Step, ""),
            &["user: Hi"],
        ),
    ]
}

fn talked(ctx: &Context) {
    for number in ["one", "two"] {
        ctx.add_user_message(number);
        ctx.add_message(Message::assistant("Yes."));
    }
}

fn histories() -> Vec<Scenario> {
    let remembered: &[_] = &[
        "user: one",
        "assistant: Yes.",
        "user: two",
        "assistant: Yes.",
        "user: Hi",
        "assistant: Hello",
    ];
    let mut rows = vec![
        scenario(
            "a history within a limit",
            hello(),
            |agent, ctx, how| ask(agent.max_history_messages(3), ctx, how),
            Output(json!("Hello")),
            remembered,
        ),
        scenario(
            "a history that is summarised by a function",
            hello(),
            |agent, ctx, how| {
                let count = |older: OlderTurns| format!("{} messages", older.messages.len());
                let agent = agent.max_history_messages(3);
                ask(
                    agent.summarize_history(Summarizer::function(count)),
                    ctx,
                    how,
                )
            },
            Output(json!("Hello")),
            remembered,
        ),
    ];
    for row in &mut rows {
        row.history = talked;
    }
    rows
}

fn no_keys() -> InputGuard {
    InputGuard::new("no_keys", async |input: Text| {
        Ok(Verdict::refuse_if(input.contains("Hi"), "it greets"))
    })
}

fn inputs() -> Vec<Scenario> {
    vec![
        scenario(
            "an input that a guard refuses",
            vec![],
            |agent, ctx, how| ask(agent.guard_input(no_keys()), ctx, how),
            Failed(ErrorKind::Refused, ""),
            &[],
        ),
        scenario(
            "an input that a guard rewrites",
            hello(),
            |agent, ctx, how| {
                let louder = InputGuard::rewriting("louder", |input: Text| input.to_uppercase());
                ask(agent.guard_input(louder).guard_input(no_keys()), ctx, how)
            },
            Output(json!("Hello")),
            &["user: HI", "assistant: Hello"],
        ),
        scenario(
            "an input that a guard panics at",
            vec![],
            |agent, ctx, how| {
                let panics = InputGuard::new("panics", |_: Text| -> Verdict { panic!("oh") });
                ask(agent.guard_input(panics), ctx, how)
            },
            Failed(ErrorKind::Refused, ""),
            &[],
        ),
    ]
}

fn polite() -> OutputGuard {
    OutputGuard::whole("polite", async |answer: Text| {
        Ok(Verdict::refuse_if(
            answer.contains("fool"),
            "it isn't polite",
        ))
    })
}

fn names() -> ForbiddenText {
    ForbiddenText::new("names", ["jay", "fool"])
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Nothing {}

fn answers() -> Vec<Scenario> {
    let fool = || vec![Reply::text(["You ", "fo", "ol", ", you!"])];
    let partial: &[_] = &["user: Hi", "assistant, partial: You "];
    vec![
        scenario(
            "an answer that a guard stops",
            fool(),
            |agent, ctx, how| ask(agent.guard_output(names()), ctx, how),
            Failed(ErrorKind::Refused, "You "),
            partial,
        ),
        scenario(
            "an answer that a guard lets pass",
            hello(),
            |agent, ctx, how| {
                let held = OutputGuard::streaming("held", || |_: &str| Verdict::Allow).hold_back(4);
                ask(agent.guard_output(names()).guard_output(held), ctx, how)
            },
            Output(json!("Hello")),
            &["user: Hi", "assistant: Hello"],
        ),
        scenario(
            "a whole answer that a guard refuses",
            fool(),
            |agent, ctx, how| ask(agent.guard_output(polite()), ctx, how),
            Failed(ErrorKind::Refused, ""),
            &["user: Hi"],
        ),
        scenario(
            "a whole answer that a guard lets pass",
            hello(),
            |agent, ctx, how| ask(agent.guard_output(polite()), ctx, how),
            Output(json!("Hello")),
            &["user: Hi", "assistant: Hello"],
        ),
        scenario(
            "an answer that breaks off while a guard holds it",
            vec![half()],
            |agent, ctx, how| ask(agent.guard_output(polite()), ctx, how),
            Failed(ErrorKind::Truncated, ""),
            &["user: Hi"],
        ),
        scenario(
            "a typed answer that a guard stops",
            vec![Reply::text([r#"{"name":""#, "ja", r#"y","eggs":5}"#])],
            |agent, ctx, how| ask_for_a_bird(agent.guard_output(names()), ctx, how),
            Failed(ErrorKind::Refused, r#"{"name":""#),
            &["user: Hi", r#"assistant, partial: {"name":""#],
        ),
        scenario(
            "a turn that a guard stops before its call",
            vec![
                Reply::stream()
                    .content("You fool, ")
                    .tool_start(0, "a", "look")
                    .tool_arguments(0, "{}")
                    .finish("tool_calls"),
            ],
            |agent, ctx, how| {
                let look = tool_fn("look", "", |_: Nothing| "a wren");
                let agent: Agent = agent.tool(look).guard_output(polite()).build().unwrap();
                async move { watch(agent.run("Hi").context(&ctx), how).await }.boxed()
            },
            Failed(ErrorKind::Refused, ""),
            &["user: Hi"],
        ),
    ]
}
