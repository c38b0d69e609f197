//! `mainstem diagram`.

use std::{sync::Arc, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use mainstem::{Diagram, DiagramState, Error, Model, Result, RunStream, models::demo::DemoModel};

use crate::{
    args::{self, Format},
    exit::{Exit, Failure},
    flows::{self, Answering, Bundled, FLOWS},
    interrupt::interrupted,
    notes, print,
};

/// Draws what the command line asks for.
pub(crate) async fn run(args: args::Diagram) -> Result<Exit, Failure> {
    let Some(name) = &args.name else {
        let pictures: Result<Vec<_>> = FLOWS
            .iter()
            .map(|flow| in_a_list(flow, args.format))
            .collect();
        return write(pictures?.join("\n")).await;
    };
    let flow = build(flows::named(name)?)?;
    match args.run {
        None => write(draw(&flow.diagram(), args.format)).await,
        Some(input) => follow(&flow, input, args.format).await,
    }
}

fn build(bundled: &Bundled) -> Result<Answering> {
    let model: Arc<dyn Model> = Arc::new(DemoModel::new());
    bundled.build(&model)
}

fn draw(diagram: &Diagram, format: Format) -> String {
    match format {
        Format::Text => diagram.to_text(),
        Format::Mermaid => diagram.to_mermaid(),
    }
}

/// A flow with what it does, among others.
fn in_a_list(bundled: &Bundled, format: Format) -> Result<String> {
    let (name, about) = (bundled.name, bundled.about);
    let picture = draw(&build(bundled)?.diagram(), format);
    Ok(match format {
        Format::Text => format!("{name}: {about}\n\n{picture}"),
        Format::Mermaid => format!("## {name}\n\n{about}\n\n```mermaid\n{picture}```\n"),
    })
}

async fn write(text: String) -> Result<Exit, Failure> {
    print::write(text).await.map_err(Failure::Output)?;
    Ok(Exit::Finished)
}

/// Runs a flow, and draws how it went; also if it went wrong.
async fn follow(flow: &Answering, input: String, format: Format) -> Result<Exit, Failure> {
    notes::aside("The offline demo model answers.");
    let diagram = flow.diagram();
    let mut live = Live::begin(&diagram);
    let run = flow.run_streamed(input);
    let stop = run.stop_handle();
    let ended = tokio::select! {
        // First, so that Ctrl-C is listened to before there is anything to stop.
        biased;
        () = interrupted(stop) => return Err(Failure::Interrupted),
        ended = live.follow(run) => ended,
    };
    let state = live.end();
    write(draw(&diagram.with_state(&state), format)).await?;
    ended?;
    Ok(Exit::Finished)
}

/// A picture that changes with the run, on a terminal.
struct Live<'a> {
    diagram: &'a Diagram,
    state: DiagramState,
    screen: ProgressBar,
}

impl<'a> Live<'a> {
    fn begin(diagram: &'a Diagram) -> Self {
        let screen = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            screen.set_style(style);
        }
        screen.enable_steady_tick(Duration::from_millis(100));
        Self {
            diagram,
            state: diagram.state(),
            screen,
        }
    }

    async fn follow(&mut self, mut run: RunStream<String>) -> Result<(), Error> {
        while let Some(event) = run.next_event().await {
            self.state.follow(&event);
            if !self.screen.is_hidden() {
                let done = self.state.progress().unwrap_or_default() * 100.0;
                let picture = self.diagram.with_state(&self.state);
                self.screen
                    .set_message(format!("{picture}{done:.0} % done"));
            }
        }
        run.await.map(drop)
    }

    fn end(self) -> DiagramState {
        self.screen.finish_and_clear();
        self.state
    }
}
