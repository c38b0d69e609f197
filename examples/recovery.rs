//! Two models, of which one is cut in mid-stream: the answer goes on.
use std::{io::Write, sync::Arc, time::Duration};

use mainstem::{EventKind, Recovery, WhenCut, models::ChatCompletions, prelude::*};
use mainstem_testkit::{Reply, ScriptedServer};

/// Words, one after the other.
fn words(text: &str) -> Reply {
    let reply = Reply::stream().role().every(Duration::from_millis(40));
    text.split_inclusive(' ')
        .fold(reply, |reply, word| reply.content(word))
}

fn model(name: &str, server: &ScriptedServer) -> mainstem::Result<ChatCompletions> {
    ChatCompletions::builder(name)
        .base_url(server.base_url())
        .build()
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // Two servers on this machine. The first hangs up in the middle of a word; the second goes on.
    let (first, second) = (
        ScriptedServer::start().await?,
        ScriptedServer::start().await?,
    );
    let said = "A jay buries thousands of acorns every autumn, each in a hole of its o";
    let rest =
        "wn, and finds most of them again in winter, under the snow. The others become oaks.";
    first.push(words(said).cut());
    second.push(words(rest).finish("stop").usage(41, 18));
    let second: Arc<dyn Model> = match std::env::var("MAINSTEM_MODEL") {
        Ok(address) => Arc::new(mainstem::model(&address)?),
        Err(_) => Arc::new(model("second", &second)?),
    };

    let model = Recovery::of(model("first", &first)?)
        .attempts(1)
        .fallback(second)
        .when_cut(WhenCut::Continue)
        .build()?;
    let agent = Agent::builder(model).instructions("Be brief.").build()?;
    let mut run = agent.run_streamed("What does a jay do with its acorns?");
    while let Some(event) = run.next_event().await {
        match &event.kind {
            EventKind::TurnStarted(turn) => println!("▶ `{}` answers", turn.model),
            EventKind::TextDelta(delta) => print!("{}", delta.text),
            EventKind::Notice(notice) => print!("\n⚡ {}\n…", notice.message),
            EventKind::TurnFinished(turn) => println!("\n■ {}", turn.finish_reason),
            _ => {}
        }
        std::io::stdout().flush()?;
    }

    let result = run.await?;
    println!("\nIn one piece: {}", result.output);
    let (usage, messages) = (result.usage, result.messages.len());
    let about = if usage.estimated { "about " } else { "" };
    println!(
        "{} requests, {about}{} tokens; the context has {messages} messages",
        usage.requests,
        usage.total_tokens(),
    );
    assert!(result.output.starts_with(said));
    Ok(())
}
