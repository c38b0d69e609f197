//! What a client process is told to do, as the arguments of its command line.

use clap::{Args, ValueEnum};

use crate::script::Script;

#[derive(Args, Clone, Debug, PartialEq)]
pub(crate) struct Errand {
    /// What to do.
    #[arg(long)]
    pub(crate) job: Job,
    /// The base URL of the server.
    #[arg(long)]
    pub(crate) url: String,
    /// How to read.
    #[arg(long)]
    pub(crate) kind: Kind,
    /// What the server answers.
    #[arg(long)]
    pub(crate) script: Script,
    /// How many streams at a time; how many requests, for `latency`.
    #[arg(long, default_value_t = 1)]
    pub(crate) streams: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Job {
    /// Read all streams to their ends.
    Read,
    /// Read what there is, and hold the streams open.
    Hold,
    /// Time the first piece of one stream after the other; of all kinds, in turns.
    Latency,
    /// Read a few pieces, and pause until standard input ends.
    Pause,
    /// Read one stream, and look at the memory on the way.
    Flood,
}

/// A way of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Reqwest's chunks of bytes.
    Raw,
    /// A line splitter written by hand.
    Splitter,
    /// Mainstem's `Model::stream`.
    Model,
    /// Mainstem's `Agent::run_streamed`.
    Agent,
    /// The agent as a branch of a flow in a flow.
    Flow,
}

impl Kind {
    /// What one stream can be read by.
    pub(crate) const ALL: [Self; 4] = [Self::Raw, Self::Splitter, Self::Model, Self::Agent];
    /// The same, and the agent in a flow.
    pub(crate) const WITH_FLOWS: [Self; 5] = [
        Self::Raw,
        Self::Splitter,
        Self::Model,
        Self::Agent,
        Self::Flow,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Splitter => "splitter",
            Self::Model => "model",
            Self::Agent => "agent",
            Self::Flow => "flow",
        }
    }
}

impl Errand {
    pub(crate) fn to_args(&self) -> Vec<String> {
        let job = self.job.to_possible_value();
        let job = job.map_or_else(String::new, |job| job.get_name().to_owned());
        [
            "client",
            "--job",
            &job,
            "--url",
            &self.url,
            "--kind",
            self.kind.name(),
            "--script",
            &self.script.to_string(),
            "--streams",
            &self.streams.to_string(),
        ]
        .map(str::to_owned)
        .to_vec()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Part};

    #[test]
    fn it_survives_the_command_line() {
        for job in Job::value_variants() {
            for kind in Kind::WITH_FLOWS {
                let errand = Errand {
                    job: *job,
                    url: "http://127.0.0.1:9/v1".into(),
                    kind,
                    script: Script::new(100, 4).paced(20),
                    streams: 200,
                };
                let args = std::iter::once("bench".to_owned()).chain(errand.to_args());
                let cli = Cli::try_parse_from(args).unwrap();
                assert_eq!(cli.part, Some(Part::Client(errand)));
            }
        }
    }
}
