//! How far a flow has come: bars on a terminal, lines elsewhere.
use std::time::Duration;

use futures::StreamExt;
use mainstem::progress::{ProgressBars, ProgressSubscription, ProgressTree, ProgressUpdate};
use mainstem::{Progress, Step, each, prelude::*, weighted};

/// Reads a book, page by page, and tells how far it has come.
async fn read(ctx: RunContext, title: String) -> StepResult<usize> {
    let pages = title.len();
    for page in 1..=pages {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let mut progress = Progress::new("pages", page as u64);
        progress.total = Some(pages as u64);
        ctx.emit(progress).await;
    }
    Ok(pages)
}

async fn sum_up(pages: Vec<usize>) -> StepResult<String> {
    tokio::time::sleep(Duration::from_millis(100)).await;
    Ok(format!("{} pages", pages.iter().sum::<usize>()))
}

/// A line for each node that ends.
async fn print(mut updates: ProgressSubscription) {
    while let Some(update) = updates.next().await {
        let ProgressUpdate::Delta(delta) = update else {
            continue;
        };
        for node in delta
            .nodes
            .iter()
            .filter(|node| node.ended == Some(delta.at))
        {
            let index = node
                .index
                .map_or(String::new(), |index| format!(" {index}"));
            println!("{}{index} {}", node.name, node.state);
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let flow = Flow::<String>::new("library")
        .step("list", |titles: String| -> Vec<String> {
            titles.split(", ").map(str::to_owned).collect()
        })
        // Reading takes most of the time.
        .step("read", weighted(10, each(read).at_most(2)))
        .step("sum_up", sum_up);

    // With the plan, the steps are there before they begin.
    let tree = ProgressTree::planned(&flow.plan());
    let titles = "The Jay, Wrens of the North, Ravens, A Field Guide to Owls";
    let run = flow.run(titles).on_event(tree.follow());
    let work = async { run.await };
    let bars = ProgressBars::new();
    let result = if bars.is_hidden() {
        futures::join!(print(tree.subscribe()), work).1?
    } else {
        futures::join!(bars.follow(tree.subscribe()), work).1?
    };
    println!("{}", result.output);
    Ok(())
}
