//! The process that serves: the name of the model in a request says what to answer.

use std::{
    collections::HashMap,
    io::Write,
    sync::{Mutex, PoisonError},
};

use anyhow::Result;
use mainstem_testkit::{Recorded, Reply, ScriptedServer};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::script::Script;

/// Serves until standard input ends.
///
/// Its first line of output is the base URL; then it answers each line of input with the number of
/// body bytes that the kernel has taken so far.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(send_buffer: Option<u32>) -> Result<()> {
    let mut builder = ScriptedServer::builder();
    if let Some(bytes) = send_buffer {
        builder = builder.send_buffer(bytes);
    }
    let server = builder.start().await?;
    let made = Mutex::new(HashMap::new());
    server.respond_with(move |request| respond(request, &made));
    say(&server.base_url())?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while lines.next_line().await?.is_some() {
        say(&server.bytes_written().to_string())?;
    }
    Ok(())
}

fn respond(request: &Recorded, made: &Mutex<HashMap<Script, Reply>>) -> Reply {
    match request.body["model"].as_str().unwrap_or_default().parse() {
        Ok(script) => made
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(script)
            .or_insert_with(|| script.reply())
            .clone(),
        Err(error) => Reply::error_status(400, &error.to_string()),
    }
}

fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
