//! The process that reads, and reports how it went as one line of JSON.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use tokio::{io::AsyncReadExt, task::JoinSet};

use crate::{
    agent::AgentReader,
    errand::{Errand, Job, Kind},
    flow::FlowReader,
    latency,
    model::ModelReader,
    process,
    raw::Raw,
    reader::{Pieces, Reader},
    script::Script,
    splitter::Splitter,
};

/// Streams that were read to their ends.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ReadReport {
    pub(crate) cpu_ns: u64,
    pub(crate) wall_ns: u64,
    pub(crate) peak_bytes: u64,
}

/// Streams that are held open.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HoldReport {
    pub(crate) idle_bytes: u64,
    pub(crate) open_bytes: u64,
}

/// A stream that isn't read on.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PauseReport {
    /// Bytes of pieces, as the kind counts them.
    pub(crate) read_bytes: u64,
}

/// A long stream.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FloodReport {
    pub(crate) wall_ns: u64,
    /// The process that has served one request.
    pub(crate) idle_bytes: u64,
    /// At 25, 50, 75 and 100 % of the bytes.
    pub(crate) resident_bytes: Vec<u64>,
    pub(crate) peak_bytes: u64,
}

/// What comes before measuring, so that code is loaded and a connection is open.
pub(crate) const WARM_UP: Script = Script::new(50, 4);
/// How many pieces are read before a pause.
pub(crate) const BEFORE_PAUSE: u64 = 10;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(errand: &Errand) -> Result<()> {
    let json = match errand.kind {
        _ if errand.job == Job::Latency => serde_json::to_string(&latency::measure(errand).await?)?,
        Kind::Raw => run_kind::<Raw>(errand).await?,
        Kind::Splitter => run_kind::<Splitter>(errand).await?,
        Kind::Model => run_kind::<ModelReader>(errand).await?,
        Kind::Agent => run_kind::<AgentReader>(errand).await?,
        Kind::Flow => run_kind::<FlowReader>(errand).await?,
    };
    println!("{json}");
    Ok(())
}

async fn run_kind<R: Reader>(errand: &Errand) -> Result<String> {
    drain(R::new(&errand.url, WARM_UP)?.open().await?).await?;
    let reader = R::new(&errand.url, errand.script)?;
    Ok(match errand.job {
        Job::Read | Job::Latency => serde_json::to_string(&read(&reader, errand).await?)?,
        Job::Hold => serde_json::to_string(&hold(&reader, errand).await?)?,
        Job::Flood => serde_json::to_string(&flood(&reader, errand).await?)?,
        Job::Pause => {
            pause(&reader).await?;
            String::new()
        }
    })
}

async fn drain(mut pieces: impl Pieces) -> Result<u64> {
    let mut bytes = 0;
    while let Some(more) = pieces.next().await? {
        bytes += more;
    }
    Ok(bytes)
}

async fn read<R: Reader>(reader: &R, errand: &Errand) -> Result<ReadReport> {
    let (wall, cpu) = (Instant::now(), process::cpu_ns()?);
    let mut streams = JoinSet::new();
    for _ in 0..errand.streams {
        let reader = reader.clone();
        streams.spawn(async move { drain(reader.open().await?).await });
    }
    let mut bytes = 0;
    while let Some(stream) = streams.join_next().await {
        bytes += stream??;
    }
    let report = ReadReport {
        cpu_ns: process::cpu_ns()? - cpu,
        wall_ns: nanoseconds(wall.elapsed()),
        peak_bytes: process::memory()?.peak,
    };
    let expected = R::KIND.bytes_of(&errand.script) * errand.streams;
    ensure!(bytes == expected, "{bytes} bytes came, not {expected}");
    Ok(report)
}

async fn hold<R: Reader>(reader: &R, errand: &Errand) -> Result<HoldReport> {
    // Room for all, so that moving the list isn't counted.
    let mut open = Vec::with_capacity(usize::try_from(errand.streams)?);
    let idle_bytes = process::memory()?.anonymous;
    for _ in 0..errand.streams {
        let mut pieces = reader.open().await?;
        let mut left = R::KIND.bytes_of(&errand.script);
        while left > 0 {
            let Some(bytes) = pieces.next().await? else {
                anyhow::bail!("the stream ended with {left} bytes missing");
            };
            left = left.saturating_sub(bytes);
        }
        open.push(pieces);
    }
    let open_bytes = process::memory()?.anonymous;
    drop(open);
    Ok(HoldReport {
        idle_bytes,
        open_bytes,
    })
}

async fn pause<R: Reader>(reader: &R) -> Result<()> {
    let mut pieces = reader.open().await?;
    let mut read_bytes = 0;
    for _ in 0..BEFORE_PAUSE {
        read_bytes += pieces.next().await?.unwrap_or_default();
    }
    println!("{}", serde_json::to_string(&PauseReport { read_bytes })?);
    // The connection's own task goes on, and takes what it likes from the socket.
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    Ok(())
}

async fn flood<R: Reader>(reader: &R, errand: &Errand) -> Result<FloodReport> {
    let total = R::KIND.bytes_of(&errand.script);
    let idle_bytes = process::memory()?.resident;
    let wall = Instant::now();
    let mut pieces = reader.open().await?;
    let mut bytes = 0;
    let mut resident_bytes = Vec::new();
    for quarter in 1..=4 {
        while bytes < total * quarter / 4 {
            let Some(more) = pieces.next().await? else {
                anyhow::bail!("the stream ended after {bytes} of {total} bytes");
            };
            bytes += more;
        }
        resident_bytes.push(process::memory()?.resident);
    }
    let wall_ns = nanoseconds(wall.elapsed());
    drain(pieces).await?;
    Ok(FloodReport {
        wall_ns,
        idle_bytes,
        resident_bytes,
        peak_bytes: process::memory()?.peak,
    })
}

/// As a number that JSON can hold.
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
