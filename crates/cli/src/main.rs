//! The program `mainstem`.

mod args;
mod chat;
mod diagram;
mod exit;
mod flows;
mod interrupt;
mod markdown;
mod model;
mod notes;
mod print;
mod prompt;
mod runs;
mod serve;
mod terminal;

use std::process::ExitCode;

use args::{Cli, Command};
use exit::{Exit, Failure};

fn main() -> ExitCode {
    let command = match Cli::read() {
        Ok(cli) => cli.into_command(),
        Err(error) => return exit::of_usage(&error),
    };
    let mut builder = match &command {
        Command::Serve(_) => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = match builder.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::System(error).report().into(),
    };
    let exit = runtime.block_on(run(command));
    // A read of the terminal can't be cancelled: don't wait for a line that nobody needs.
    runtime.shutdown_background();
    exit.into()
}

async fn run(command: Command) -> Exit {
    let done = match command {
        Command::Chat(chat) => chat::run(chat).await,
        Command::Serve(serve) => serve::run(serve).await,
        Command::Diagram(diagram) => diagram::run(diagram).await,
        Command::Runs(runs) => runs::run(runs).await,
    };
    done.unwrap_or_else(Failure::report)
}
