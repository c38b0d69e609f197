//! `mainstem runs show`.

use std::mem;

use mainstem::{
    Diagram, DiagramState, Error, ErrorKind, Event, EventKind, Place, RunId, RunState, RunStatus,
    SqliteStore, Store, Usage,
};

use super::{
    args::{Show, word},
    list::line,
    moment::{Clock, between},
    one_line, open,
    plan::SeenSteps,
    state,
};
use crate::{
    exit::{Exit, Failure},
    print,
};

/// How many events are read at once.
const PAGE: usize = 1000;

pub(super) async fn run(args: Show) -> Result<Exit, Failure> {
    let store = open(&args.place).await?;
    let run = state(&store, &RunId::from(args.run.as_str())).await?;
    match args.json {
        true => print_log(&store, &run).await,
        false => super::write(page(&store, &run, &Clock::of(&args.place)).await?).await,
    }
}

/// Reads a log, page by page.
struct Log<'a> {
    store: &'a SqliteStore,
    run: &'a RunId,
    last: Option<Place>,
}

impl<'a> Log<'a> {
    fn new(store: &'a SqliteStore, run: &'a RunState) -> Self {
        let (run, last) = (&run.id, None);
        Self { store, run, last }
    }

    /// The next page; none after the last one.
    async fn next(&mut self) -> Result<Option<Vec<Event>>, Error> {
        let page = self.store.read(self.run, self.last, PAGE).await?;
        self.last = page.last().map(Event::place).or(self.last);
        Ok((!page.is_empty()).then_some(page))
    }
}

async fn print_log(store: &SqliteStore, run: &RunState) -> Result<Exit, Failure> {
    let mut lines = line(run)?;
    let mut log = Log::new(store, run);
    while let Some(page) = log.next().await? {
        for event in page {
            let json = serde_json::to_string(&event).map_err(|error| {
                Error::new(ErrorKind::Value, "an event can't be written as JSON").with_source(error)
            })?;
            lines.push_str(&json);
            lines.push('\n');
        }
        // A long log isn't kept whole.
        print::write(mem::take(&mut lines))
            .await
            .map_err(Failure::Output)?;
    }
    super::write(lines).await
}

/// What is to be said of a run, and its steps.
async fn page(store: &SqliteStore, run: &RunState, clock: &Clock) -> Result<String, Error> {
    let (mut steps, mut end) = (SeenSteps::default(), End::default());
    let mut log = Log::new(store, run);
    while let Some(page) = log.next().await? {
        for event in &page {
            steps.take(event);
            end.take(event);
        }
    }
    let plans = steps.plans();
    let diagrams: Vec<_> = plans.iter().map(Diagram::new).collect();
    let mut states: Vec<_> = diagrams.iter().map(Diagram::state).collect();
    let mut log = Log::new(store, run);
    while let Some(page) = log.next().await? {
        for event in &page {
            states.iter_mut().for_each(|state| state.follow(event));
        }
    }
    let mut text = facts(run, &end, clock);
    if !diagrams.is_empty() {
        text.push('\n');
    }
    for (diagram, state) in diagrams.iter().zip(&states) {
        text.push_str(&picture(diagram, state));
    }
    Ok(text)
}

fn picture(diagram: &Diagram, state: &DiagramState) -> String {
    diagram.with_state(state).to_text()
}

/// What a run's last end says.
#[derive(Default)]
struct End {
    /// What went wrong, or is waited for.
    words: Vec<String>,
    usage: Option<Usage>,
    events: u64,
}

impl End {
    fn take(&mut self, event: &Event) {
        self.events += 1;
        match &event.kind {
            EventKind::RunStarted(_) | EventKind::RunResumed(_) => {
                (self.words, self.usage) = (Vec::new(), None);
            }
            EventKind::RunFinished(finished) => self.usage = Some(finished.usage),
            EventKind::RunFailed(failed) => {
                self.usage = failed.partial.as_ref().map(|partial| partial.usage);
                let error: Error = (*failed.error).clone().into();
                self.words.push(error.to_string());
            }
            EventKind::RunCancelled(cancelled) => {
                self.usage = cancelled.partial.as_ref().map(|partial| partial.usage);
                self.words.push(format!("by {}", cancelled.by));
            }
            EventKind::RunSuspended(suspended) => {
                self.usage = suspended.partial.as_ref().map(|partial| partial.usage);
                let asked = suspended.requests.iter();
                self.words
                    .extend(asked.map(|asked| format!("waits for {}", asked.id)));
            }
            _ => {}
        }
    }
}

fn facts(run: &RunState, end: &End, clock: &Clock) -> String {
    let mut lines = Vec::new();
    let mut fact = |name: &str, value: String| lines.push(format!("{name:<8}{value}\n"));
    fact("run", one_line(run.id.as_str()));
    fact("name", one_line(&run.name));
    if let Some(owner) = &run.owner {
        fact("owner", one_line(owner));
    }
    let mut status = word(run.status).to_owned();
    if run.status == RunStatus::Running {
        status.push_str(" (or whatever ran it died)");
    }
    if !end.words.is_empty() {
        status.push_str(&format!(": {}", one_line(&end.words.join(", "))));
    }
    fact("status", status);
    fact("begun", clock.tell_with_offset(run.created));
    if let Some(changed) = run.changed {
        let took = between(run.created, changed);
        fact("last", format!("{} (after {took})", clock.tell(changed)));
    }
    if let Some(usage) = end.usage.filter(|usage| usage.requests > 0) {
        let about = if usage.estimated { "about " } else { "" };
        let Usage {
            requests,
            input_tokens,
            output_tokens,
            ..
        } = usage;
        let used =
            format!("{requests} requests, {about}{input_tokens} tokens in, {output_tokens} out");
        fact("used", used);
    }
    fact("events", end.events.to_string());
    lines.concat()
}
