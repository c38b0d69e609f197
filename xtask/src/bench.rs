//! `cargo xtask bench`.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::session::Session;
use crate::tools;
use crate::workspace::Workspace;

const PACKAGE: &str = "mainstem-bench";
const LIMIT: Duration = Duration::from_secs(2 * 60 * 60);

pub(crate) fn run(root: &Path, args: &[String]) -> Result<()> {
    let session = Session::start(root, false, LIMIT);
    let workspace = Workspace::load(&session)?;
    workspace.package(PACKAGE).with_context(|| {
        format!("the workspace has no package {PACKAGE}: its home is crates/bench")
    })?;
    if counts_instructions(args) {
        tools::ensure_packages(&session, tools::Need::Callgrind)?;
    }
    session
        .cargo(["run", "--release", "-p", PACKAGE, "--"])
        .args(args)
        .status()
}

/// The parts of the bench that need no callgrind; all others, and everything at once, do.
const WITHOUT_CALLGRIND: [&str; 11] = [
    "chunks",
    "memory",
    "first-chunk",
    "backpressure",
    "flood",
    "progress",
    "load",
    "steps",
    "stores",
    "wires",
    "help",
];

fn counts_instructions(args: &[String]) -> bool {
    let names_another = |arg: &String| WITHOUT_CALLGRIND.contains(&arg.as_str());
    !args.iter().any(names_another)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callgrind_is_asked_for_or_implied() {
        let args = |args: &[&str]| -> Vec<String> { args.iter().map(|&a| a.to_owned()).collect() };
        assert!(counts_instructions(&args(&[])));
        assert!(counts_instructions(&args(&["--quick"])));
        assert!(counts_instructions(&args(&["--gate", "callgrind"])));
        assert!(!counts_instructions(&args(&["--quick", "chunks"])));
    }
}
