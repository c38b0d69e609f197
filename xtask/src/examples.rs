//! Runs every example as a newcomer does: without keys, without a network.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::session::Session;
use crate::stages::Outcome;
use crate::workspace::{Package, Workspace};

const PACKAGE: &str = "mainstem-examples";
const LIMIT: Duration = Duration::from_secs(60);
/// Nothing listens there: a request that leaves the machine fails at once.
const NO_NETWORK: &str = "http://127.0.0.1:9";
/// How much of a failed example's output is shown.
const TAIL_LINES: usize = 40;

pub(crate) fn stage(session: &Session) -> Result<Outcome> {
    let workspace = Workspace::load(session)?;
    let Some(package) = workspace.package(PACKAGE) else {
        return Ok(Outcome::Skipped(format!("no package {PACKAGE} yet")));
    };
    session
        .cargo([
            "build",
            "-p",
            PACKAGE,
            "--examples",
            "--bins",
            "--all-features",
        ])
        .status()?;
    let logs = workspace.target_directory.join("xtask").join("examples");
    fs::create_dir_all(&logs).with_context(|| format!("cannot create {}", logs.display()))?;

    let programs = programs(package, &workspace.target_directory.join("debug"));
    let mut failed = Vec::new();
    for (name, program) in &programs {
        let began = Instant::now();
        let log = logs.join(format!("{name}.log"));
        let result = run(session, program, &log);
        let time = began.elapsed().as_secs_f32();
        match result {
            Ok(()) => println!("{name}: ok in {time:.1} s"),
            Err(error) => {
                println!("{name}: FAILED in {time:.1} s: {error:#}\n{}", tail(&log));
                failed.push(name.as_str());
            }
        }
    }
    if !failed.is_empty() {
        bail!(
            "{} of {} failed: {}",
            failed.len(),
            programs.len(),
            failed.join(", ")
        );
    }
    Ok(Outcome::Passed(format!("{} examples", programs.len())))
}

/// The examples and binaries of `package`, each with the file that cargo builds.
fn programs(package: &Package, built: &Path) -> Vec<(String, PathBuf)> {
    let file = |name: &str, kind: &str| match kind {
        "example" => Some(built.join("examples").join(name)),
        "bin" => Some(built.join(name)),
        _ => None,
    };
    let targets = package.targets.iter();
    targets
        .filter_map(|target| {
            let path = target
                .kinds
                .iter()
                .find_map(|kind| file(&target.name, kind))?;
            Some((target.name.clone(), path))
        })
        .collect()
}

fn run(session: &Session, program: &Path, log: &Path) -> Result<()> {
    let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let mut command = session.command(program);
    command.stderr(file.try_clone()?).stdout(file);
    for (name, _) in env::vars_os().filter(|(name, _)| is_credential(&name.to_string_lossy())) {
        command.env_remove(name);
    }
    for name in ["http_proxy", "https_proxy", "all_proxy"] {
        command.env(name, NO_NETWORK);
        command.env(name.to_uppercase(), NO_NETWORK);
    }
    for name in ["no_proxy", "NO_PROXY"] {
        command.env(name, "localhost,127.0.0.1,::1");
    }
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    match session.wait(&mut child, LIMIT)? {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("{status}"),
        None => bail!("killed: an example has {} s", LIMIT.as_secs()),
    }
}

/// Whatever points an example at a real model, so that it shows its offline self.
fn is_credential(name: &str) -> bool {
    name.ends_with("_API_KEY") || name.ends_with("_BASE_URL") || name.starts_with("OPENAI_")
}

fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(TAIL_LINES);
    lines[from..]
        .iter()
        .map(|line| format!("    {line}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Target;

    #[test]
    fn examples_and_binaries_are_programs() {
        let target = |name: &str, kind: &str| Target {
            name: name.to_owned(),
            kinds: vec![kind.to_owned()],
        };
        let package = Package {
            name: PACKAGE.to_owned(),
            features: [].into(),
            targets: vec![
                target("hello", "example"),
                target("server", "bin"),
                target("mainstem_examples", "lib"),
            ],
        };
        let expected = [
            ("hello".to_owned(), PathBuf::from("debug/examples/hello")),
            ("server".to_owned(), PathBuf::from("debug/server")),
        ];
        assert_eq!(programs(&package, Path::new("debug")), expected);
    }

    #[test]
    fn keys_and_addresses_are_credentials() {
        assert!(is_credential("OPENROUTER_API_KEY"));
        assert!(is_credential("OPENAI_ORG_ID"));
        assert!(is_credential("MODEL_BASE_URL"));
        assert!(!is_credential("PATH"));
    }
}
