use std::sync::Arc;

use mainstem::{Agent, Flow, Model, Progress, Result, RunContext, StepResult, each, optional};

use super::{Answering, Bundled};

pub(super) const BUNDLED: Bundled = Bundled {
    name: "research",
    about: "what is asked about is looked up, word by word and three at once, and summed up",
    build,
};

/// The words that are worth a look.
async fn words(ctx: RunContext, question: String) -> StepResult<Vec<String>> {
    let words = question.split(|c: char| !c.is_alphanumeric());
    let long = words.filter(|word| word.chars().count() > 3);
    let found: Vec<_> = long.map(str::to_owned).collect();
    let mut progress = Progress::new("words", 0);
    progress.total = Some(found.len() as u64);
    for _ in &found {
        progress.done += 1;
        ctx.emit(progress.clone()).await;
    }
    Ok(found)
}

fn sum_up(found: &[Option<String>]) -> String {
    let found: Vec<_> = found.iter().flatten().map(String::as_str).collect();
    format!("Sum up:\n\n{}", found.join("\n\n"))
}

fn build(model: &Arc<dyn Model>) -> Result<Answering> {
    let agent = |name: &str| Agent::builder(Arc::clone(model)).name(name).build();
    let one = Flow::<String>::new("one")
        .step("ask", |word: String| format!("What is {word}?"))
        .step("read", agent("reader")?);
    Ok(Flow::<String>::new("research")
        .step("words", words)
        .map("look_up", each(optional(one)).at_most(3))
        .step(
            "sum_up",
            agent("editor")?.prompt(|found: &Vec<_>| sum_up(found)),
        ))
}
