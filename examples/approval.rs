//! An approval that survives a restart: one process asks and ends, another one goes on.
//!
//! `-- begin FILE 700` and `-- answer FILE yes` (or `no`) do it by hand; without arguments it does both, in
//! two processes of its own.
use std::{env, path::Path, process};

use anyhow::{Context as _, bail, ensure};
use mainstem::{
    Outcome, Question, RunQuery, RunStatus, SqliteStore, Store, Suspension, prelude::*,
};

const USAGE: &str = "usage: begin FILE EUROS | answer FILE yes|no";

fn pay() -> Flow<u32, String> {
    Flow::new("pay")
        .step("check", |euros: u32| {
            println!("  (checking the account of who is to be paid)");
            euros
        })
        .ask::<bool>("approve", |euros: &u32| {
            Question::new(format!("Pay {euros} €?"))
        })
        .step("pay", |(euros, yes): (u32, bool)| match yes {
            true => format!("paid {euros} €"),
            false => "not paid".to_owned(),
        })
}

/// The first process: it ends when the question is asked.
async fn begin(file: &Path, euros: u32) -> anyhow::Result<()> {
    let store = SqliteStore::open(file).await?;
    match pay().run(euros).store(store).outcome().await? {
        Outcome::Suspended(asked) => println!("asked: {}", asked.requests[0].prompt),
        Outcome::Finished(result) => println!("{result}"),
        _ => bail!("the run ended in a way that this example doesn't know"),
    }
    Ok(())
}

/// The second one: it finds the run that waits, and goes on with it.
async fn answer(file: &Path, yes: bool) -> anyhow::Result<()> {
    let name = file.display();
    ensure!(
        file.exists(),
        "there is no file `{name}`: `begin {name} 700` makes it"
    );
    let store = SqliteStore::open(file).await?;
    let open = store.list(RunQuery::new(100).open()).await?;
    let waits = open.iter().find(|run| run.status == RunStatus::Suspended);
    let waits = waits.context("no run waits for an answer")?;
    let asked = Suspension::load(&store, &waits.id).await?;
    let answered = asked.answer("approve", &yes)?;
    println!("{}", pay().resume(answered).store(store).await?);
    Ok(())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args: Vec<_> = env::args().skip(1).collect();
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["begin", file, euros] => {
            let is_whole =
                || format!("`{euros}` is no number of euros; give a whole one, such as 700");
            begin(file.as_ref(), euros.parse().with_context(is_whole)?).await
        }
        ["answer", file, "yes"] => answer(file.as_ref(), true).await,
        ["answer", file, "no"] => answer(file.as_ref(), false).await,
        ["answer", _, other] => bail!("`{other}` is no answer; it is yes or no"),
        ["--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        [] => both(),
        _ => bail!("{USAGE}"),
    }
}

fn both() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("runs.db");
    let file = file.to_str().context("the temporary folder isn't UTF-8")?;
    for args in [["begin", file, "700"], ["answer", file, "yes"]] {
        println!("a process begins: {}", args[0]);
        let ended = process::Command::new(env::current_exe()?)
            .args(args)
            .status()?;
        ensure!(ended.success(), "it failed");
    }
    Ok(())
}
