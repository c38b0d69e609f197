//! Memory for each open stream.

use anyhow::Result;
use serde_json::json;

use crate::{
    child,
    chunks::ratio,
    cli::Cli,
    client::HoldReport,
    errand::{Errand, Job, Kind},
    host::Host,
    report::Section,
    script::Script,
    table,
};

const AIM: f64 = 1.3;

pub(crate) fn measure(cli: &Cli) -> Result<Section> {
    let streams = cli.pick(200, 10);
    let about = format!("bytes of an open stream, of {streams} that have sent 5 chunks");
    let mut section = Section::new("memory", about, !cli.quick);
    section.row([
        "",
        "bytes a stream",
        "times raw",
        "process before",
        "process after",
    ]);
    let host = Host::start()?;
    let mut raw = 0;
    for kind in Kind::ALL {
        let report: HoldReport = child::run(&Errand {
            job: Job::Hold,
            url: host.url.clone(),
            kind,
            script: Script::new(5, 4).stalling(),
            streams,
        })?;
        let each = report.open_bytes.saturating_sub(report.idle_bytes) / streams;
        if kind == Kind::Raw {
            raw = each;
        }
        section.row([
            kind.name().to_owned(),
            table::number(each),
            format!("{:.2}", ratio(each, raw)),
            table::kilobytes(report.idle_bytes),
            table::kilobytes(report.open_bytes),
        ]);
        section.data(json!({"kind": kind.name(), "bytes_per_stream": each, "report": report}));
        if kind == Kind::Agent {
            section.aim("agent/raw", "times", ratio(each, raw), AIM);
        }
    }
    Ok(section)
}
