//! Flows of agents with context and guards.

use futures::FutureExt;
use mainstem::{
    ContextQuery, ErrorKind, Flow, ForbiddenText, InputGuard, MaxLength, Text, Verdict, context_fn,
};
use mainstem_testkit::Reply;
use mainstem_tests::watch::watch;
use serde_json::json;

use crate::scenarios::{End, Scenario};

fn echo(asked: &str) -> Reply {
    Reply::text([format!("<{asked}>")]).chunk_size(3)
}

pub(crate) fn rows() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "an agent with context and guards, after another one",
            // The context stands in the same message, before the input.
            replies: |asked| match asked.ends_with("</context>\n\n<jays>") {
                true => Reply::text(["with ", "context"]),
                false => echo(asked),
            },
            play: |agents, ctx, how| {
                let editor = agents
                    .builder("editor")
                    .context_from(context_fn("notes", |query: ContextQuery| {
                        format!("{} of {}", query.input, query.agent)
                    }));
                let editor = editor
                    .guard_input(MaxLength::chars(6))
                    .guard_output(MaxLength::chars(12));
                let flow = Flow::new("flow")
                    .step("draft", agents.builder("drafter").build().unwrap())
                    .step("edit", editor.build().unwrap());
                async move { watch(flow.run("jays").context(&ctx), how).await }.boxed()
            },
            requests: 2,
            end: End::Output(json!("with context")),
            remembered: &["user: jays", "assistant: with context"],
        },
        Scenario {
            name: "an input of an agent in a flow that is refused",
            replies: echo,
            play: |agents, ctx, how| {
                let no_angles = InputGuard::new("no_angles", |input: Text| {
                    Verdict::refuse_if(input.contains('<'), "it has angles")
                });
                let editor = agents.builder("editor").guard_input(no_angles);
                let flow = Flow::new("flow")
                    .step("draft", agents.builder("drafter").build().unwrap())
                    .step("edit", editor.build().unwrap());
                async move { watch(flow.run("jays").context(&ctx), how).await }.boxed()
            },
            requests: 1,
            end: End::Failed(ErrorKind::Refused, "flow/edit", ""),
            remembered: &["user: jays"],
        },
        Scenario {
            name: "an answer in a flow that a guard stops",
            replies: |_| Reply::text(["a jay, ", "a wr", "en"]),
            play: |agents, ctx, how| {
                let names = ForbiddenText::new("names", ["wren"]);
                let drafter = agents
                    .builder("drafter")
                    .guard_output(names)
                    .build()
                    .unwrap();
                let flow = Flow::new("flow").step("draft", drafter);
                async move { watch(flow.run("birds").context(&ctx), how).await }.boxed()
            },
            requests: 1,
            end: End::Failed(ErrorKind::Refused, "flow/draft", "a jay, a "),
            remembered: &["user: birds", "assistant, partial: a jay, a "],
        },
    ]
}
