//! Agents with tools.

use futures::FutureExt;
use mainstem::{
    AgentBuilder, ErrorKind, OutputMode, Progress, RunContext, StepError, StepResult, TextDelta,
    ToolExt, WhenToolFails, step_tool, tool_fn,
};
use mainstem_testkit::Reply;
use mainstem_tests::watch::watch;
use serde_json::json;

use super::{
    End::{Failed, Output},
    Play, Scenario, ask, row,
};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct City {
    city: String,
}

async fn weather(ctx: RunContext, City { city }: City) -> StepResult<String> {
    ctx.emit(TextDelta::new("looking out of the window")).await;
    ctx.emit(Progress::new("looking", 1)).await;
    match &*city {
        "Atlantis" => Err(StepError::from("that is under water")),
        city => Ok(format!("It rains in {city}.")),
    }
}

fn equipped(agent: AgentBuilder) -> AgentBuilder {
    agent.tool(tool_fn("weather", "The weather of a city.", weather))
}

fn call(reply: Reply, index: u32, city: &str) -> Reply {
    let arguments = json!({"city": city}).to_string();
    let (first, second) = arguments.split_at(6);
    reply
        .tool_start(index, format!("call_{index}"), "weather")
        .tool_arguments(index, first)
        .tool_arguments(index, second)
}

fn one_call() -> Reply {
    call(Reply::stream().content("Let me see. "), 0, "Bern")
        .finish("tool_calls")
        .usage(3, 2)
        .done()
}

fn two_calls() -> Reply {
    let reply = call(Reply::stream(), 0, "Atlantis");
    call(reply, 1, "Bern")
        .finish("tool_calls")
        .usage(3, 2)
        .done()
}

fn tools(
    name: &'static str,
    replies: Vec<Reply>,
    play: Play,
    end: super::End,
    remembered: &'static [&'static str],
) -> Scenario {
    let mut scenario = row(name, Reply::text([""; 0]), end, remembered);
    scenario.replies = replies;
    scenario.play = play;
    scenario
}

pub(super) fn rows() -> Vec<Scenario> {
    let with_tools: Play = |agent, ctx, how| ask(equipped(agent), ctx, how);
    let mut rows = vec![
        tools(
            "a call of a tool, after some text",
            vec![one_call(), Reply::text(["Rain", "."])],
            with_tools,
            Output(json!("Rain.")),
            &[
                "user: Hi",
                r#"assistant: Let me see.  | weather({"city":"Bern"})"#,
                "tool: -> It rains in Bern.",
                "assistant: Rain.",
            ],
        ),
        tools(
            "two calls at once, one fails, and both stream",
            vec![two_calls(), Reply::text(["Wet", "."])],
            with_tools,
            Output(json!("Wet.")),
            &[
                "user: Hi",
                r#"assistant: weather({"city":"Atlantis"}) | weather({"city":"Bern"})"#,
                "tool: !> The call failed: that is under water | -> It rains in Bern.",
                "assistant: Wet.",
            ],
        ),
        tools(
            "a call that ends the run",
            vec![two_calls()],
            |agent, ctx, how| {
                let weather = tool_fn("weather", "", weather).when_it_fails(WhenToolFails::EndRun);
                ask(agent.tool(weather), ctx, how)
            },
            Failed(ErrorKind::Tool, ""),
            &[
                "user: Hi",
                r#"assistant: weather({"city":"Atlantis"}) | weather({"city":"Bern"})"#,
                // The other one had ended, and is remembered, though nobody was told of it any more.
                "tool: !> The call failed: tool `weather` failed | -> It rains in Bern.",
            ],
        ),
        tools(
            "a tool that isn't there",
            vec![
                Reply::tool_call("a", "divine", &json!({})),
                Reply::text(["Hm."]),
            ],
            with_tools,
            Output(json!("Hm.")),
            &[
                "user: Hi",
                "assistant: divine({})",
                "tool: !> The call wasn't made: there is no tool `divine`; there are: weather",
                "assistant: Hm.",
            ],
        ),
        tools(
            "turns that are used up",
            vec![two_calls(), two_calls()],
            |agent, ctx, how| ask(equipped(agent).max_turns(2), ctx, how),
            Failed(ErrorKind::Limit, ""),
            &[
                "user: Hi",
                r#"assistant: weather({"city":"Atlantis"}) | weather({"city":"Bern"})"#,
                "tool: !> The call failed: that is under water | -> It rains in Bern.",
                r#"assistant: weather({"city":"Atlantis"}) | weather({"city":"Bern"})"#,
                "tool: !> The call wasn't made. | !> The call wasn't made.",
            ],
        ),
    ];
    rows.extend(ends());
    rows.extend(steps());
    rows.extend(outputs());
    rows
}

/// Turns that end in other ways.
fn ends() -> Vec<Scenario> {
    let with_tools: Play = |agent, ctx, how| ask(equipped(agent), ctx, how);
    let half = || call(Reply::stream().content("Let me see."), 0, "Bern");
    let partial: &[_] = &["user: Hi", "assistant, partial: Let me see."];
    vec![
        tools(
            "calls in an answer that breaks off",
            vec![half()],
            with_tools,
            Failed(ErrorKind::Truncated, "Let me see."),
            partial,
        ),
        tools(
            "calls that are cut by length",
            vec![half().finish("length").done()],
            with_tools,
            Failed(ErrorKind::Limit, "Let me see."),
            partial,
        ),
        tools(
            "the end of calls, and no call",
            vec![Reply::stream().content("Hello").finish("tool_calls").done()],
            with_tools,
            Output(json!("Hello")),
            &["user: Hi", "assistant: Hello"],
        ),
        tools(
            "the end of calls, and nothing at all",
            vec![Reply::stream().finish("tool_calls").done()],
            with_tools,
            Failed(ErrorKind::Output, ""),
            &["user: Hi"],
        ),
    ]
}

/// Outputs that come as a call of a tool, beside other tools.
fn outputs() -> Vec<Scenario> {
    let play: Play = |agent, ctx, how| {
        let agent = equipped(agent).output::<Vec<String>>();
        let agent = agent.output_mode(OutputMode::ForcedTool).build().unwrap();
        async move { watch(agent.run("Hi").context(&ctx), how).await }.boxed()
    };
    let output = |reply: Reply| {
        reply
            .tool_start(0, "o", "output")
            .tool_arguments(0, r#"{"value":["ra"#)
            .tool_arguments(0, r#"in"]}"#)
    };
    let asked: [&'static str; 3] = [
        "user: Hi",
        r#"assistant: Let me see.  | weather({"city":"Bern"})"#,
        "tool: -> It rains in Bern.",
    ];
    let remembered = |last| Box::leak(Box::new([asked[0], asked[1], asked[2], last]));
    vec![
        tools(
            "an output by a tool, after a call of another one",
            vec![
                one_call(),
                output(Reply::stream().content("So: "))
                    .finish("tool_calls")
                    .usage(3, 2)
                    .done(),
            ],
            play,
            Output(json!(["rain"])),
            remembered(r#"assistant: So: ["rain"]"#),
        ),
        tools(
            "an output by a tool that breaks off",
            vec![one_call(), output(Reply::stream())],
            play,
            Failed(ErrorKind::Truncated, r#"["rain"]"#),
            remembered(r#"assistant, partial: ["rain"]"#),
        ),
        tools(
            "no output, where only a tool could give it",
            vec![Reply::text(["It rains."])],
            play,
            Failed(ErrorKind::Output, "It rains."),
            &["user: Hi", "assistant, partial: It rains."],
        ),
    ]
}

/// Other steps as tools; agents are among the flows.
fn steps() -> Vec<Scenario> {
    let input = |text| json!({"input": text});
    vec![tools(
        "a flow as a tool",
        vec![
            Reply::tool_call("a", "count", &input("one two")),
            Reply::text(["Two."]),
        ],
        |agent, ctx, how| {
            let words = |text: String| text.split(' ').count();
            let count = mainstem::Flow::new("counter").step("count", words);
            let agent = agent
                .tool(step_tool::<String, _>("count", "", count))
                .build()
                .unwrap();
            async move { watch(agent.run("Hi").context(&ctx), how).await }.boxed()
        },
        Output(json!("Two.")),
        &[
            "user: Hi",
            r#"assistant: count({"input":"one two"})"#,
            "tool: -> 2",
            "assistant: Two.",
        ],
    )]
}
