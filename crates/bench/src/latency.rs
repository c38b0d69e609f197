//! The time to the first piece, of all kinds in one process.

use std::time::Instant;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::{
    agent::AgentReader,
    client::nanoseconds,
    errand::{Errand, Kind},
    model::ModelReader,
    raw::Raw,
    reader::{Pieces, Reader},
    splitter::Splitter,
    stats,
};

/// The median for each kind.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LatencyReport {
    pub(crate) medians_ns: Vec<u64>,
}

/// Requests before measuring.
const WARM_UPS: u64 = 20;

/// One request after the other, the kinds in turns, so that all have the same weather.
pub(crate) async fn measure(errand: &Errand) -> Result<LatencyReport> {
    let (url, script) = (&errand.url, errand.script);
    let raw = Raw::new(url, script)?;
    let splitter = Splitter::new(url, script)?;
    let model = ModelReader::new(url, script)?;
    let agent = AgentReader::new(url, script)?;
    let mut times = vec![Vec::new(); Kind::ALL.len()];
    for turn in 0..WARM_UPS + errand.streams {
        let turn_times = [
            first(&raw).await?,
            first(&splitter).await?,
            first(&model).await?,
            first(&agent).await?,
        ];
        if turn >= WARM_UPS {
            for (times, time) in times.iter_mut().zip(turn_times) {
                times.push(time);
            }
        }
    }
    let medians_ns = times.into_iter().map(stats::median).collect();
    Ok(LatencyReport { medians_ns })
}

/// The time to the first piece; the answer is read to its end, so that its connection stays.
async fn first<R: Reader>(reader: &R) -> Result<u64> {
    let start = Instant::now();
    let mut pieces = reader.open().await?;
    pieces.next().await?;
    let time = nanoseconds(start.elapsed());
    while pieces.next().await?.is_some() {}
    Ok(time)
}
