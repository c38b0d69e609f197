//! Many readers of server-sent events at once, each with events of its own pace.
//!
//! Server and clients are processes of their own. A bare axum handler sends the same bytes: what it
//! costs is what the machine, the kernel and hyper cost, and no server can go below.

mod client;
mod files;
mod server;
mod tally;
mod ticks;

use std::{fmt, net::SocketAddr};

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use serde_json::json;

pub(crate) use client::run as read;
pub(crate) use server::run as serve;

use crate::{chunks::ratio, cli::Cli, report::Section, table};
use client::{Client, Report};
use server::{Serving, Usage};

/// How many times the bare handler's CPU time an event may cost, and its memory a reader.
const AIM_CPU: f64 = 3.0;
const AIM_MEMORY: f64 = 2.0;
/// In milliseconds, from when an event was due until it was read.
const AIM_DELAY: f64 = 250.0;

const READERS: u32 = 10_000;
const PACE_MS: u64 = 100;

/// What answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// An axum handler that makes the frames with `format!`.
    Bare,
    /// `mainstem-serve`, a run for each reader.
    Runs,
    /// `mainstem-serve`, one run that all read.
    Shared,
}

/// What a client process does.
#[derive(Args, Clone, Debug, PartialEq)]
pub(crate) struct Errand {
    #[arg(long, value_enum)]
    kind: Kind,
    #[arg(long)]
    address: SocketAddr,
    #[arg(long)]
    readers: u32,
    /// For each reader.
    #[arg(long)]
    events: u32,
    /// Between two events of a reader.
    #[arg(long)]
    pace_ms: u64,
    /// How many readers connect in a second.
    #[arg(long)]
    connects: u32,
}

impl Errand {
    fn to_args(&self) -> Vec<String> {
        let kind = format!("{:?}", self.kind).to_lowercase();
        let mut args = vec!["load-client".to_owned()];
        for (name, value) in [
            ("--kind", kind),
            ("--address", self.address.to_string()),
            ("--readers", self.readers.to_string()),
            ("--events", self.events.to_string()),
            ("--pace-ms", self.pace_ms.to_string()),
            ("--connects", self.connects.to_string()),
        ] {
            args.extend([name.to_owned(), value]);
        }
        args
    }
}

pub(crate) fn measure(cli: &Cli) -> Result<Section> {
    let wanted = cli.pick(READERS, 200);
    let readers = files::readers(wanted)?;
    let events = cli.pick(300, 20);
    let scaled = if readers < wanted {
        format!(" ({wanted} scaled to what the limit of open files allows)")
    } else {
        String::new()
    };
    let about = format!(
        "{readers} readers of server-sent events{scaled}, {} events a second each, {events} in all",
        1_000 / PACE_MS
    );
    let mut section = Section::new("load", about, !cli.quick);
    section.row([
        "",
        "lost",
        "doubled",
        "p50 ms",
        "p99 ms",
        "max ms",
        "µs CPU an event",
        "kB a reader",
        "kB at the end",
        "bytes an event",
    ]);
    let mut bare = None;
    for kind in [Kind::Bare, Kind::Runs, Kind::Shared] {
        let measured = Measured::of(kind, readers, events, cli.pick(2_000, 1_000))?;
        section.row(measured.row(kind));
        section.data(measured.json(kind));
        let bare = &*bare.get_or_insert_with(|| measured.clone());
        if kind != Kind::Bare {
            measured.judge(kind, bare, &mut section);
        }
    }
    Ok(section)
}

/// One server with its readers.
#[derive(Clone, Debug)]
struct Measured {
    report: Report,
    cpu_ns_an_event: f64,
    bytes_a_reader: u64,
    bytes_a_reader_at_the_end: u64,
}

impl Measured {
    fn of(kind: Kind, readers: u32, events: u32, connects: u32) -> Result<Self> {
        let mut server = Serving::start(kind)?;
        let mut client = Client::start(&Errand {
            kind,
            address: server.address,
            readers,
            events,
            pace_ms: PACE_MS,
            connects,
        })?;
        let idle = server.usage()?;
        client.all_are_there()?;
        let there = server.usage()?;
        let report = client.report()?;
        let done = server.usage()?;
        ensure!(
            report.failed == 0,
            "{} readers failed: {}",
            report.failed,
            report.why
        );
        let a_reader =
            |usage: &Usage| usage.anonymous.saturating_sub(idle.anonymous) / u64::from(readers);
        Ok(Self {
            cpu_ns_an_event: ratio(done.cpu_ns - there.cpu_ns, report.after_all_were_there),
            bytes_a_reader: a_reader(&there),
            bytes_a_reader_at_the_end: a_reader(&done),
            report,
        })
    }

    fn row(&self, kind: Kind) -> [String; 10] {
        let report = &self.report;
        let ms = |us: u64| format!("{:.1}", us as f64 / 1_000.0);
        [
            kind.to_string(),
            table::number(report.lost),
            table::number(report.doubled),
            ms(report.p50_us),
            ms(report.p99_us),
            ms(report.max_us),
            format!("{:.1}", self.cpu_ns_an_event / 1_000.0),
            format!("{:.1}", self.bytes_a_reader as f64 / 1_024.0),
            format!("{:.1}", self.bytes_a_reader_at_the_end as f64 / 1_024.0),
            table::number(report.bytes / report.received.max(1)),
        ]
    }

    fn json(&self, kind: Kind) -> serde_json::Value {
        json!({
            "kind": format!("{kind:?}").to_lowercase(),
            "report": self.report,
            "cpu_ns_an_event": self.cpu_ns_an_event,
            "bytes_a_reader": self.bytes_a_reader,
            "bytes_a_reader_at_the_end": self.bytes_a_reader_at_the_end,
        })
    }

    fn judge(&self, kind: Kind, bare: &Self, section: &mut Section) {
        let report = &self.report;
        let wrong = report.lost + report.doubled;
        section.aim(
            format!("{kind}, lost or doubled"),
            "events",
            wrong as f64,
            0.0,
        );
        let p99 = report.p99_us as f64 / 1_000.0;
        section.aim(format!("{kind}, p99 delay"), "ms", p99, AIM_DELAY);
        let times = self.cpu_ns_an_event / bare.cpu_ns_an_event.max(1.0);
        section.aim(format!("{kind}/bare, CPU"), "times", times, AIM_CPU);
        let times = ratio(self.bytes_a_reader, bare.bytes_a_reader);
        section.aim(format!("{kind}/bare, memory"), "times", times, AIM_MEMORY);
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bare => "bare axum",
            Self::Runs => "a run for each",
            Self::Shared => "one run for all",
        })
    }
}
