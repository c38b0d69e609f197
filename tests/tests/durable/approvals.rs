//! Approvals of tool calls over a restart: one process asks, another one is told the answers.

use std::{env, fs, io::Write as _, path::Path, process::Stdio};

use mainstem::{
    Agent, Context, Outcome, RunContext, SqliteStore, StepResult, Suspension, ToolExt,
    models::ChatCompletions, tool_fn, with,
};
use mainstem_testkit::{Reply, ScriptedServer};
use mainstem_tests::{client, watch::in_words};
use serde_json::json;
use tokio::process::Command;

const FOLDER: &str = "MAINSTEM_APPROVALS_FOLDER";
const MODEL: &str = "MAINSTEM_APPROVALS_MODEL";
const RUN: &str = "bills";

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Bill {
    to: String,
    euros: u32,
}

/// Writes down what it pays.
async fn pay(_: RunContext, book: String, bill: Bill) -> StepResult<String> {
    let mut book = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(book)?;
    writeln!(book, "{} {}", bill.to, bill.euros)?;
    Ok(format!("paid to {}", bill.to))
}

fn clerk(model: &str, folder: &Path) -> Agent {
    let model = ChatCompletions::builder("m")
        .base_url(model)
        .client(client());
    let book = folder.join("book.txt").to_str().unwrap().to_owned();
    let pay = tool_fn("pay", "Pays a bill.", with(book, pay)).approve_if(|bill: &Bill| {
        (bill.euros > 10).then(|| format!("Pay {} € to {}?", bill.euros, bill.to).into())
    });
    Agent::builder(model.build().unwrap())
        .name("clerk")
        .tool(pay)
        .build()
        .unwrap()
}

/// Not a test: what the other one starts. The first of them asks; the second one has the answers.
#[tokio::test]
async fn child() {
    let Some(folder) = env::var_os(FOLDER) else {
        return;
    };
    let folder = Path::new(&folder);
    let clerk = clerk(&env::var(MODEL).unwrap(), folder);
    let store = SqliteStore::open(folder.join("runs.db")).await.unwrap();
    let ctx = Context::new();
    let run = match Suspension::load(&store, &RUN.into()).await {
        Err(_) => clerk.run("Pay my bills.").id(RUN),
        Ok(asked) => {
            let answered = asked.answer("pay[0]/approve", &true).unwrap();
            clerk.resume(answered.refuse("pay[1]/approve", "I know no Bob").unwrap())
        }
    };
    match run.store(store).context(&ctx).outcome().await.unwrap() {
        Outcome::Suspended(asked) => {
            for request in &asked.requests {
                println!("@asked {}: {}", request.id, request.prompt);
            }
            assert!(ctx.messages().is_empty());
        }
        Outcome::Finished(_) => {
            for message in in_words(&ctx.messages()) {
                println!("@said {message}");
            }
        }
        _ => panic!("another outcome"),
    }
}

async fn live(folder: &Path, server: &ScriptedServer) -> Vec<String> {
    let done = Command::new(env::current_exe().unwrap())
        .args(["--exact", "approvals::child", "--nocapture"])
        .env(FOLDER, folder)
        .env(MODEL, server.base_url())
        .stderr(Stdio::inherit())
        .output();
    let done = mainstem_tests::within(done).await.unwrap();
    assert!(done.status.success());
    let out = String::from_utf8(done.stdout).unwrap();
    let ours = out
        .lines()
        .filter_map(|line| Some(line.split_once('@')?.1.to_owned()));
    ours.collect()
}

#[tokio::test]
async fn one_is_granted_and_one_is_refused_by_another_process() {
    let server = mainstem_tests::server().await;
    let bill = |to: &str, euros: u32| json!({"to": to, "euros": euros}).to_string();
    server.push(
        Reply::stream()
            .tool_start(0, "a", "pay")
            .tool_arguments(0, bill("Ada", 70))
            .tool_start(1, "b", "pay")
            .tool_arguments(1, bill("Bob", 80))
            .tool_start(2, "c", "pay")
            .tool_arguments(2, bill("Cid", 5))
            .finish("tool_calls")
            .usage(3, 2)
            .done(),
    );
    server.push(Reply::text(["Two are paid."]));
    let folder = tempfile::tempdir().unwrap();
    let asked = live(folder.path(), &server).await;
    assert_eq!(
        asked,
        [
            "asked pay[0]/approve: Pay 70 € to Ada?",
            "asked pay[1]/approve: Pay 80 € to Bob?"
        ]
    );
    let book = || fs::read_to_string(folder.path().join("book.txt")).unwrap();
    assert_eq!(book(), "Cid 5\n");

    let said = live(folder.path(), &server).await;
    assert_eq!(book(), "Cid 5\nAda 70\n");
    assert_eq!(said[0], "said user: Pay my bills.");
    assert_eq!(
        said[2],
        "said tool: -> paid to Ada | !> The call wasn't made: whoever was asked refused: I know no Bob | \
         -> paid to Cid"
    );
    assert_eq!(said[3], "said assistant: Two are paid.");
    assert_eq!(server.requests().len(), 2);
}
