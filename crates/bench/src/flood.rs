//! Memory while much comes at full speed.

use anyhow::Result;
use serde_json::json;

use crate::{
    child,
    cli::Cli,
    client::FloodReport,
    errand::{Errand, Job, Kind},
    host::Host,
    report::Section,
    script::Script,
    table,
};

const AIM: f64 = 2.0 * 1024.0 * 1024.0;

pub(crate) fn measure(cli: &Cli) -> Result<Section> {
    let bytes: u64 = cli.pick(200_000_000, 4_000_000);
    let about = format!("resident memory while {} MB come", bytes / 1_000_000);
    let mut section = Section::new("flood", about, !cli.quick);
    section.row([
        "",
        "before",
        "25 %",
        "50 %",
        "75 %",
        "100 %",
        "peak",
        "text kept",
        "MB/s",
    ]);
    let host = Host::start()?;
    let small = Script::new(bytes / Script::new(1, 4).frame_bytes(), 4);
    let large = Script::new(bytes / 4_096, 4_096);
    for (name, kind, script) in [
        ("agent, on the wire in chunks of 4", Kind::Agent, small),
        ("model, of text in chunks of 4096", Kind::Model, large),
    ] {
        flood(name, kind, script, &host.url, &mut section)?;
    }
    Ok(section)
}

fn flood(name: &str, kind: Kind, script: Script, url: &str, section: &mut Section) -> Result<()> {
    let report: FloodReport = child::run(&Errand {
        job: Job::Flood,
        url: url.to_owned(),
        kind,
        script,
        streams: 1,
    })?;
    // An agent keeps its text, for the conversation; a model keeps nothing.
    let kept = match kind {
        Kind::Agent | Kind::Flow => script.text_bytes(),
        Kind::Raw | Kind::Splitter | Kind::Model => 0,
    };
    let speed = script.wire_bytes() as f64 / 1e6 / (report.wall_ns as f64 / 1e9);
    let mut row = vec![name.to_owned(), table::kilobytes(report.idle_bytes)];
    row.extend(
        report
            .resident_bytes
            .iter()
            .map(|bytes| table::kilobytes(*bytes)),
    );
    row.extend([
        table::kilobytes(report.peak_bytes),
        table::kilobytes(kept),
        format!("{speed:.0}"),
    ]);
    section.row(row);
    let first = report.resident_bytes.first().copied().unwrap_or_default();
    let most = report
        .resident_bytes
        .iter()
        .max()
        .copied()
        .unwrap_or_default();
    let growth = (most - first) as f64 - kept as f64 * 0.75;
    section.aim(
        format!("{}, growth from 25 % on beyond the text kept", kind.name()),
        "bytes",
        growth.max(0.0),
        AIM,
    );
    section.data(json!({"kind": kind.name(), "text_kept": kept, "report": report}));
    Ok(())
}
