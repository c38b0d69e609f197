//! `mainstem runs list`.

use mainstem::{Error, ErrorKind, RunQuery, RunState, Store};
use unicode_width::UnicodeWidthStr as _;

use super::{
    args::{List, word},
    moment::{Clock, between},
    one_line, open, state,
};
use crate::{
    exit::{Exit, Failure},
    notes,
};

pub(super) async fn run(args: List) -> Result<Exit, Failure> {
    let clock = Clock::of(&args.place);
    let mut query = asked(&args, &clock)?;
    let store = open(&args.place).await?;
    if let Some(after) = &args.after {
        query = query.after(&state(&store, &after.as_str().into()).await?);
    }
    let runs = store.list(query).await?;
    let exit = match args.json {
        true => super::write(as_json(&runs)?).await?,
        false => super::write(as_table(&runs, &clock)).await?,
    };
    match runs.last() {
        None => notes::aside("There are no such runs."),
        Some(last) if runs.len() == args.limit as usize => {
            let next = one_line(last.id.as_str());
            notes::aside(format!("For what comes next, add --after {next}"));
        }
        Some(_) => {}
    }
    Ok(exit)
}

fn asked(args: &List, clock: &Clock) -> Result<RunQuery, Error> {
    let mut query = RunQuery::new(args.limit as usize);
    query.name = args.name.as_deref().map(Into::into);
    query.owner = args.owner.as_deref().map(Into::into);
    query.statuses = args.status.iter().copied().map(Into::into).collect();
    if let Some(since) = &args.since {
        query.since = Some(clock.read("--since", since)?);
    }
    if let Some(until) = &args.until {
        query.until = Some(clock.read("--until", until)?);
    }
    Ok(query)
}

fn as_json(runs: &[RunState]) -> Result<String, Error> {
    runs.iter().map(line).collect()
}

/// What is known of a run, as a line of JSON.
pub(super) fn line(run: &RunState) -> Result<String, Error> {
    let json = serde_json::to_string(run);
    let json = json.map_err(|error| {
        Error::new(ErrorKind::Value, "a run can't be written as JSON").with_source(error)
    })?;
    Ok(json + "\n")
}

/// The columns that have anything to say, as wide as they need to be.
fn as_table(runs: &[RunState], clock: &Clock) -> String {
    if runs.is_empty() {
        return String::new();
    }
    let has_owner = runs.iter().any(|run| run.owner.is_some());
    let mut rows = vec![["BEGUN", "TOOK", "STATUS", "NAME", "OWNER", "RUN"].map(str::to_owned)];
    rows.extend(runs.iter().map(|run| {
        let took = run.changed.map(|at| between(run.created, at));
        [
            clock.tell(run.created),
            took.unwrap_or_default(),
            word(run.status).to_owned(),
            one_line(&run.name),
            one_line(run.owner.as_deref().unwrap_or_default()),
            one_line(run.id.as_str()),
        ]
    }));
    let widths: [usize; 6] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].width());
        cells.max().unwrap_or_default()
    });
    let mut table = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            if column != 4 || has_owner {
                let gap = widths[column] - cell.width() + 2;
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', gap));
            }
        }
        table.push_str(line.trim_end());
        table.push('\n');
    }
    table
}
