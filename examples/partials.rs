//! A form that fills in while the model writes the article.
use std::io::IsTerminal;

use mainstem::{
    prelude::*,
    structured::{Field, Partial},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An article.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Article {
    title: String,
    summary: String,
    tags: Vec<String>,
    minutes_to_read: u8,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let model = mainstem::model(&std::env::var("MAINSTEM_MODEL").unwrap_or("demo".into()))?;
    let writer = Agent::builder(model).output::<Article>().build()?;

    let mut articles = writer.run_streamed("An article about streams.").partials();
    let redraws = std::io::stdout().is_terminal();
    let mut drawn = false;
    while let Some(article) = articles.next().await? {
        if redraws || article.is_complete() {
            if drawn {
                print!("\x1b[{LINES}A\x1b[J");
            }
            draw(&article);
            drawn = true;
        }
    }
    let article = articles.await?.output;
    println!("«{}», {} tags", article.title, article.tags.len());
    Ok(())
}

const LINES: usize = 4;

fn draw(article: &Partial<'_, Article>) {
    line("title", article.get("title"));
    line("summary", article.get("summary"));
    line("tags", article.get("tags"));
    line("minutes", article.get("minutes_to_read"));
}

/// One line of the form: `✓` complete, `…` growing.
fn line(name: &str, field: Field<'_>) {
    let mark = match field {
        Field::Absent => ' ',
        Field::Growing(_) => '…',
        Field::Complete(_) => '✓',
    };
    let value = match (field.text(), field.node()) {
        (Some(text), _) => text.to_owned(),
        (None, Some(node)) => node.to_value().to_string(),
        (None, None) => String::new(),
    };
    // What is growing is seen at its end, in one line of a terminal.
    let skip = value.chars().count().saturating_sub(60);
    let end: String = value.chars().skip(skip).collect();
    println!("{mark} {name:>8}  {end}");
}
