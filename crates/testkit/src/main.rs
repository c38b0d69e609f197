//! The program `mainstem-testkit`: a scripted model server to point a client at.

mod cli;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    match cli::Cli::parse().run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // There is nowhere left to report that standard error is closed.
            let _ = writeln!(std::io::stderr(), "mainstem-testkit: {error}");
            ExitCode::FAILURE
        }
    }
}
