//! `mainstem runs`.

mod args;
mod list;
mod moment;
mod plan;
mod show;

use std::{env, path::PathBuf};

pub(crate) use args::Runs;
use args::{Command, Place};
use mainstem::{Error, ErrorKind, RunId, RunState, SqliteStore, Store, Text};

use crate::{
    exit::{Exit, Failure},
    print::{self, harmless},
};

/// Does what the command line asks for.
pub(crate) async fn run(runs: Runs) -> Result<Exit, Failure> {
    match runs.into_command() {
        Command::List(args) => list::run(args).await,
        Command::Show(args) => show::run(args).await,
    }
}

/// The store of a file, which must be there: a misspelt one isn't to be made.
async fn open(place: &Place) -> Result<SqliteStore, Error> {
    let from_environment = || env::var_os("MAINSTEM_STORE").map(PathBuf::from);
    let path = place.store.clone().or_else(from_environment);
    let Some(path) = path.filter(|path| !path.as_os_str().is_empty()) else {
        return Err(config(
            "which runs? Give the file of their store by `--store FILE`, or by MAINSTEM_STORE",
        ));
    };
    if !path.is_file() {
        let (is_directory, path) = (path.is_dir(), path.display());
        let message = match is_directory {
            true => {
                format!("`{path}` is a directory; give the file in it that the runs' store has")
            }
            false => format!("there is no file `{path}`; give the one that the runs' store has"),
        };
        return Err(config(message));
    }
    SqliteStore::open(path).await
}

/// What the store knows of a run; one that it hasn't got was named wrongly.
async fn state(store: &SqliteStore, run: &RunId) -> Result<RunState, Error> {
    store.state(run).await.map_err(|error| match error.kind() {
        ErrorKind::NotFound => config(format!(
            "there is no run `{}` in this store; `mainstem runs` lists those there are",
            one_line(run.as_str())
        )),
        _ => error,
    })
}

fn config(message: impl Into<Text>) -> Error {
    Error::new(ErrorKind::Config, message)
}

async fn write(text: String) -> Result<Exit, Failure> {
    print::write(text).await.map_err(Failure::Output)?;
    Ok(Exit::Finished)
}

/// What somebody else named, on one line, for a terminal.
fn one_line(text: &str) -> String {
    harmless(text).replace(['\n', '\t'], " ")
}
