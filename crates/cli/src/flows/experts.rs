use std::sync::Arc;

use mainstem::{Agent, Flow, Model, Result, named};

use super::{Answering, Bundled};

pub(super) const BUNDLED: Bundled = Bundled {
    name: "experts",
    about: "two views of a question at the same time, then one answer from both",
    build,
};

fn build(model: &Arc<dyn Model>) -> Result<Answering> {
    let view = |name: &str, instructions: &str| {
        Agent::builder(Arc::clone(model))
            .name(name)
            .instructions(instructions)
            .build()
    };
    let views = (
        view("expert", "Say what speaks for it.")?,
        view("sceptic", "Say what speaks against it.")?,
        named("length", |question: String| question.len()),
    );
    let editor = view("editor", "Make one answer of both.")?;
    let editor = editor.prompt(|(one, other, length): &(String, String, usize)| {
        let much = if *length > 100 {
            "at length"
        } else {
            "briefly"
        };
        format!("Answer {much}, from these views:\n\n{one}\n\n{other}")
    });
    Ok(Flow::new("experts")
        .parallel("views", views)
        .step("merge", editor))
}
