//! CPU time for each chunk.

use anyhow::Result;
use serde_json::json;

use crate::{
    child,
    cli::Cli,
    client::ReadReport,
    errand::{Errand, Job, Kind},
    host::Host,
    report::Section,
    script::{Frames, Script},
    stats, table,
};

/// One way to stream the same.
struct Load {
    name: &'static str,
    streams: u64,
    script: Script,
    /// How much more than the splitter the agent may use.
    aim: f64,
}

fn loads(cli: &Cli) -> [Load; 4] {
    let many = cli.pick(200, 5);
    [
        Load {
            name: "one stream",
            streams: 1,
            script: Script::new(cli.pick(20_000, 500), 4),
            aim: 1.6,
        },
        Load {
            name: "one stream, frames differ",
            streams: 1,
            script: Script::new(cli.pick(20_000, 500), 4).with(Frames::Differ),
            aim: 1.6,
        },
        Load {
            name: "many streams",
            streams: many,
            script: Script::new(cli.pick(2_000, 50), 4),
            aim: 1.6,
        },
        Load {
            name: "many paced at 20 ms",
            streams: many,
            // Long enough that opening the connections is a small part.
            script: Script::new(cli.pick(250, 5), 4).paced(20),
            aim: 1.15,
        },
    ]
}

pub(crate) fn measure(cli: &Cli) -> Result<Section> {
    let rounds = cli.pick(5, 1);
    let about = format!(
        "CPU ns a chunk of 4 bytes, user and kernel, median of {rounds}; the least and the most in brackets"
    );
    let mut section = Section::new("chunks", about, !cli.quick);
    section.row(
        std::iter::once("")
            .chain(Kind::ALL.map(Kind::name))
            .chain(["agent/splitter", "agent/raw"]),
    );
    for load in loads(cli) {
        measure_load(&load, rounds, &mut section)?;
    }
    Ok(section)
}

fn measure_load(load: &Load, rounds: usize, section: &mut Section) -> Result<()> {
    let host = Host::start()?;
    let mut times = vec![Vec::new(); Kind::ALL.len()];
    for _ in 0..rounds {
        for (kind, times) in Kind::ALL.into_iter().zip(&mut times) {
            times.push(cpu_per_chunk(load, kind, &host.url)?);
        }
    }
    let medians: Vec<u64> = times.iter().cloned().map(stats::median).collect();
    let [raw, splitter, _, agent] = medians[..] else {
        anyhow::bail!("a kind is missing");
    };
    let (to_splitter, to_raw) = (ratio(agent, splitter), ratio(agent, raw));

    let mut row = vec![format!(
        "{} ({} x {} chunks)",
        load.name, load.streams, load.script.chunks
    )];
    for (median, times) in medians.iter().zip(&times) {
        let low = times.iter().min().copied().unwrap_or_default();
        let high = times.iter().max().copied().unwrap_or_default();
        row.push(format!(
            "{} [{}..{}]",
            table::number(*median),
            table::number(low),
            table::number(high)
        ));
    }
    row.extend([format!("{to_splitter:.2}"), format!("{to_raw:.2}")]);
    section.row(row);
    section.aim(
        format!("agent/splitter, {}", load.name),
        "times",
        to_splitter,
        load.aim,
    );
    for (kind, times) in Kind::ALL.into_iter().zip(times) {
        section.data(json!({
            "load": load.name,
            "streams": load.streams,
            "chunks": load.script.chunks,
            "kind": kind.name(),
            "cpu_ns_per_chunk": times,
        }));
    }
    Ok(())
}

fn cpu_per_chunk(load: &Load, kind: Kind, url: &str) -> Result<u64> {
    let report: ReadReport = child::run(&Errand {
        job: Job::Read,
        url: url.to_owned(),
        kind,
        script: load.script,
        streams: load.streams,
    })?;
    Ok(report.cpu_ns / (load.streams * load.script.chunks))
}

/// How many times `b` is in `a`.
pub(crate) fn ratio(a: u64, b: u64) -> f64 {
    a as f64 / b as f64
}
