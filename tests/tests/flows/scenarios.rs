//! The table of what may happen to a run of a flow.

mod made;

use std::sync::Arc;

use futures::{FutureExt, future::BoxFuture};
use mainstem::{
    Agent, AgentBuilder, Context, ErrorKind, Flow, Notice, OutputMode, RunContext, StepError,
    StepResult, TextDelta, at_most, named, tool_fn,
};
use mainstem_testkit::{Reply, ScriptedServer};
use mainstem_tests::{
    Api,
    watch::{How, Seen, watch},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// One row. The server answers by what it is asked, so that branches may come in any order.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) replies: fn(&str) -> Reply,
    pub(crate) play: fn(Agents, Context, How) -> BoxFuture<'static, Seen>,
    pub(crate) requests: usize,
    pub(crate) end: End,
    /// What the context holds then, in words.
    pub(crate) remembered: &'static [&'static str],
}

/// How a run ends.
pub(crate) enum End {
    Output(Value),
    /// By an error of this kind, in this step, with this partial text.
    Failed(ErrorKind, &'static str, &'static str),
}

/// Makes agents on the scenario's server.
pub(crate) struct Agents(pub(crate) Arc<ScriptedServer>, pub(crate) Api);

impl Agents {
    fn agent(&self, name: &'static str) -> Agent {
        Agent::builder(self.1.model(&self.0))
            .name(name)
            .build()
            .unwrap()
    }

    pub(crate) fn builder(&self, name: &'static str) -> AgentBuilder {
        Agent::builder(self.1.model(&self.0)).name(name)
    }

    fn birds(&self) -> Agent<Bird> {
        let agent = Agent::builder(self.1.model(&self.0)).name("ornithologist");
        let agent = agent.output::<Bird>().output_mode(OutputMode::Schema);
        agent.build().unwrap()
    }
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
struct Bird {
    name: String,
    eggs: u8,
}

async fn speak(ctx: RunContext, text: String) -> StepResult<String> {
    ctx.emit(Notice::new("speaks", "it speaks")).await;
    ctx.emit(TextDelta::new("So: ")).await;
    Ok(text)
}

/// Answers with what it was asked, in pieces of three bytes.
fn echo(asked: &str) -> Reply {
    Reply::text([format!("<{asked}>")]).chunk_size(3)
}

/// Fails for the sceptic, echoes for everybody else.
fn sceptic_fails(asked: &str) -> Reply {
    match asked {
        "doubt" => Reply::error_status(500, "no doubt"),
        _ => echo(asked),
    }
}

fn breaks_off(_: &str) -> Reply {
    Reply::stream().content("ha").content("lf")
}

fn bird(_: &str) -> Reply {
    Reply::text([r#"{"name":"jay","eggs":5}"#]).chunk_size(4)
}

pub(crate) fn all() -> Vec<Scenario> {
    let mut rows = sequences();
    rows.extend(tools());
    rows.extend(made::rows());
    rows.extend(branches());
    rows.extend(failures());
    rows.extend(crate::supplied::rows());
    rows
}

fn sequences() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "functions alone",
            replies: echo,
            play: |_, ctx, how| {
                let flow = Flow::new("flow")
                    .step("upper", |text: String| text.to_uppercase())
                    .step("speak", speak)
                    .step("length", |text: String| text.len());
                async move { watch(flow.run("jays").context(&ctx), how).await }.boxed()
            },
            requests: 0,
            end: End::Output(json!(4)),
            remembered: &["user: jays", "assistant: 4"],
        },
        Scenario {
            name: "agents in a row",
            replies: echo,
            play: |agents, ctx, how| {
                let flow = Flow::new("flow")
                    .step("draft", agents.agent("drafter"))
                    .step("speak", speak)
                    .step("edit", agents.agent("editor"));
                async move { watch(flow.run("jays").context(&ctx), how).await }.boxed()
            },
            requests: 2,
            end: End::Output(json!("<<jays>>")),
            remembered: &["user: jays", "assistant: <<jays>>"],
        },
        Scenario {
            name: "a typed agent before a function",
            replies: bird,
            play: |agents, ctx, how| {
                let flow = Flow::new("flow")
                    .step("extract", agents.birds())
                    .step("eggs", |bird: Bird| bird.eggs);
                async move { watch(flow.run("jays").context(&ctx), how).await }.boxed()
            },
            requests: 1,
            end: End::Output(json!(5)),
            remembered: &["user: jays", "assistant: 5"],
        },
        Scenario {
            name: "a flow in a flow",
            replies: echo,
            play: |agents, ctx, how| {
                let inner = Flow::new("inner")
                    .step("write", agents.agent("writer"))
                    .step("speak", speak);
                let flow = Flow::new("flow")
                    .step("inner", inner)
                    .step("length", |text: String| text.len());
                async move { watch(flow.run("jays").context(&ctx), how).await }.boxed()
            },
            requests: 1,
            end: End::Output(json!(6)),
            remembered: &["user: jays", "assistant: 6"],
        },
    ]
}

#[derive(Deserialize, JsonSchema)]
struct Add {
    a: i64,
    b: i64,
}

/// Asks the expert, which adds; then says what it heard.
fn called(asked: &str) -> Reply {
    match asked {
        "jays" => Reply::tool_call("a", "ask", &json!({"input": "3 + 4?"})),
        "3 + 4?" => Reply::tool_call("b", "add", &json!({"a": 3, "b": 4})),
        heard => Reply::text([format!("<{heard}>")]),
    }
}

fn tools() -> Vec<Scenario> {
    vec![Scenario {
        name: "an agent that is the tool of another one, before a function",
        replies: called,
        play: |agents, ctx, how| {
            let add = tool_fn("add", "Adds.", |Add { a, b }: Add| a + b);
            let expert = agents.builder("expert").tool(add).build().unwrap();
            let boss = agents
                .builder("boss")
                .tool(expert.as_tool("ask", "Adds."))
                .build()
                .unwrap();
            let flow = Flow::new("flow")
                .step("answer", boss)
                .step("length", |text: String| text.len());
            async move { watch(flow.run("jays").context(&ctx), how).await }.boxed()
        },
        requests: 4,
        end: End::Output(json!(5)),
        remembered: &["user: jays", "assistant: 5"],
    }]
}

fn views(agents: &Agents) -> (impl Fn(&'static str) -> Agent, [&'static str; 2]) {
    let server = Agents(Arc::clone(&agents.0), agents.1);
    (move |name| server.agent(name), ["expert", "sceptic"])
}

fn branches() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "agents and functions in parallel",
            replies: echo,
            play: |agents, ctx, how| {
                let (agent, [expert, sceptic]) = views(&agents);
                let flow = Flow::new("flow").parallel(
                    "views",
                    (
                        agent(expert),
                        agent(sceptic).prompt(|_: &String| "doubt"),
                        named("speak", speak),
                    ),
                );
                async move { watch(flow.run("jays").context(&ctx), how).await }.boxed()
            },
            requests: 2,
            end: End::Output(json!(["<jays>", "<doubt>", "jays"])),
            remembered: &["user: jays", r#"assistant: ["<jays>","<doubt>","jays"]"#],
        },
        Scenario {
            name: "branches one at a time, joined",
            replies: echo,
            play: |agents, ctx, how| {
                let (agent, [expert, sceptic]) = views(&agents);
                let flow = Flow::new("flow")
                    .parallel("views", at_most(1, (agent(expert), agent(sceptic))))
                    .step("join", async |(a, b): (String, String)| Ok(a + &b));
                async move { watch(flow.run("jays").context(&ctx), how).await }.boxed()
            },
            requests: 2,
            end: End::Output(json!("<jays><jays>")),
            remembered: &["user: jays", "assistant: <jays><jays>"],
        },
    ]
}

fn failures() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "a model that breaks off in the last step",
            replies: breaks_off,
            play: |agents, ctx, how| {
                let flow = Flow::new("flow")
                    .step("speak", speak)
                    .step("write", agents.agent("writer"));
                async move { watch(flow.run("jays").context(&ctx), how).await }.boxed()
            },
            requests: 1,
            end: End::Failed(ErrorKind::Truncated, "flow/write", "half"),
            remembered: &["user: jays", "assistant, partial: half"],
        },
        Scenario {
            name: "a function that fails after an agent",
            replies: echo,
            play: |agents, ctx, how| {
                let flow = Flow::new("flow")
                    .step("write", agents.agent("writer"))
                    .step("parse", async |text: String| {
                        text.parse::<u8>().map_err(StepError::terminal)
                    });
                async move { watch(flow.run("jays").context(&ctx), how).await }.boxed()
            },
            requests: 1,
            end: End::Failed(ErrorKind::Step, "flow/parse", ""),
            remembered: &["user: jays"],
        },
        Scenario {
            name: "a branch that fails after another has finished",
            replies: sceptic_fails,
            play: |agents, ctx, how| {
                let (agent, [expert, sceptic]) = views(&agents);
                let branches = (agent(expert), agent(sceptic).prompt(|_: &String| "doubt"));
                let flow = Flow::new("flow").parallel("views", at_most(1, branches));
                async move { watch(flow.run("jays").context(&ctx), how).await }.boxed()
            },
            requests: 2,
            end: End::Failed(ErrorKind::Model, "flow/views[1]/sceptic", ""),
            remembered: &["user: jays"],
        },
        Scenario {
            name: "an agent with nothing to say to",
            replies: echo,
            play: |agents, ctx, how| {
                let flow = Flow::new("flow")
                    .step("empty", |_: String| String::new())
                    .step("write", agents.agent("writer"));
                async move { watch(flow.run("jays").context(&ctx), how).await }.boxed()
            },
            requests: 0,
            end: End::Failed(ErrorKind::Input, "flow/write", ""),
            remembered: &["user: jays"],
        },
    ]
}
