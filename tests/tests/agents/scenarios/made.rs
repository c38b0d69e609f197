//! What is made of an agent: routers, orchestrations, judged agents, interviews; and templates.

use futures::FutureExt;
use mainstem::{Draft, ErrorKind, Evaluation, Judge, StepError, Template};
use mainstem_testkit::Reply;
use mainstem_tests::watch::watch;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    End::{self, Failed, Output},
    Play, Scenario, row,
};

fn made(
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

pub(super) fn rows() -> Vec<Scenario> {
    let mut rows = routers();
    rows.extend(orchestrations());
    rows.extend(judged());
    rows.extend(interviews());
    rows.extend(templates());
    rows
}

fn to(place: &str) -> Reply {
    Reply::text([json!({"reason": "Why not?", "to": place}).to_string()]).chunk_size(7)
}

fn routers() -> Vec<Scenario> {
    let play: Play = |agent, ctx, how| {
        let places = [("here", "what is near"), ("there", "what is far")];
        let router = agent.output_attempts(2).routes(places).reasoned().build();
        async move { watch(router.unwrap().run("Hi").context(&ctx), how).await }.boxed()
    };
    vec![
        made(
            "a router",
            vec![to("here")],
            play,
            Output(json!("here")),
            &[],
        ),
        made(
            "a router that is asked again",
            vec![to("nowhere"), to("there")],
            play,
            Output(json!("there")),
            &[],
        ),
        made(
            "a router that finds no place",
            vec![to("nowhere"), to("everywhere")],
            play,
            Failed(ErrorKind::Output, ""),
            &[],
        ),
        made(
            "a router that breaks off",
            vec![Reply::stream().content(r#"{"reason": "Wh"#)],
            play,
            Failed(ErrorKind::Truncated, ""),
            &[],
        ),
    ]
}

fn orchestrations() -> Vec<Scenario> {
    let play: Play = |agent, ctx, how| {
        let agent = agent.orchestrated::<u32>().build().unwrap();
        async move { watch(agent.run("Hi").context(&ctx), how).await }.boxed()
    };
    const DONE: &str =
        r#"{"status":"completed","result":5,"reasoning":"Counted.","next_hint":"tell"}"#;
    const FAILED: &str =
        r#"{"status":"failed","result":null,"reasoning":"None.","next_hint":null}"#;
    const EMPTY: &str = r#"{"status":"completed","result":null,"reasoning":"","next_hint":null}"#;
    let output = |text: &str| Output(serde_json::from_str(text).unwrap());
    vec![
        made(
            "an orchestration",
            vec![Reply::text([DONE]).chunk_size(5)],
            play,
            output(DONE),
            &[
                "user: Hi",
                r#"assistant: {"status":"completed","result":5,"reasoning":"Counted.","next_hint":"tell"}"#,
            ],
        ),
        made(
            "an orchestration that says that it has failed",
            vec![Reply::text([FAILED])],
            play,
            output(FAILED),
            &[
                "user: Hi",
                r#"assistant: {"status":"failed","result":null,"reasoning":"None.","next_hint":null}"#,
            ],
        ),
        made(
            "an orchestration without a result",
            vec![Reply::text([EMPTY])],
            play,
            Failed(ErrorKind::Output, EMPTY),
            &[
                "user: Hi",
                r#"assistant, partial: {"status":"completed","result":null,"reasoning":"","next_hint":null}"#,
            ],
        ),
    ]
}

/// Good is what says so.
fn judge() -> Judge {
    Judge::function("judge", async |draft: Draft| match &*draft.output {
        "good" => Ok(Evaluation::new(100.0)),
        "bad" => Ok(Evaluation::new(10.0).feedback("Be good.")),
        _ => Err(StepError::terminal("nobody knows")),
    })
}

fn judged() -> Vec<Scenario> {
    let play: Play = |agent, ctx, how| {
        let judged = agent.build().unwrap().evaluated_by(judge());
        let judged = judged.attempts(2).must_pass();
        async move { watch(judged.run("Hi").context(&ctx), how).await }.boxed()
    };
    let says = |text: &'static str| Reply::text([text]).chunk_size(2);
    vec![
        made(
            "an answer that is judged, and written better",
            vec![says("bad"), says("good")],
            play,
            Output(json!("good")),
            &["user: Hi", "assistant: good"],
        ),
        made(
            "an answer that is never good enough",
            vec![says("bad"), says("bad")],
            play,
            Failed(ErrorKind::Output, ""),
            &["user: Hi"],
        ),
        made(
            "an answer whose judge fails",
            vec![says("so so")],
            play,
            Failed(ErrorKind::Step, ""),
            &["user: Hi"],
        ),
    ]
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Nest {
    bird: String,
    eggs: u8,
}

fn interviews() -> Vec<Scenario> {
    let knows = |eggs: Option<u8>| {
        Reply::text([json!({"bird": "jay", "eggs": eggs}).to_string()]).chunk_size(4)
    };
    let say: Play = |agent, ctx, how| {
        let interview = agent.interview::<Nest>().build().unwrap();
        async move { watch(interview.say("Hi").context(&ctx), how).await }.boxed()
    };
    vec![
        made(
            "an interview that asks",
            vec![knows(None), Reply::text(["How ", "many?"])],
            say,
            Output(json!({"question": "How many?"})),
            &[],
        ),
        made(
            "an interview that is complete",
            vec![knows(Some(5))],
            say,
            Output(json!({"complete": {"bird": "jay", "eggs": 5}})),
            &[],
        ),
        made(
            "an interview whose reader breaks off",
            vec![Reply::stream().content("{\"bi")],
            say,
            Failed(ErrorKind::Truncated, ""),
            &[],
        ),
        made(
            "an interview whose question breaks off",
            vec![knows(None), Reply::stream().content("How ").content("ma")],
            say,
            Failed(ErrorKind::Truncated, "How ma"),
            &[],
        ),
    ]
}

fn templates() -> Vec<Scenario> {
    let play: Play = |agent, ctx, how| {
        let template = Template::new("Answer in {{language}}: {{INPUT}}").unwrap();
        let agent = agent.instructions(template).build().unwrap();
        async move { watch(agent.run("Hi").context(&ctx), how).await }.boxed()
    };
    let mut filled = made(
        "instructions that are filled",
        vec![Reply::text(["Hallo"])],
        play,
        Output(json!("Hallo")),
        &["user: Hi", "assistant: Hallo"],
    );
    filled.history = |ctx| {
        const LANGUAGE: mainstem::Key<String> = mainstem::Key::new("language");
        ctx.set(&LANGUAGE, &"German".to_owned()).unwrap();
    };
    let missing = Failed(ErrorKind::Input, "");
    vec![
        filled,
        made("instructions without a value", vec![], play, missing, &[]),
    ]
}
