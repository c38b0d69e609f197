//! What the server can send while the reader pauses.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use serde_json::json;

use crate::{
    child::Paused,
    cli::Cli,
    client::{BEFORE_PAUSE, PauseReport},
    errand::{Errand, Job, Kind},
    host::Host,
    report::Section,
    script::Script,
    table,
};

const AIM: f64 = 1e6;
/// More than any buffer takes.
const ENDLESS: Script = Script::new(1 << 40, 4);
/// The kernel doubles it.
const SEND_BUFFER: u32 = 64 << 10;
/// The server has stopped when it wrote nothing for so long.
const STILL: Duration = Duration::from_secs(1);
const LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn measure(cli: &Cli) -> Result<Section> {
    let about = format!(
        "bytes of the body sent beyond what was read, {BEFORE_PAUSE} chunks; a send buffer of {} kB",
        SEND_BUFFER >> 10
    );
    let mut section = Section::new("backpressure", about, !cli.quick);
    section.row([
        "",
        "read",
        "beyond it",
        "with a send buffer as the kernel likes",
    ]);
    for kind in Kind::ALL {
        let (read, beyond) = pause(kind, Host::with_send_buffer(SEND_BUFFER)?)?;
        let (_, free) = pause(kind, Host::start()?)?;
        section.row([
            kind.name().to_owned(),
            table::number(read),
            table::number(beyond),
            table::number(free),
        ]);
        section.data(json!({
            "kind": kind.name(),
            "read_bytes": read,
            "beyond_bytes": beyond,
            "beyond_bytes_free_send_buffer": free,
        }));
        if kind == Kind::Agent {
            section.aim("agent", "bytes", beyond as f64, AIM);
        }
    }
    Ok(section)
}

/// How many bytes of the body were read, and how many more the server could write.
fn pause(kind: Kind, mut host: Host) -> Result<(u64, u64)> {
    let mut client = Paused::new(&Errand {
        job: Job::Pause,
        url: host.url.clone(),
        kind,
        script: ENDLESS,
        streams: 1,
    })?;
    let report: PauseReport = client.report()?;
    let read = match kind {
        Kind::Raw => report.read_bytes,
        Kind::Splitter | Kind::Model | Kind::Agent | Kind::Flow => {
            report.read_bytes / ENDLESS.bytes as u64 * ENDLESS.frame_bytes()
        }
    };
    let sent = until_still(&mut host)?;
    Ok((read, sent.saturating_sub(read)))
}

fn until_still(host: &mut Host) -> Result<u64> {
    let begin = Instant::now();
    let (mut since, mut written) = (begin, host.written()?);
    while since.elapsed() < STILL {
        ensure!(begin.elapsed() < LIMIT, "the server writes on and on");
        thread::sleep(Duration::from_millis(20));
        let now = host.written()?;
        if now != written {
            (since, written) = (Instant::now(), now);
        }
    }
    Ok(written)
}
