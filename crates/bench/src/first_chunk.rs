//! The time to the first chunk.

use anyhow::Result;
use serde_json::json;

use crate::{
    child,
    cli::Cli,
    errand::{Errand, Job, Kind},
    host::Host,
    latency::LatencyReport,
    report::Section,
    script::Script,
};

const AIM_US: f64 = 30.0;

pub(crate) fn measure(cli: &Cli) -> Result<Section> {
    let requests = cli.pick(1_000, 20);
    let about = format!("wall time from the request to the first piece, median of {requests}");
    let mut section = Section::new("first-chunk", about, !cli.quick);
    section.row(["", "microseconds", "more than raw"]);
    let host = Host::start()?;
    let report: LatencyReport = child::run(&Errand {
        job: Job::Latency,
        url: host.url.clone(),
        kind: Kind::Agent,
        script: Script::new(5, 4),
        streams: requests,
    })?;
    let microseconds: Vec<f64> = report
        .medians_ns
        .iter()
        .map(|ns| *ns as f64 / 1e3)
        .collect();
    for (kind, time) in Kind::ALL.into_iter().zip(&microseconds) {
        let more = time - microseconds[0];
        section.row([
            kind.name().to_owned(),
            format!("{time:.1}"),
            format!("{more:.1}"),
        ]);
        section.data(json!({"kind": kind.name(), "microseconds": time}));
        if kind == Kind::Agent {
            section.aim("agent, more than raw", "microseconds", more, AIM_US);
        }
    }
    Ok(section)
}
