//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::{errand::Errand, load, steps, structured::Task};

/// Measures what streaming through Mainstem costs.
#[derive(Debug, Parser)]
#[command(name = "mainstem-bench", bin_name = "cargo xtask bench")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) part: Option<Part>,

    /// Also writes the numbers to a file, as JSON.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Runs everything with small numbers, to see that it works.
    #[arg(long, global = true)]
    pub(crate) quick: bool,

    /// Fails if a number that is the same on every run, of instructions or on the heap, is over
    /// its aim.
    #[arg(long, global = true, conflicts_with = "quick")]
    pub(crate) gate: bool,

    /// Keeps callgrind's profiles in a directory, for `callgrind_annotate`.
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
}

impl Cli {
    /// The number for a real run, or the one for a quick one.
    pub(crate) fn pick<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }
}

#[derive(Clone, Debug, PartialEq, Subcommand)]
pub(crate) enum Part {
    /// All of them; the default.
    All,
    /// CPU time for each chunk: one stream, 200, and 200 paced.
    Chunks,
    /// Instructions for each chunk.
    Callgrind,
    /// Memory for each open stream.
    Memory,
    /// Time to the first chunk.
    FirstChunk,
    /// What the server can send while the reader pauses.
    Backpressure,
    /// Memory while 200 MB come at full speed.
    Flood,
    /// JSON checked against a schema as it arrives: instructions, times and memory.
    Structured,
    /// What a step of a flow costs over the function that it calls.
    Steps,
    /// Changes of a tree of progress.
    Progress,
    /// What a wire costs for each piece of text.
    Wires,
    /// Appends to a file of SQLite.
    Stores,
    /// 10,000 readers of server-sent events at once.
    Load,
    /// The scripted server; started by the others.
    #[command(hide = true)]
    Server {
        /// The size of the kernel's send buffers; as the kernel likes, without it.
        #[arg(long)]
        send_buffer: Option<u32>,
    },
    /// One client; started by the others.
    #[command(hide = true)]
    Client(Errand),
    /// Reads one document; started by `structured`.
    #[command(hide = true)]
    Document(Task),
    /// Runs one flow, again and again; started by `steps`.
    #[command(hide = true)]
    StepsOf(steps::Errand),
    /// Serves the readers of `load`.
    #[command(hide = true)]
    LoadServer {
        #[arg(value_enum)]
        kind: load::Kind,
    },
    /// The readers of `load`.
    #[command(hide = true)]
    LoadClient(load::Errand),
}
