mod fixtures;
mod record;
mod replay;
mod serve;

use std::error::Error;
use std::io::Write as _;

use clap::{Parser, Subcommand};
use mainstem_testkit::Fixture;

/// A scripted model server over a real socket.
///
/// It speaks chat completions as a script says, plays streams as real servers send them, and records
/// and replays exchanges with a real server.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer requests until Ctrl-C; the base URL is the one line on stdout.
    ///
    /// Example: `mainstem-testkit serve --text "Hello there" --chunk-size 4 --delay-ms 30`
    Serve(serve::Serve),
    /// List the fixtures: streams as real servers send them.
    Fixtures(fixtures::Fixtures),
    /// Pass requests on to a real server until Ctrl-C, and record each exchange without its
    /// secrets; the base URL is the one line on stdout.
    ///
    /// Example: `mainstem-testkit record --upstream https://api.openai.com/v1 --out chat.jsonl`
    Record(record::Record),
    /// Answer requests as it was recorded, until Ctrl-C; the base URL is the one line on stdout.
    Replay(replay::Replay),
}

impl Cli {
    pub(crate) async fn run(self) -> Result<(), Box<dyn Error>> {
        match self.command {
            Command::Serve(serve) => serve.run().await,
            Command::Fixtures(fixtures) => fixtures.run(),
            Command::Record(record) => record.run().await,
            Command::Replay(replay) => replay.run().await,
        }
    }
}

/// Finds a fixture of the crate.
fn fixture(name: &str) -> Result<Fixture, String> {
    Fixture::named(name).ok_or_else(|| {
        format!("no fixture is called `{name}`; `mainstem-testkit fixtures` lists them")
    })
}

/// Writes a line to stdout at once, for whoever waits for it.
fn show(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "{line}")?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }
}
