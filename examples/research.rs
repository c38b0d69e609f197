//! A step for each of several sources, three at once, with a progress bar for each.
use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use mainstem::{Event, EventKind, Progress, each, prelude::*};

/// Fetches a source, page by page, and tells how far it has come.
async fn fetch(ctx: RunContext, source: String) -> StepResult<String> {
    let pages = 4 + source.len() as u64;
    for page in 1..=pages {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let mut progress = Progress::new(source.clone(), page);
        progress.total = Some(pages);
        ctx.emit(progress).await;
    }
    Ok(format!("What is {source}?"))
}

/// A bar for each item of the map; lines, if there is no terminal to draw on.
struct Bars {
    screen: MultiProgress,
    bars: BTreeMap<u32, ProgressBar>,
    style: ProgressStyle,
}

impl Bars {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            screen: MultiProgress::new(),
            bars: BTreeMap::new(),
            style: ProgressStyle::with_template("{prefix:10} [{bar:30}] {msg}")?,
        })
    }

    /// Shows what happened. Which item it belongs to, the event's path says: `read[2]`.
    fn show(&mut self, event: &Event) {
        let item = event.path.segments().find_map(|step| step.index());
        let Some(item) = item else {
            return;
        };
        let bar = self.bars.entry(item).or_insert_with(|| {
            let bar = ProgressBar::new(1).with_style(self.style.clone());
            self.screen.add(bar)
        });
        match &event.kind {
            EventKind::Progress(progress) => {
                bar.set_prefix(progress.label.to_string());
                bar.set_length(progress.total.unwrap_or(progress.done));
                bar.set_position(progress.done);
                bar.set_message(match progress.done {
                    1 => "1 page".to_owned(),
                    pages => format!("{pages} pages"),
                });
            }
            EventKind::TextDelta(_) => bar.set_message("summing up …"),
            EventKind::StepFinished(_) if event.path.as_str().ends_with("/one") => {
                bar.finish_with_message("done");
                if self.screen.is_hidden() {
                    println!("{} is done", event.path);
                }
            }
            _ => {}
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let model = mainstem::model(&std::env::var("MAINSTEM_MODEL").unwrap_or("demo".into()))?;
    let reader = Agent::builder(model)
        .instructions("Sum it up in a line.")
        .build()?;

    let one = Flow::<String>::new("one")
        .step("fetch", fetch)
        .step("sum_up", reader);
    let flow = Flow::<String>::new("research")
        .step("plan", |topics: String| -> Vec<String> {
            topics.split(", ").map(str::to_owned).collect()
        })
        .map("read", each(one).at_most(3))
        .step("join", |found: Vec<String>| found.len());

    let mut bars = Bars::new()?;
    let mut state = flow.diagram().state();
    let mut run = flow.run_streamed("an event, a run, a flow, a context, a store");
    while let Some(event) = run.next_event().await {
        bars.show(&event);
        state.follow(&event);
    }
    println!("\n{}", flow.diagram().with_state(&state));
    println!("{} sources were read", run.await?.output);
    Ok(())
}
