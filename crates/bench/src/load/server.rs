//! The process that serves.

use std::{
    convert::Infallible,
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use axum::{
    Json, Router,
    response::sse::{Event as Frame, Sse},
    routing::post,
};
use clap::ValueEnum as _;
use futures::{Stream, StreamExt as _};
use mainstem::{Flow, RunContext, StepResult, TextDelta};
use mainstem_serve::{Limits, Server, SessionLimits};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::{Errand, Kind, ticks::Ticks};
use crate::process;

/// What a server has used so far.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Usage {
    pub(super) cpu_ns: u64,
    pub(super) anonymous: u64,
}

/// The process, from where it was started.
pub(super) struct Serving {
    pub(super) address: SocketAddr,
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Serving {
    pub(super) fn start(kind: Kind) -> Result<Self> {
        let name = kind.to_possible_value().context("a kind has a name")?;
        let mut process = Command::new(std::env::current_exe()?)
            .args(["load-server", name.get_name()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the server can't be started")?;
        let input = process.stdin.take().context("the server has no input")?;
        let output = process.stdout.take().context("the server has no output")?;
        let mut output = BufReader::new(output);
        let address = line(&mut output)?.parse()?;
        Ok(Self {
            address,
            process,
            input,
            output,
        })
    }

    pub(super) fn usage(&mut self) -> Result<Usage> {
        writeln!(self.input)?;
        Ok(serde_json::from_str(&line(&mut self.output)?)?)
    }
}

fn line(output: &mut BufReader<ChildStdout>) -> Result<String> {
    let mut line = String::new();
    output.read_line(&mut line)?;
    ensure!(!line.is_empty(), "the server has ended");
    Ok(line.trim_end().to_owned())
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Serves until standard input ends; answers each line of it with what was used so far.
#[tokio::main]
pub(crate) async fn run(kind: Kind) -> Result<()> {
    // A backlog for readers that come at once.
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let listener = socket.listen(4_096)?;
    say(&listener.local_addr()?.to_string())?;
    // spawn: it lives as long as the process
    let serving = tokio::spawn(async move {
        match kind {
            Kind::Bare => bare(listener).await,
            Kind::Runs | Kind::Shared => mainstem(listener).await,
        }
    });
    let mut lines = tokio::io::BufReader::new(tokio::io::stdin()).lines();
    while lines.next_line().await?.is_some() {
        ensure!(!serving.is_finished(), "the server stopped");
        let used = Usage {
            cpu_ns: process::cpu_ns()?,
            anonymous: process::memory()?.anonymous,
        };
        say(&serde_json::to_string(&used)?)?;
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Order {
    events: u32,
    pace_ms: u64,
}

impl Order {
    fn ticks(self) -> Ticks {
        Ticks::new(self.events, Duration::from_millis(self.pace_ms))
    }
}

#[derive(Deserialize)]
struct Body {
    input: Order,
}

/// What an application would write without a library.
async fn bare(listener: TcpListener) -> Result<()> {
    let app = Router::new().route("/runs", post(answer));
    Ok(axum::serve(listener, app).await?)
}

async fn answer(Json(body): Json<Body>) -> Sse<impl Stream<Item = Result<Frame, Infallible>>> {
    let ticks = body.input.ticks();
    let ticks = futures::stream::unfold(ticks, async |mut ticks| {
        let text = ticks.next().await?;
        let data = format!(r#"{{"text":"{text}"}}"#);
        Some((("ticks/tick", "text_delta", data), ticks))
    });
    let told = |events: &'static [(&str, &str, &str)]| {
        let events = events.iter();
        futures::stream::iter(events.map(|(path, name, data)| (*path, *name, (*data).to_owned())))
    };
    let events = told(BEFORE).chain(ticks).chain(told(AFTER));
    let frames = events.enumerate().map(|(before, (path, name, data))| {
        Ok(match name {
            "end" => Frame::default()
                .event(name)
                .id(format!("1-{before}"))
                .data(data),
            _ => frame(before + 1, path, name, &data),
        })
    });
    Sse::new(frames)
}

/// What a run of Mainstem tells before the first tick, and after the last one: path, kind and data.
const BEFORE: &[(&str, &str, &str)] = &[
    (
        "",
        "run_started",
        r#"{"run":"58c6a7634f7f41a6a0f9a9855ebdf4eb","name":"ticks","input":{"events":300,"pace_ms":100}}"#,
    ),
    ("ticks", "step_started", r#"{"kind":"flow","total":1}"#),
    ("ticks/tick", "step_started", r#"{"kind":"function"}"#),
];
const AFTER: &[(&str, &str, &str)] = &[
    ("ticks/tick", "step_finished", DONE),
    ("ticks", "step_finished", DONE),
    ("", "run_finished", DONE),
    ("", "end", r#"{"outcome":"finished"}"#),
];
const DONE: &str = r#"{"output":null,"usage":{"requests":0,"input_tokens":0,"cached_input_tokens":0,"output_tokens":0,"reasoning_tokens":0}}"#;

/// An event as Mainstem writes it.
fn frame(seq: usize, path: &str, name: &str, data: &str) -> Frame {
    let at = super::ticks::now_us() / 1_000;
    let json = format!(
        r#"{{"seq":{seq},"epoch":1,"at":{at},"path":"{path}","type":"{name}","data":{data}}}"#
    );
    let frame = Frame::default().event(name).id(format!("1-{seq}"));
    frame.data(json)
}

async fn tick(ctx: RunContext, order: Order) -> StepResult<()> {
    let mut ticks = order.ticks();
    while let Some(text) = ticks.next().await {
        ctx.emit(TextDelta::new(text)).await;
    }
    Ok(())
}

async fn mainstem(listener: TcpListener) -> Result<()> {
    let flow = Flow::<Order>::new("ticks").step("tick", tick);
    let many = 1_000_000;
    let sessions = SessionLimits::new()
        .runs(many)
        .runs_per_owner(many)
        .readers_per_run(many);
    let server = Server::new()
        .flow(flow)
        .sessions(|builder| builder.limits(sessions))
        .limits(Limits::default().requests(many).connections(many));
    Ok(server.serve(listener, std::future::pending()).await?)
}

/// Begins a run that goes on by itself, and gives its id.
pub(super) async fn begin(errand: &Errand, request: &str) -> Result<String> {
    let mut socket = TcpStream::connect(errand.address).await?;
    socket.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await?;
    let mut lines = answer.lines();
    let id = lines.find_map(|line| line.strip_prefix("mainstem-run: "));
    Ok(id.with_context(|| answer.clone())?.to_owned())
}

fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
