//! The flow that is killed: of all kinds of steps, 20 and more of them.

use std::{
    fs::OpenOptions,
    io::Write as _,
    path::{Path, PathBuf},
};

use mainstem::{
    Key, Merge, Question, TextDelta, by, each, models::ChatCompletions, named, prelude::*, up_to,
};

use crate::reader::first_attempt;

const SEEN: Key<Vec<String>> = Key::new("seen").merged_by(Merge::Append);

/// Does something outside of the run, and in its session, and says so.
async fn act(ctx: RunContext, file: PathBuf, text: String) -> StepResult<String> {
    let mut file = OpenOptions::new().create(true).append(true).open(file)?;
    writeln!(file, "{}", first_attempt(ctx.path()))?;
    let mut seen = ctx.context().get(&SEEN)?.unwrap_or_default();
    seen.push(first_attempt(ctx.path()));
    ctx.context().set(&SEEN, &seen)?;
    ctx.emit(TextDelta::new(format!("{text} "))).await;
    Ok(text + ".")
}

/// Runs others that it only knows once it runs.
async fn dig(ctx: RunContext, part: Flow<String>, text: String) -> StepResult<String> {
    ctx.emit(TextDelta::new("digging ")).await;
    let mut found = String::new();
    for key in ["here", "there"] {
        found += &ctx.run(key, &part, text.clone()).await?;
    }
    Ok(found.len().to_string())
}

pub(crate) fn guide(model: &str, effects: &Path) -> Flow<String> {
    let model = ChatCompletions::builder("m")
        .base_url(model)
        .api_key("k")
        .build();
    let model = model.unwrap();
    let agent = |name: &str| Agent::builder(model.clone()).name(name).build().unwrap();
    let act = || with(effects.to_owned(), act);
    let part = Flow::new("part")
        .step("do", act())
        .step("tell", agent("teller"));
    Flow::new("guide")
        .step("trim", |text: String| text.trim().to_owned())
        .step("begin", act())
        .step("introduce", agent("introducer"))
        .branch(
            "route",
            by(|text: &String| text.len() > 3)
                .arm(true, part.clone())
                .arm(false, act()),
        )
        .parallel(
            "views",
            (agent("expert"), agent("sceptic"), named("acts", act())),
        )
        .step("join", |(a, b, c): (String, String, String)| {
            format!("{a}{b}{c}").len().to_string()
        })
        .repeat(
            "refine",
            up_to(5, part.clone()).until(|text: &String| text.len() > 10),
        )
        .step("shorten", |text: String| text.len().to_string())
        .step("list", |text: String| {
            (0..4).map(|n| format!("{text}-{n}")).collect::<Vec<_>>()
        })
        .map("read", each(part.clone()).at_most(2))
        .step("count", |texts: Vec<String>| texts.len().to_string())
        .step("dig", with(part, dig))
        .ask::<bool>("approve", |text: &String| Question::new(format!("{text}?")))
        .step("end", |(text, yes): (String, bool)| format!("{text} {yes}"))
        .step("last", act())
}
