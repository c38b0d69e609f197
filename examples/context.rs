//! What a model reads beside the question: files, what a search found, and as much of the history as fits.
use mainstem::{
    ContextBlock, ContextQuery, FileContext, RoughTokens, SourceTree, context_fn, prelude::*,
    test_util::ScriptedModel,
};

const BIRDS: [(&str, &str); 3] = [
    ("jay", "A jay hides acorns in autumn, and forgets some."),
    ("wren", "A wren sings loudly for its size."),
    ("swift", "A swift sleeps on the wing."),
];

/// Stands for an index: what it finds is data, and no part of the instructions.
async fn search(query: ContextQuery) -> StepResult<Vec<ContextBlock>> {
    let found = BIRDS.iter().filter(|(name, _)| query.input.contains(name));
    Ok(found
        .map(|(name, text)| ContextBlock::new(*name, *text))
        .collect())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    std::fs::create_dir(directory.path().join("letters"))?;
    std::fs::write(directory.path().join("letters/monday.txt"), "")?;
    std::fs::write(directory.path().join("style.txt"), "One sentence, please.")?;

    let model = ScriptedModel::new().always(["It forgets ", "some of its acorns."]);
    let agent = Agent::builder(model.clone())
        .context_from(FileContext::new("style.txt").root(directory.path()))
        .context_from(SourceTree::new(directory.path()).name("desk"))
        .context_from(context_fn("search", search))
        .token_counter(RoughTokens)
        .max_context_tokens(200)
        .max_history_messages(2)
        .build()?;

    let ctx = Context::new();
    for question in [
        "Hello!",
        "Who are you?",
        "Why do oaks grow where a jay was?",
    ] {
        let mut run = agent.run(question).context(&ctx).stream();
        while let Some(chunk) = run.next_text().await? {
            print!("{chunk}");
        }
        println!();
    }
    println!("\nThe model was sent at last:\n");
    for message in &model.requests()[2].messages {
        println!("{:?}: {}", message.role, message.text());
    }
    Ok(())
}
