//! `cargo xtask fuzz`, and the stage that runs it for a minute.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::session::Session;
use crate::stages::Outcome;
use crate::workspace::Workspace;

/// What libFuzzer needs to see of a program: which branches it takes, and what it compares.
const COVERAGE: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=3 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Cold, with two slow cores.
const BUILD_MINUTES: u64 = 20;

/// Longer documents are slower and show little more.
const MOST_BYTES: usize = 400;

pub(crate) fn stage(session: &Session) -> Result<Outcome> {
    let fuzzer = Fuzzer::build(session)?;
    fuzzer.search(Duration::from_secs(60))?;
    Outcome::OK
}

/// For as long as it is told, or a finding anew.
pub(crate) fn run(root: &Path, minutes: u64, replay: Option<&Path>) -> Result<()> {
    let limit = Duration::from_secs(60 * (BUILD_MINUTES + minutes));
    let session = Session::start(root, false, limit);
    let fuzzer = Fuzzer::build(&session)?;
    match replay {
        Some(finding) => fuzzer.replay(finding),
        None => fuzzer.search(Duration::from_secs(60 * minutes)),
    }
}

struct Fuzzer<'s> {
    session: &'s Session,
    program: PathBuf,
    corpus: PathBuf,
    findings: PathBuf,
}

impl<'s> Fuzzer<'s> {
    fn build(session: &'s Session) -> Result<Self> {
        let target = Workspace::load(session)?.target_directory.join("fuzz");
        let place = target.to_string_lossy().into_owned();
        let host = host(session)?;
        // A named target: else the coverage would be built into build scripts, too.
        session
            .cargo(["build", "--release", "--locked"])
            .args(["--manifest-path", "fuzz/Cargo.toml"])
            .args(["--target-dir", &place, "--target", &host])
            .env("RUSTFLAGS", COVERAGE)
            .status()?;
        let fuzzer = Self {
            session,
            program: target.join(host).join("release/structured"),
            corpus: target.join("corpus"),
            findings: target.join("findings"),
        };
        fs::create_dir_all(&fuzzer.findings).context("cannot make a directory for findings")?;
        fs::create_dir_all(&fuzzer.corpus).context("cannot make a directory for the corpus")?;
        fuzzer.sow()?;
        Ok(fuzzer)
    }

    /// Writes the first seeds: the documents beside the schemas.
    fn sow(&self) -> Result<()> {
        let text = fs::read(self.session.root.join("fuzz/schemas.json"))?;
        for (index, seed) in seeds(&serde_json::from_slice(&text)?).iter().enumerate() {
            fs::write(self.corpus.join(format!("seed-{index}")), seed)?;
        }
        Ok(())
    }

    fn search(&self, time: Duration) -> Result<()> {
        let findings = self.findings.to_string_lossy();
        let search = self.session.run(&self.program.to_string_lossy());
        let searched = search
            .args([format!("-max_total_time={}", time.as_secs())])
            .args([format!("-max_len={MOST_BYTES}")])
            .args([format!("-artifact_prefix={findings}/")])
            .args(["-timeout=20", "-verbosity=0", "-print_funcs=0"])
            .args([&self.corpus])
            .status();
        searched.with_context(|| {
            format!("a finding is in {findings}; see it again: cargo xtask fuzz --replay FILE")
        })
    }

    fn replay(&self, finding: &Path) -> Result<()> {
        let is_there = finding.is_file();
        ensure!(is_there, "{} is no file", finding.display());
        let finding = std::path::absolute(finding)?;
        let program = self.program.to_string_lossy();
        self.session.run(&program).args([&finding]).status()
    }
}

/// As the target reads them: the schema, two sizes of chunks, the document.
fn seeds(schemas: &Value) -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (index, entry) in (0_u8..).zip(schemas.as_array().into_iter().flatten()) {
        for document in entry["fits"].as_array().into_iter().flatten() {
            let mut seed = vec![index, 2, 4];
            seed.extend(document.to_string().into_bytes());
            seeds.push(seed);
        }
    }
    seeds
}

fn host(session: &Session) -> Result<String> {
    let about = session.run("rustc").args(["-vV"]).output()?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc names no host")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_name_their_schema() {
        let schemas = serde_json::json!([
            {"schema": true, "fits": [1]},
            {"schema": {"type": "array"}, "fits": [[], [2]]},
        ]);
        let expected: [&[u8]; 3] = [b"\x00\x02\x041", b"\x01\x02\x04[]", b"\x01\x02\x04[2]"];
        assert_eq!(seeds(&schemas), expected);
    }
}
