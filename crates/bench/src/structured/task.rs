//! One process that reads one document, again and again.

use std::{hint::black_box, time::Instant};

use anyhow::Result;
use clap::Args;
use mainstem_structured::Schema;
use serde::{Deserialize, Serialize};

use super::{
    records::{self, Records},
    way::Way,
};
use crate::client::nanoseconds;

const BALLAST: usize = 16 << 20;

#[derive(Args, Clone, Copy, Debug, PartialEq)]
pub(crate) struct Task {
    /// How to read.
    #[arg(long)]
    pub(crate) way: Way,
    /// About how long the document is.
    #[arg(long)]
    pub(crate) bytes: usize,
    /// How often it is read.
    #[arg(long)]
    pub(crate) rounds: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Timed {
    pub(crate) least_ns: u64,
}

impl Task {
    pub(crate) fn run(&self) -> Result<()> {
        let text = records::document(self.bytes)?;
        let schema = Schema::of::<Records>()?;
        // More than the schema took, so that the heap is at its peak while the document is read.
        // It is never written to, and so takes no memory.
        let ballast = black_box(Vec::<u8>::with_capacity(BALLAST));
        let mut least_ns = u64::MAX;
        for _ in 0..self.rounds {
            let begin = Instant::now();
            self.way.read(&text, &schema)?;
            least_ns = least_ns.min(nanoseconds(begin.elapsed()));
        }
        drop(ballast);
        println!("{}", serde_json::to_string(&Timed { least_ns })?);
        Ok(())
    }

    /// How long the document really is.
    pub(crate) fn length(&self) -> Result<u64> {
        Ok(records::document(self.bytes)?.len() as u64)
    }

    pub(crate) fn to_args(self) -> Vec<String> {
        let Self { way, bytes, rounds } = self;
        let (bytes, rounds) = (bytes.to_string(), rounds.to_string());
        [
            "document",
            "--way",
            way.name(),
            "--bytes",
            &bytes,
            "--rounds",
            &rounds,
        ]
        .map(str::to_owned)
        .to_vec()
    }
}

#[cfg(test)]
mod tests {
    use clap::{Parser, ValueEnum};

    use super::*;
    use crate::cli::{Cli, Part};

    #[test]
    fn it_survives_the_command_line() {
        for way in Way::value_variants() {
            let task = Task {
                way: *way,
                bytes: 1_000,
                rounds: 5,
            };
            let args = std::iter::once("bench".to_owned()).chain(task.to_args());
            let cli = Cli::try_parse_from(args).unwrap();
            assert_eq!(cli.part, Some(Part::Document(task)));
        }
    }

    #[test]
    fn every_way_reads_the_document() {
        let text = records::document(1_000).unwrap();
        let schema = Schema::of::<Records>().unwrap();
        for way in Way::value_variants() {
            way.read(&text, &schema).unwrap();
        }
    }
}
