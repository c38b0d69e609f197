//! What the command line says about past runs.
#![allow(
    clippy::doc_markdown,
    reason = "clap shows these comments as they are: back-ticks would be noise"
)]

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use mainstem::RunStatus;

/// Look at the runs in a store.
///
/// Without a command it is `mainstem runs list`. A store is the file of SQLite that the runs' program was
/// given; it may be in use.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Runs {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(List),
    Show(Show),
}

impl Runs {
    pub(crate) fn into_command(self) -> Command {
        self.command.unwrap_or(Command::List(self.list))
    }
}

/// List runs, the newest first.
///
/// All that is given must hold. Times are given as 2026-11-21, 2026-11-21T10:30, either of them local time,
/// 2026-11-21T10:30Z, or as how long ago: 2h, 3d.
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) place: Place,

    /// Only runs of the agent or flow of this name.
    #[arg(long)]
    pub(crate) name: Option<String>,

    /// Only runs that got so far; may be given several times, or with commas.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) status: Vec<Status>,

    /// Only runs of this owner.
    #[arg(long)]
    pub(crate) owner: Option<String>,

    /// Only runs that were begun at this time or later.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,

    /// Only runs that were begun before this time.
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,

    /// Only runs that come after this one in the list: the next page.
    #[arg(long, value_name = "RUN")]
    pub(crate) after: Option<String>,

    /// How many at most.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,

    /// Print each run as a line of JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Show a run: how it ended, what it used, and its steps.
///
/// The steps are a tree, as mainstem diagram draws it, with how each of them is and how long it took.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The run's id, as the list has it.
    pub(crate) run: String,

    #[command(flatten)]
    pub(crate) place: Place,

    /// Print what is known of the run as a line of JSON, and then each of its events.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where runs are, and how their times are told.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The file that the runs are in [default: MAINSTEM_STORE].
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,

    /// Take and tell times in UTC instead of local time.
    #[arg(long)]
    pub(crate) utc: bool,
}

/// How far a run has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Status {
    /// It has no end: it is under way, or whatever ran it died
    Running,
    /// It waits for answers
    Suspended,
    /// It ended with an output
    Finished,
    /// It failed
    Failed,
    /// It was stopped
    Cancelled,
}

impl From<Status> for RunStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Running => Self::Running,
            Status::Suspended => Self::Suspended,
            Status::Finished => Self::Finished,
            Status::Failed => Self::Failed,
            Status::Cancelled => Self::Cancelled,
        }
    }
}

/// The word for a status.
pub(crate) fn word(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Running => "running",
        RunStatus::Suspended => "suspended",
        RunStatus::Finished => "finished",
        RunStatus::Failed => "failed",
        RunStatus::Cancelled => "cancelled",
        _ => "unknown",
    }
}
