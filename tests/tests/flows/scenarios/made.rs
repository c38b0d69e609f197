//! Routers, orchestrations, judged agents and interviews as steps of flows.

use futures::FutureExt;
use mainstem::{Draft, ErrorKind, Evaluation, Flow, Judge, Orchestration, OutputMode, by, by_step};
use mainstem_testkit::Reply;
use mainstem_tests::watch::watch;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Agents, Bird, End, Scenario, echo};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Desk {
    Expert,
    Nobody,
}

type Note = Orchestration<String, Desk>;

pub(super) fn rows() -> Vec<Scenario> {
    let mut rows = routers();
    rows.extend(others());
    rows
}

fn to_the_expert(asked: &str) -> Reply {
    match asked {
        "Where: jays" => Reply::text([r#"{"to":"expert"}"#]).chunk_size(4),
        _ => echo(asked),
    }
}

fn to_nowhere(_: &str) -> Reply {
    Reply::text([r#"{"to":"nowhere"}"#])
}

fn desk(agents: &Agents) -> Flow<String> {
    let router = agents.builder("router").route::<Desk>().build().unwrap();
    let where_to = router.prompt(|text: &String| format!("Where: {text}"));
    let desk = by_step(where_to)
        .arm(Desk::Expert, agents.agent("expert"))
        .otherwise(|text: String| text);
    Flow::new("flow").branch("desk", desk)
}

fn routers() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "a branch by a router",
            replies: to_the_expert,
            play: |agents, ctx, how| {
                let flow = desk(&agents);
                async move { watch(flow.run("jays").context(&ctx), how).await }.boxed()
            },
            requests: 2,
            end: End::Output(json!("<jays>")),
            remembered: &["user: jays", "assistant: <jays>"],
        },
        Scenario {
            name: "a branch by a router that finds no place",
            replies: to_nowhere,
            play: |agents, ctx, how| {
                let flow = desk(&agents);
                async move { watch(flow.run("jays").context(&ctx), how).await }.boxed()
            },
            requests: 1,
            end: End::Failed(ErrorKind::Output, "flow/desk/router/agent", ""),
            remembered: &["user: jays"],
        },
    ]
}

/// Says what should be next, and whoever is next echoes.
fn says_what_is_next(asked: &str) -> Reply {
    let done =
        json!({"status": "completed", "result": "a note", "reasoning": "", "next_hint": "expert"});
    match asked {
        "jays" => Reply::text([done.to_string()]).chunk_size(9),
        _ => echo(asked),
    }
}

fn knows_all(_: &str) -> Reply {
    Reply::text([r#"{"name":"jay","eggs":5}"#]).chunk_size(4)
}

fn others() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "a branch by what an orchestration says is next",
            replies: says_what_is_next,
            play: |agents, ctx, how| {
                let writer = agents.builder("writer").output::<Note>();
                let writer = writer.output_mode(OutputMode::Schema).build().unwrap();
                let expert = agents.agent("expert");
                let expert = expert.prompt(|note: &Note| note.result.clone().unwrap());
                let next = by(|note: &Note| note.next_hint)
                    .arm(Some(Desk::Expert), expert)
                    .otherwise(|note: Note| note.reasoning);
                let flow = Flow::new("flow").step("write", writer).branch("next", next);
                async move { watch(flow.run("jays").context(&ctx), how).await }.boxed()
            },
            requests: 2,
            end: End::Output(json!("<a note>")),
            remembered: &["user: jays", "assistant: <a note>"],
        },
        Scenario {
            name: "a judged agent before a function",
            replies: echo,
            play: |agents, ctx, how| {
                let judge = Judge::function("judge", async |draft: Draft| {
                    let is_better = draft.output.contains("better");
                    Ok(Evaluation::new(if is_better { 90.0 } else { 10.0 }))
                });
                let writer = agents.agent("writer").evaluated_by(judge);
                let writer = writer.ask_again(|retake| format!("better {}", retake.output));
                let flow = Flow::new("flow")
                    .step("write", writer)
                    .step("length", |text: String| text.len());
                async move { watch(flow.run("jays").context(&ctx), how).await }.boxed()
            },
            requests: 2,
            end: End::Output(json!(15)),
            remembered: &["user: jays", "assistant: 15"],
        },
        Scenario {
            name: "an interview before a function",
            replies: knows_all,
            play: |agents, ctx, how| {
                let interview = agents.builder("booking").interview::<Bird>().build();
                let flow = Flow::new("flow")
                    .step("ask", interview.unwrap())
                    .step("eggs", |bird: Bird| bird.eggs);
                async move { watch(flow.run("jays").context(&ctx), how).await }.boxed()
            },
            requests: 1,
            end: End::Output(json!(5)),
            remembered: &["user: jays", "assistant: 5"],
        },
    ]
}
