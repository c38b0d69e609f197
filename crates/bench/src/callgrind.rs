//! Instructions for each chunk, counted by valgrind.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::{
    child,
    chunks::ratio,
    cli::Cli,
    client::ReadReport,
    errand::{Errand, Job, Kind},
    host::Host,
    report::{INSTRUCTIONS, Section},
    script::{Frames, Script},
    table,
};

const AIM: f64 = 14_000.0;
/// How much more than the agent alone a flow around it may use.
const FLOW_AIM: f64 = 1.15;
/// Two counts of the same differ by this at most.
const SAME_PERCENT: f64 = 1.0;

pub(crate) fn is_installed() -> bool {
    let mut version = Command::new("valgrind");
    version.arg("--version").stdout(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}

pub(crate) fn measure(cli: &Cli) -> Result<Section> {
    let lengths = cli.pick((5_000, 20_000), (500, 1_000));
    let about = format!(
        "instructions a chunk in user mode, {} chunks less {}, twice",
        lengths.1, lengths.0
    );
    let mut section = Section::new("callgrind", about, !cli.quick);
    section.row([
        "",
        "first",
        "second",
        "apart",
        "times splitter",
        "times raw",
    ]);
    let host = Host::start()?;
    let profiles = Profiles::new(cli.keep.as_deref())?;
    for frames in Frames::ALL {
        let mut counts = Vec::new();
        for kind in Kind::WITH_FLOWS {
            let count = || per_chunk(&host.url, kind, frames, lengths, &profiles);
            counts.push((kind, count()?, count()?));
        }
        tell(frames.name(), &counts, &mut section);
    }
    Ok(section)
}

/// Adds the counts of all kinds, for one sort of frames.
fn tell(frames: &str, counts: &[(Kind, u64, u64)], section: &mut Section) {
    let of = |kind| {
        let found = counts.iter().find(|(other, ..)| *other == kind);
        found.map_or(0, |(_, first, _)| *first)
    };
    for (kind, first, second) in counts {
        let apart = first.abs_diff(*second) as f64 / *first as f64;
        section.row([
            format!("{}, {frames}", kind.name()),
            table::number(*first),
            table::number(*second),
            format!("{:.2} %", apart * 100.0),
            format!("{:.2}", ratio(*first, of(Kind::Splitter))),
            format!("{:.2}", ratio(*first, of(Kind::Raw))),
        ]);
        section.data(json!({
            "kind": kind.name(),
            "frames": frames,
            "instructions_per_chunk": [first, second],
        }));
        if *kind == Kind::Agent {
            let most = (*first).max(*second) as f64;
            section.aim(format!("agent, {frames}"), INSTRUCTIONS, most, AIM);
            let what = format!("two counts of the agent apart, {frames}");
            section.aim(what, "%", apart * 100.0, SAME_PERCENT);
        }
        if *kind == Kind::Flow {
            let times = ratio(*first, of(Kind::Agent));
            section.aim(format!("flow/agent, {frames}"), "times", times, FLOW_AIM);
        }
    }
}

/// Instructions for each chunk beyond the first ones, so that starting up isn't counted.
fn per_chunk(
    url: &str,
    kind: Kind,
    frames: Frames,
    (few, many): (u64, u64),
    profiles: &Profiles,
) -> Result<u64> {
    let count = |chunks| {
        let script = Script::new(chunks, 4).with(frames);
        let errand = Errand {
            job: Job::Read,
            url: url.to_owned(),
            kind,
            script,
            streams: 1,
        };
        let name = format!("{}.{script}", kind.name());
        profiles.count::<ReadReport>(&name, &errand.to_args())
    };
    Ok(count(many)?.saturating_sub(count(few)?) / (many - few))
}

/// The total of a profile: all events of the process, of which instructions are the first.
fn total(profile: &str) -> Option<u64> {
    let value = |name| {
        let line = profile
            .lines()
            .rev()
            .find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    value("totals:").or_else(|| value("summary:"))
}

/// Where the profiles are written; gone at the end, unless they are to be kept.
pub(crate) struct Profiles {
    directory: PathBuf,
    keep: bool,
}

impl Profiles {
    pub(crate) fn new(keep: Option<&Path>) -> Result<Self> {
        let temporary = || {
            let name = format!("mainstem-bench-{}", std::process::id());
            std::env::temp_dir().join(name)
        };
        let directory = keep.map_or_else(temporary, Path::to_owned);
        fs::create_dir_all(&directory)
            .with_context(|| format!("{} can't be made", directory.display()))?;
        Ok(Self {
            directory,
            keep: keep.is_some(),
        })
    }

    /// The instructions of this program with these arguments, which make it print a `Report`.
    pub(crate) fn count<Report: DeserializeOwned>(
        &self,
        name: &str,
        args: &[String],
    ) -> Result<u64> {
        let file = self.directory.join(format!("callgrind.{name}.out"));
        let mut option = OsString::from("--callgrind-out-file=");
        option.push(&file);
        let valgrind = ["valgrind", "--quiet", "--tool=callgrind"].map(OsString::from);
        let wrapper: Vec<_> = valgrind.into_iter().chain([option]).collect();
        let _: Report = child::run_under(&wrapper, args)?;
        let profile = fs::read_to_string(&file).context("callgrind left no profile")?;
        total(&profile).with_context(|| format!("{} has no total", file.display()))
    }
}

impl Drop for Profiles {
    fn drop(&mut self) {
        if !self.keep {
            // What stays behind is in the way of nobody.
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_at_the_end_or_in_the_summary() {
        let head = "version: 1\nevents: Ir\n";
        assert_eq!(
            total(&format!("{head}summary: 12345\n\nfn=(1) f\n1 5\n")),
            Some(12_345)
        );
        assert_eq!(
            total(&format!("{head}\nfn=(1) f\n1 5\ntotals: 678 9\n")),
            Some(678)
        );
        assert_eq!(total(head), None);
    }
}
