//! The project's own commands: `cargo xtask test`, `cargo xtask bench` and `cargo xtask fuzz`.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing is what this program is for"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};

mod bench;
mod cargo;
mod clients;
mod examples;
mod features;
mod fuzz;
mod house;
mod mcp_servers;
mod msrv;
mod packages;
mod schema_suite;
mod session;
mod stages;
mod table;
mod tools;
mod workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run every check of the project, in order, as CI does.
    Test(TestArgs),
    /// Run the benchmarks in release mode; all arguments go to them.
    Bench {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Look for inputs that structured output judges wrongly.
    Fuzz {
        /// For how long.
        #[arg(long, value_name = "N", default_value_t = 10)]
        minutes: u64,
        /// Try one input that was found.
        #[arg(long, value_name = "FILE")]
        replay: Option<PathBuf>,
    },
}

#[derive(Args)]
struct TestArgs {
    /// Only what catches most mistakes soonest: for every save, not for the merge.
    #[arg(long)]
    fast: bool,
    /// Run only these stages, separated by commas.
    #[arg(long, value_name = "STAGE", value_delimiter = ',',
          value_parser = PossibleValuesParser::new(stages::names()))]
    only: Vec<String>,
    /// Say what the stages are, and run none.
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// True when everything that was asked for went well.
fn run(command: Command) -> Result<bool> {
    match command {
        Command::Test(args) if args.list => {
            print!("{}", stages::list());
            Ok(true)
        }
        Command::Test(args) => {
            let root = workspace::find_root()?;
            stages::run(&root, &stages::select(&args.only, args.fast), args.fast)
        }
        Command::Fuzz { minutes, replay } => {
            let root = workspace::find_root()?;
            fuzz::run(&root, minutes, replay.as_deref()).map(|()| true)
        }
        Command::Bench { args } => bench::run(&workspace::find_root()?, &args).map(|()| true),
    }
}
