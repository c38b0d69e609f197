//! The table of what may happen to a run of an agent.

mod histories;
mod limits;
mod made;
mod supplied;
mod tools;

use futures::{FutureExt, future::BoxFuture};
use mainstem::{Agent, AgentBuilder, Context, ErrorKind, OutputMode};
use mainstem_testkit::Reply;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use mainstem_tests::watch::{How, Seen, watch};

/// One row.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) replies: Vec<Reply>,
    pub(crate) history: fn(&Context),
    pub(crate) play: Play,
    pub(crate) end: End,
    /// What the context holds then, in words.
    pub(crate) remembered: &'static [&'static str],
}

pub(crate) type Play = fn(AgentBuilder, Context, How) -> BoxFuture<'static, Seen>;

/// How a run ends.
pub(crate) enum End {
    Output(Value),
    /// By an error of this kind, with this partial text.
    Failed(ErrorKind, &'static str),
    /// The same, but by a limit of the run's own, outside of the agent's step.
    CutOff(ErrorKind, &'static str),
}

use End::{Failed, Output};

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Bird {
    name: String,
    eggs: u8,
}

fn ask(agent: AgentBuilder, ctx: Context, how: How) -> BoxFuture<'static, Seen> {
    ask_for(agent, "Hi", ctx, how)
}

fn ask_for(
    agent: AgentBuilder,
    input: &'static str,
    ctx: Context,
    how: How,
) -> BoxFuture<'static, Seen> {
    let agent: Agent = agent.build().unwrap();
    async move { watch(agent.run(input).context(&ctx), how).await }.boxed()
}

fn ask_for_a_bird(agent: AgentBuilder, ctx: Context, how: How) -> BoxFuture<'static, Seen> {
    let agent = agent
        .output::<Bird>()
        .output_mode(OutputMode::Schema)
        .build()
        .unwrap();
    async move { watch(agent.run("Hi").context(&ctx), how).await }.boxed()
}

fn row(
    name: &'static str,
    reply: Reply,
    end: End,
    remembered: &'static [&'static str],
) -> Scenario {
    Scenario {
        name,
        replies: vec![reply],
        history: |_| {},
        play: ask,
        end,
        remembered,
    }
}

fn half() -> Reply {
    Reply::stream().role().content("Ha").content("lf")
}

pub(crate) fn all() -> Vec<Scenario> {
    [
        answers(),
        typed(),
        cuts(),
        failures(),
        inputs(),
        limits::rows(),
        histories::rows(),
        tools::rows(),
        supplied::rows(),
        made::rows(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn answers() -> Vec<Scenario> {
    let thoughts = Reply::stream()
        .role()
        .reasoning("H")
        .reasoning("m.")
        .content("Hello")
        .finish("stop")
        .usage(3, 2);
    let refusal = Reply::stream()
        .role()
        .refusal("I can't ")
        .refusal("do that.")
        .finish("stop")
        .usage(3, 2)
        .done();
    let tool = Reply::tool_call("a", "weather", &json!({"at": "Bern"}));
    let broken_tool = Reply::stream()
        .tool_start(0, "a", "weather")
        .tool_arguments(0, "{")
        .finish("tool_calls");
    vec![
        row(
            "plain text",
            Reply::text(["Hel", "lo"]),
            Output(json!("Hello")),
            &["user: Hi", "assistant: Hello"],
        ),
        row(
            "thoughts and text",
            thoughts,
            Output(json!("Hello")),
            &["user: Hi", "assistant: (Hm.) | Hello"],
        ),
        row(
            "an unknown finish reason",
            half().finish("eos").done(),
            Output(json!("Half")),
            &["user: Hi", "assistant: Half"],
        ),
        row(
            "cut by length",
            half().finish("length").done(),
            Output(json!("Half")),
            &["user: Hi", "assistant: Half"],
        ),
        row(
            "a filter after some text",
            half().finish("content_filter"),
            Failed(ErrorKind::Refused, "Half"),
            &["user: Hi", "assistant, partial: Half"],
        ),
        row(
            "given up after some text",
            half().finish("abort"),
            Failed(ErrorKind::Model, "Half"),
            &["user: Hi", "assistant, partial: Half"],
        ),
        row(
            "a refusal",
            refusal,
            Failed(ErrorKind::Refused, ""),
            &["user: Hi", "assistant, partial: [I can't do that.]"],
        ),
        row(
            "empty output",
            Reply::text([""; 0]),
            Failed(ErrorKind::Output, ""),
            &["user: Hi"],
        ),
        row(
            "nothing but thoughts",
            Reply::stream().reasoning("Hm.").finish("stop"),
            Failed(ErrorKind::Output, ""),
            &["user: Hi", "assistant, partial: (Hm.)"],
        ),
        row(
            "a filter before any text",
            Reply::stream().finish("content_filter"),
            Failed(ErrorKind::Refused, ""),
            &["user: Hi"],
        ),
        row(
            "the limit before any text",
            Reply::stream().finish("length"),
            Failed(ErrorKind::Limit, ""),
            &["user: Hi"],
        ),
        row(
            "a tool call without tools",
            tool,
            Failed(ErrorKind::Tool, ""),
            &["user: Hi"],
        ),
        row(
            "a tool call without JSON",
            broken_tool,
            Failed(ErrorKind::Tool, ""),
            &["user: Hi"],
        ),
    ]
}

fn typed() -> Vec<Scenario> {
    const JAY: &str = r#"{"name":"jay","eggs":5}"#;
    const WRONG: &str = r#"{"name":"jay","eggs":-5}"#;
    const CUT: &str = r#"{"name":"ja"#;
    let wrong = || Failed(ErrorKind::Output, WRONG);
    let cut = |kind| Failed(kind, CUT);
    let partial: &[_] = &["user: Hi", r#"assistant, partial: {"name":"ja"#];
    let mut rows = vec![
        row(
            "a typed output",
            Reply::text([JAY]).chunk_size(5),
            Output(json!({"name": "jay", "eggs": 5})),
            &["user: Hi", r#"assistant: {"name":"jay","eggs":5}"#],
        ),
        row(
            "a typed output of another type",
            Reply::text([WRONG]),
            wrong(),
            &[
                "user: Hi",
                r#"assistant, partial: {"name":"jay","eggs":-5}"#,
            ],
        ),
        row(
            "a typed output that isn't JSON",
            Reply::text([CUT]),
            cut(ErrorKind::Output),
            partial,
        ),
        row(
            "a typed output cut by length",
            Reply::stream().content(CUT).finish("length"),
            cut(ErrorKind::Limit),
            partial,
        ),
        row(
            "a typed output cut by a filter",
            Reply::stream().content(CUT).finish("content_filter"),
            cut(ErrorKind::Refused),
            partial,
        ),
        row(
            "a typed output that breaks off",
            Reply::stream().content(CUT),
            cut(ErrorKind::Truncated),
            partial,
        ),
    ];
    for row in &mut rows {
        row.play = ask_for_a_bird;
    }
    rows
}

fn cuts() -> Vec<Scenario> {
    let partial: &[_] = &["user: Hi", "assistant, partial: Half"];
    let cut = || Failed(ErrorKind::Truncated, "Half");
    vec![
        row("a body that just ends", half(), cut(), partial),
        row(
            "[DONE] without a finish reason",
            half().done(),
            cut(),
            partial,
        ),
        row("a hard cut", half().cut(), cut(), partial),
        row(
            "an error in mid-stream",
            half().error("overloaded"),
            Failed(ErrorKind::Model, "Half"),
            partial,
        ),
        row(
            "a frame that isn't JSON",
            half().data("{"),
            Failed(ErrorKind::Model, "Half"),
            partial,
        ),
        row(
            "an empty body",
            Reply::stream(),
            Failed(ErrorKind::Truncated, ""),
            &["user: Hi"],
        ),
    ]
}

fn failures() -> Vec<Scenario> {
    let failed = || Failed(ErrorKind::Model, "");
    let asked: &[_] = &["user: Hi"];
    vec![
        row(
            "status 401",
            Reply::error_status(401, "no such key"),
            failed(),
            asked,
        ),
        row(
            "status 429",
            Reply::error_status(429, "slow down").header("retry-after", "2"),
            failed(),
            asked,
        ),
        row(
            "status 500",
            Reply::error_status(500, "oh"),
            failed(),
            asked,
        ),
        row("a hang-up", Reply::hang_up(), failed(), asked),
        row(
            "a whole completion",
            Reply::status(200).json(
                &json!({"choices": [{"message": {"content": "Half"}, "finish_reason": "stop"}]}),
            ),
            Output(json!("Half")),
            &["user: Hi", "assistant: Half"],
        ),
    ]
}

fn inputs() -> Vec<Scenario> {
    let none = |name, play: Play| Scenario {
        name,
        replies: vec![],
        history: |_| {},
        play,
        end: Failed(ErrorKind::Input, ""),
        remembered: &[],
    };
    let mut allowed = row(
        "an empty input that is allowed",
        Reply::text(["Hello"]),
        Output(json!("Hello")),
        &["user: ", "assistant: Hello"],
    );
    allowed.play = |agent, ctx, how| ask_for(agent.allow_empty_input(), "", ctx, how);
    vec![
        none("an empty input", |agent, ctx, how| {
            ask_for(agent, "", ctx, how)
        }),
        none("a blank input", |agent, ctx, how| {
            ask_for(agent, " \n\t", ctx, how)
        }),
        none("an input that is too long", |agent, ctx, how| {
            ask_for(agent.max_input_bytes(4), "Hello", ctx, how)
        }),
        allowed,
    ]
}
