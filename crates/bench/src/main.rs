//! What streaming through Mainstem costs.
//!
//! `cargo xtask bench` runs all of it; a subcommand runs one part. The same text is streamed from a
//! scripted server ([`mainstem_testkit`]) and read in these ways, in the same run:
//!
//! | kind | how it reads |
//! |---|---|
//! | `raw` | reqwest's chunks of bytes, counted |
//! | `splitter` | a line splitter written by hand, and serde into a borrowed delta |
//! | `model` | Mainstem's `Model::stream` |
//! | `agent` | Mainstem's `Agent::run_streamed`, by `next_text` |
//! | `flow` | the agent as a branch of a flow in a flow; in instructions alone |
//!
//! The raw reader is what no client can go below; the splitter is what an application would write
//! if it had no library. The aims are ratios to them, so that they hold on other machines too.
//!
//! # How it is measured
//!
//! The server is a process of its own, and so is each client: what a client uses is its own alone.
//! Clients have a runtime of one thread, which is steadier than several. Each frame of about 260
//! bytes is one HTTP chunk; unpaced, the server writes many of them at once, from memory.
//!
//! The frames of a script are the same to the byte, which flatters a reader that remembers the last
//! one. So there are others: one whose frames end in random characters, as OpenAI pads them by
//! default (`obfuscation`), and one whose frames differ in their time, too, so that each must be
//! parsed. The aim in instructions holds for all.
//!
//! - `chunks`: CPU time, user and kernel, from `/proc/self/task/*/schedstat`. The kinds take turns,
//!   and each number is the median of five runs.
//! - `callgrind`: instructions in user mode. Two lengths are run and the difference is divided by
//!   the difference in chunks, so that starting up isn't counted. It doesn't depend on what else
//!   the machine does.
//! - `memory`: anonymous memory of streams that are open and silent, over that of the process that
//!   has served one request.
//! - `first-chunk`: wall time from the request to the first text, on warm connections, the kinds in
//!   turns.
//! - `backpressure`: what the server could write while the reader paused. By default a kernel lets
//!   the server's own send buffer grow to megabytes, which no client can help: so the server has a
//!   small one, and what it is without is printed beside it.
//! - `flood`: memory while 200 MB come at full speed.
//! - `structured`: a document of records, checked in chunks of 4 bytes against the schema of its
//!   type, beside one typed parse of the whole text by `serde_json`. Instructions as above, by
//!   the difference of two numbers of rounds; the heap at its peak by valgrind's dhat.
//! - `steps`: flows of 1,000 and of 10,000 steps that call a function, beside as many calls of the
//!   function: wall time of a run, and the resident memory at its peak over that before the flow
//!   was built.
//! - `progress`: wall time of changes of a tree of progress, of ten leaves and of ten thousand, both of
//!   depth 6.
//! - `wires`: wall time of a fold of pieces of text in memory, and of a response of them that is read in
//!   memory, a frame for each piece, beside a `String` for each that is put together by hand.
//! - `stores`: wall time of appends to a file of SQLite, beside a bare loop of inserts, in turns. How
//!   many a second there are depends on the disk; the ratios hold.
//!
//! - `load`: readers of server-sent events, each with ten events a second of its own, on a server of
//!   `mainstem-serve` and on a bare handler of axum that sends the same bytes. The delay of an event
//!   counts from when it was due, whoever was late; from the moment on when the last reader had its
//!   first.
//!
//! A missed aim is printed as such; only `--gate` makes it a failure, and of the
//! number of instructions and the heap alone, which are the same on every run.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing is what this program is for"
)]

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

mod agent;
mod backpressure;
mod callgrind;
mod child;
mod chunks;
mod cli;
mod client;
mod errand;
mod first_chunk;
mod flood;
mod flow;
mod host;
mod latency;
mod load;
mod machine;
mod memory;
mod model;
mod open;
mod process;
mod progress;
mod raw;
mod reader;
mod report;
mod script;
mod server;
mod splitter;
mod stats;
mod steps;
mod stores;
mod structured;
mod table;
mod wires;

use cli::{Cli, Part};
use report::Report;

fn main() -> Result<ExitCode> {
    let cli = Cli::parse();
    match cli.part.clone().unwrap_or(Part::All) {
        Part::Server { send_buffer } => server::run(send_buffer)?,
        Part::Client(errand) => client::run(&errand)?,
        Part::Document(task) => task.run()?,
        Part::StepsOf(errand) => errand.run()?,
        Part::LoadServer { kind } => load::serve(kind)?,
        Part::LoadClient(errand) => load::read(&errand)?,
        part => return measure(&cli, &part),
    }
    Ok(ExitCode::SUCCESS)
}

fn measure(cli: &Cli, part: &Part) -> Result<ExitCode> {
    let mut report = Report::new(cli.quick);
    println!("{}", report.machine);
    if cli.quick {
        println!("quick: small numbers, to see that all of it runs; they mean nothing");
    }
    type Measure = fn(&Cli) -> Result<report::Section>;
    let parts: [(Part, Measure); 12] = [
        (Part::Chunks, chunks::measure),
        (Part::Callgrind, callgrind::measure),
        (Part::Memory, memory::measure),
        (Part::FirstChunk, first_chunk::measure),
        (Part::Backpressure, backpressure::measure),
        (Part::Flood, flood::measure),
        (Part::Structured, structured::measure),
        (Part::Steps, steps::measure),
        (Part::Progress, progress::measure),
        (Part::Wires, wires::measure),
        (Part::Stores, stores::measure),
        (Part::Load, load::measure),
    ];
    for (name, measure) in parts {
        if *part != Part::All && *part != name {
            continue;
        }
        let counts = matches!(name, Part::Callgrind | Part::Structured);
        if *part == Part::All && counts && !callgrind::is_installed() {
            println!("\n{name:?}: left out, valgrind isn't installed");
            continue;
        }
        let section = measure(cli).with_context(|| format!("{name:?} can't be measured"))?;
        println!("\n{section}");
        report.sections.push(section);
    }
    if let Some(path) = &cli.json {
        report.save(path)?;
    }
    let failed = cli.gate && report.misses_exact_aim();
    if failed {
        eprintln!("--gate: a number that is the same on every run is over its aim");
    }
    Ok(ExitCode::from(u8::from(failed)))
}
