//! What the command line says about serving.
#![allow(
    clippy::doc_markdown,
    reason = "clap shows these comments as they are: back-ticks would be noise"
)]

use std::{path::PathBuf, time::Duration};

use clap::{
    Args,
    builder::{NonEmptyStringValueParser, PossibleValuesParser, TypedValueParser as _},
};
use mainstem_serve::SessionLimits;
use tracing_subscriber::filter::LevelFilter;

use crate::args::{ModelFlags, seconds};

/// Serve the agents and flows that come with the program, over HTTP.
///
/// It prints where it listens, and lines for curl to try. It is closed unless it is told otherwise: it
/// listens on this machine alone, takes no requests from pages of other sites, and lists no runs.
///
/// Ctrl-C, or SIGTERM, shuts down: no runs are begun any more, and those under way may end. What hasn't
/// ended in time (--shutdown) is cancelled; with --store it goes on when the server starts again. A second
/// Ctrl-C doesn't wait.
#[derive(Debug, Args)]
#[command(after_long_help = MORE)]
pub(crate) struct Serve {
    /// Where to listen; port 0 takes one that is free.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(super) listen: String,

    #[command(flatten)]
    pub(super) answers: ModelFlags,

    /// Keep the runs in this file, so that they outlive the program [default: MAINSTEM_STORE, or memory].
    #[arg(long, value_name = "FILE")]
    pub(super) store: Option<PathBuf>,

    /// Go on with runs in that file that were interrupted, once nothing was written for so long.
    ///
    /// Several programs may serve from the same file. One never takes the runs of another that is alive, and
    /// goes on with those of one that has died: at its start, and any time later (--worker-lease).
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, default_value = "0", value_parser = seconds_or_none)]
    pub(super) resume_after: Duration,

    /// After how long without a sign of life the runs of a program are there for others.
    ///
    /// It gives a sign three times in that time. A program that was killed and starts again waits as long,
    /// too, before it goes on with its runs; one that was shut down doesn't.
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, default_value = "10", value_parser = one_second_or_more)]
    pub(super) worker_lease: Duration,

    /// How much the server says of itself on standard error.
    #[arg(long, value_name = "LEVEL", default_value = "warn", value_parser =
        PossibleValuesParser::new(["off", "error", "warn", "info", "debug", "trace"])
            .try_map(|level| level.parse::<LevelFilter>()))]
    pub(super) log: LevelFilter,

    #[command(flatten)]
    pub(super) doors: Doors,

    #[command(flatten)]
    pub(super) bounds: Bounds,
}

/// Who may do what.
#[derive(Debug, Args)]
#[command(next_help_heading = "Who may do what")]
pub(super) struct Doors {
    /// A name that requests may be addressed to, beside those of this machine; may be repeated.
    #[arg(long, value_name = "HOST", value_parser = NonEmptyStringValueParser::new())]
    pub(super) allow_host: Vec<String>,

    /// A site whose pages may send requests, such as https://app.example.org; may be repeated.
    #[arg(long, value_name = "ORIGIN", value_parser = NonEmptyStringValueParser::new())]
    pub(super) allow_origin: Vec<String>,

    /// A proxy in front, as 10.0.0.7 or 10.0.0.0/8, that is trusted to say by x-forwarded-for which client
    /// it forwards; may be repeated.
    ///
    /// It is for --max-runs-per-client. The proxy has to add to that header, or to set it, and not to pass
    /// it on as it came.
    #[arg(long, value_name = "ADDR", value_parser = NonEmptyStringValueParser::new())]
    pub(super) trust_proxy: Vec<String>,

    /// Let clients list runs: each those that it may read.
    #[arg(long)]
    pub(super) open_lists: bool,

    /// Let clients read the metrics.
    #[arg(long)]
    pub(super) open_metrics: bool,

    /// Serve other machines without asking them for a token.
    #[arg(long)]
    pub(super) open_to_all: bool,

    /// Add GET /ws/echo, a WebSocket that says all again, for tests of conformance.
    #[arg(long)]
    pub(super) ws_echo: bool,
}

/// How much of it.
#[derive(Debug, Args)]
#[command(next_help_heading = "How much")]
pub(super) struct Bounds {
    /// How many runs may be under way.
    #[arg(long, value_name = "N", default_value_t = SessionLimits::new().runs, value_parser = one_or_more)]
    pub(super) max_runs: usize,

    /// How many of them may be one client's: of one address, or all where a token is asked for.
    #[arg(long, value_name = "N", default_value_t = SessionLimits::new().runs_per_owner, value_parser = one_or_more)]
    pub(super) max_runs_per_client: usize,

    /// End a detached run that nobody reads for this long [default: never].
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, value_parser = seconds)]
    pub(super) lease: Option<Duration>,

    /// How long runs may go on when the server shuts down.
    ///
    /// What hasn't ended then is cancelled for good; with --store it stays open instead, and goes on when
    /// the server starts again.
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, default_value = "10", value_parser = seconds)]
    pub(super) shutdown: Duration,
}

fn seconds_or_none(text: &str) -> Result<Duration, String> {
    match text {
        "0" => Ok(Duration::ZERO),
        _ => seconds(text),
    }
}

fn one_second_or_more(text: &str) -> Result<Duration, String> {
    match seconds(text)? {
        short if short < Duration::from_secs(1) => Err("it must be 1 or more".to_owned()),
        lease => Ok(lease),
    }
}

fn one_or_more(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("it must be more than 0".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err("it isn't a number".to_owned()),
    }
}

const MORE: &str = "\
Environment:
  MAINSTEM_TOKEN     if set, each request must bring it: authorization: Bearer TOKEN
  MAINSTEM_STORE     the file of runs, where --store isn't given
  MAINSTEM_MODEL, OPENAI_API_KEY, MAINSTEM_API_KEY, …  as for `mainstem chat --help`

Keys and tokens come from the environment alone.

Exit codes:
  0    it was shut down by Ctrl-C or SIGTERM
  1    it can't listen: the address is taken, say
  2    bad usage: a flag, a model's name, a missing key or token
  3    the file of runs can't be used, or serving failed
  130  a second Ctrl-C didn't wait for runs to end
";
