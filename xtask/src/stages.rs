//! The stages of `cargo xtask test`: what they are, and how they are run.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::session::Session;
use crate::{cargo, clients, examples, features, fuzz, house, msrv, packages, table, tools};

/// One check.
pub(crate) struct Stage {
    name: &'static str,
    about: &'static str,
    /// Part of `--fast`.
    fast: bool,
    /// Generous: it is there to end what hangs, on two slow cores with nothing built.
    limit_minutes: u64,
    run: fn(&Session) -> Result<Outcome>,
}

/// How a stage ended that did not fail, with a word on it for the table.
pub(crate) enum Outcome {
    Passed(String),
    Skipped(String),
}

impl Outcome {
    pub(crate) const OK: Result<Self> = Ok(Self::Passed(String::new()));
}

const STAGES: &[Stage] = &[
    Stage {
        name: "tools",
        about: "Installs what the other stages need and this machine lacks.",
        fast: false,
        limit_minutes: 30,
        run: tools::stage,
    },
    Stage {
        name: "fmt",
        about: "The code is formatted.",
        fast: true,
        limit_minutes: 2,
        run: cargo::fmt,
    },
    Stage {
        name: "clippy",
        about: "No warnings with all features; without --fast, each feature builds alone.",
        fast: true,
        limit_minutes: 25,
        run: features::stage,
    },
    Stage {
        name: "nextest",
        about: "Unit and integration tests.",
        fast: true,
        limit_minutes: 20,
        run: cargo::nextest,
    },
    Stage {
        name: "clients",
        about: "curl, a browser, and clients from npm and PyPI, installed here, read what the program serves.",
        fast: false,
        limit_minutes: 15,
        run: clients::stage,
    },
    Stage {
        name: "doctest",
        about: "Examples in the documentation.",
        fast: false,
        limit_minutes: 15,
        run: cargo::doctest,
    },
    Stage {
        name: "docs",
        about: "The documentation builds without warnings.",
        fast: false,
        limit_minutes: 15,
        run: cargo::docs,
    },
    Stage {
        name: "examples",
        about: "Every example runs offline, without keys or input, within a minute.",
        fast: false,
        limit_minutes: 20,
        run: examples::stage,
    },
    Stage {
        name: "fuzz",
        about: "A minute's search finds nothing that structured output judges wrongly.",
        fast: false,
        limit_minutes: 25,
        run: fuzz::stage,
    },
    Stage {
        name: "deny",
        about: "Licences, sources and banned crates of the whole graph.",
        fast: false,
        limit_minutes: 5,
        run: cargo::deny,
    },
    Stage {
        name: "packages",
        about: "The facade brings in no more packages than it may.",
        fast: true,
        limit_minutes: 5,
        run: packages::stage,
    },
    Stage {
        name: "msrv",
        about: "No dependency asks for a newer Rust than the workspace states.",
        fast: false,
        limit_minutes: 5,
        run: msrv::stage,
    },
    Stage {
        name: "house",
        about: "The project's own rules: sizes, leftovers, spawned tasks, machine paths.",
        fast: true,
        limit_minutes: 2,
        run: house::stage,
    },
];

/// What `--only` may name.
pub(crate) fn names() -> Vec<&'static str> {
    STAGES.iter().map(|stage| stage.name).collect()
}

/// The stages, each with a sentence.
pub(crate) fn list() -> String {
    let row = |stage: &Stage| vec![stage.name.to_owned(), stage.about.to_owned()];
    table::render(&STAGES.iter().map(row).collect::<Vec<_>>())
}

/// The stages asked for, in their own order. `--only` outranks `--fast`.
pub(crate) fn select(only: &[String], fast: bool) -> Vec<&'static Stage> {
    let wanted = |stage: &&Stage| match only {
        [] => stage.fast || !fast,
        names => names.iter().any(|name| name == stage.name),
    };
    STAGES.iter().filter(wanted).collect()
}

/// Runs all of them, whatever fails: one run tells everything. True if none failed.
pub(crate) fn run(root: &Path, stages: &[&Stage], fast: bool) -> Result<bool> {
    let mut rows = Vec::new();
    let mut failed = Vec::new();
    let started = Instant::now();
    for stage in stages {
        println!("\n== {}: {}", stage.name, stage.about);
        let began = Instant::now();
        let limit = Duration::from_secs(60 * stage.limit_minutes);
        let (result, note) = match (stage.run)(&Session::start(root, fast, limit)) {
            Ok(Outcome::Passed(note)) => ("ok", note),
            Ok(Outcome::Skipped(why)) => ("skipped", why),
            Err(error) => {
                failed.push(stage.name);
                ("FAILED", format!("{error:#}"))
            }
        };
        let time = seconds(began.elapsed());
        println!("-- {}: {result} in {time}{}", stage.name, suffix(&note));
        rows.push(
            [stage.name, result, &time, first_line(&note)]
                .map(str::to_owned)
                .to_vec(),
        );
    }
    println!("\n{}", table::render(&rows));
    println!("{}", verdict(&failed, rows.len(), started.elapsed()));
    Ok(failed.is_empty())
}

fn verdict(failed: &[&str], stages: usize, time: Duration) -> String {
    let time = seconds(time);
    if failed.is_empty() {
        format!("result: ok, {stages} stages in {time}")
    } else {
        format!(
            "result: FAILED in {}, {stages} stages in {time}",
            failed.join(", ")
        )
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f32())
}

fn suffix(note: &str) -> String {
    if note.is_empty() {
        String::new()
    } else {
        format!(": {note}")
    }
}

fn first_line(note: &str) -> &str {
    note.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(only: &[&str], fast: bool) -> Vec<&'static str> {
        let only: Vec<String> = only.iter().map(|&name| name.to_owned()).collect();
        select(&only, fast).iter().map(|stage| stage.name).collect()
    }

    #[test]
    fn all_fast_or_named() {
        assert_eq!(selected(&[], false), names());
        assert_eq!(
            selected(&[], true),
            ["fmt", "clippy", "nextest", "packages", "house"]
        );
        assert_eq!(selected(&["docs", "clippy"], true), ["clippy", "docs"]);
    }

    #[test]
    fn verdict_names_what_failed() {
        let time = Duration::from_millis(1500);
        assert_eq!(verdict(&[], 2, time), "result: ok, 2 stages in 1.5 s");
        assert_eq!(
            verdict(&["fmt", "docs"], 2, time),
            "result: FAILED in fmt, docs, 2 stages in 1.5 s"
        );
    }
}
