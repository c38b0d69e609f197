//! What the stages need beyond cargo itself, and how a bare machine gets it.

use std::env;
use std::ffi::OsStr;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::session::{Session, cargo_bin};
use crate::stages::Outcome;
use crate::{mcp_servers, schema_suite};

/// What a Debian package is needed for.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Need {
    Test,
    Clients,
    Callgrind,
}

/// How to see that a package is there.
#[derive(Clone, Copy)]
enum Probe {
    Command(&'static str),
    File(&'static str),
    /// A module of Python, which may be a package of its own.
    Module(&'static str),
}

struct DebianPackage {
    probe: Probe,
    package: &'static str,
    need: Need,
    why: &'static str,
}

const DEBIAN_PACKAGES: &[DebianPackage] = &[
    DebianPackage {
        probe: Probe::Command("cc"),
        package: "gcc",
        need: Need::Test,
        why: "cargo links with it, and the cryptography under rustls is C",
    },
    DebianPackage {
        probe: Probe::File("/usr/include/stdlib.h"),
        package: "libc6-dev",
        need: Need::Test,
        why: "the headers for cc",
    },
    DebianPackage {
        probe: Probe::Command("g++"),
        package: "g++",
        need: Need::Test,
        why: "libFuzzer, under the fuzz stage, is C++",
    },
    DebianPackage {
        probe: Probe::Command("git"),
        package: "git",
        need: Need::Test,
        why: "the house rules hold for the files that git tracks",
    },
    DebianPackage {
        probe: Probe::Command("pip3"),
        package: "python3-pip",
        need: Need::Test,
        why: "the suite for JSON schemas, and an MCP server, come from PyPI",
    },
    DebianPackage {
        probe: Probe::Command("node"),
        package: "nodejs",
        need: Need::Test,
        why: "an MCP server that the tests call is written for it",
    },
    DebianPackage {
        probe: Probe::Command("npm"),
        package: "npm",
        need: Need::Test,
        why: "that server comes from npm's registry",
    },
    DebianPackage {
        probe: Probe::Command("curl"),
        package: "curl",
        need: Need::Clients,
        why: "it is a client of what the program serves",
    },
    DebianPackage {
        probe: Probe::Command("node"),
        package: "nodejs",
        need: Need::Clients,
        why: "npm's EventSource is a client of what the program serves",
    },
    DebianPackage {
        probe: Probe::Command("npm"),
        package: "npm",
        need: Need::Clients,
        why: "EventSource comes from npm",
    },
    DebianPackage {
        probe: Probe::Command("chromium"),
        package: "chromium",
        need: Need::Clients,
        why: "a browser is a client of what the program serves",
    },
    DebianPackage {
        probe: Probe::Module("ensurepip"),
        package: "python3-venv",
        need: Need::Clients,
        why: "clients from PyPI have a place of their own",
    },
    DebianPackage {
        probe: Probe::Command("valgrind"),
        package: "valgrind",
        need: Need::Callgrind,
        why: "callgrind counts the instructions of a benchmark",
    },
];

/// A cargo subcommand. The version is fixed so that a release on some morning
/// cannot break the run; any version already installed is taken.
struct CargoTool {
    subcommand: &'static str,
    package: &'static str,
    why: &'static str,
}

const CARGO_TOOLS: &[CargoTool] = &[
    CargoTool {
        subcommand: "nextest",
        package: "cargo-nextest@0.9.143",
        why: "it runs the tests, each in a process of its own",
    },
    CargoTool {
        subcommand: "deny",
        package: "cargo-deny@0.20.2",
        why: "it checks licences and sources of the dependencies",
    },
];

/// Tools run for seconds but build for minutes: build them quickly.
const QUICK_BUILD: [(&str, &str); 4] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"),
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "0"),
];

pub(crate) fn stage(session: &Session) -> Result<Outcome> {
    let mut installed = ensure_packages(session, Need::Test)?;
    for tool in CARGO_TOOLS {
        installed += usize::from(ensure_tool(session, tool)?);
    }
    installed += usize::from(schema_suite::ensure(session)?);
    installed += mcp_servers::ensure(session)?;
    Ok(Outcome::Passed(match installed {
        0 => "nothing was missing".to_owned(),
        count => format!("{count} installed"),
    }))
}

/// Installs the Debian packages for `need` that are missing; how many those were.
pub(crate) fn ensure_packages(session: &Session, need: Need) -> Result<usize> {
    let path = env::var_os("PATH").unwrap_or_default();
    let missing = missing(need, |probe| is_there(session, probe, &path));
    if missing.is_empty() {
        return Ok(0);
    }
    for package in &missing {
        println!("installing {}: {}", package.package, package.why);
    }
    let names: Vec<&str> = missing.iter().map(|package| package.package).collect();
    apt_get(session, &["update"])
        .and_then(|()| apt_get(session, &[&["install", "-y"], &names[..]].concat()))
        .with_context(|| format!("install by hand, then run this again: {}", names.join(" ")))?;
    Ok(names.len())
}

fn missing(need: Need, is_there: impl Fn(Probe) -> bool) -> Vec<&'static DebianPackage> {
    let needed = DEBIAN_PACKAGES
        .iter()
        .filter(|package| package.need == need);
    needed.filter(|package| !is_there(package.probe)).collect()
}

fn is_there(session: &Session, probe: Probe, path: &OsStr) -> bool {
    match probe {
        Probe::Module(name) => {
            let import = format!("import {name}");
            session.run("python3").args(["-c", &import]).succeeds()
        }
        Probe::Command(name) => env::split_paths(path).any(|dir| dir.join(name).is_file()),
        Probe::File(file) => Path::new(file).exists(),
    }
}

fn apt_get(session: &Session, args: &[&str]) -> Result<()> {
    let run = session.run("apt-get").args(args);
    run.env("DEBIAN_FRONTEND", "noninteractive").status()
}

/// True if the tool was missing and is there now.
fn ensure_tool(session: &Session, tool: &CargoTool) -> Result<bool> {
    if works(session, tool.subcommand) {
        return Ok(false);
    }
    println!("installing {}: {}", tool.package, tool.why);
    let mut install = session.cargo(["install", "--locked", tool.package]);
    for (name, value) in QUICK_BUILD {
        install = install.env(name, value);
    }
    install.status()?;
    if !works(session, tool.subcommand) {
        let bin = cargo_bin().unwrap_or_default();
        bail!(
            "cargo {} is still not found: was it installed to {}?",
            tool.subcommand,
            bin.display()
        );
    }
    Ok(true)
}

/// Refuses to go on without a tool, naming the mend.
pub(crate) fn require(session: &Session, subcommand: &str) -> Result<()> {
    ensure!(
        works(session, subcommand),
        "cargo {subcommand} is missing: `cargo xtask test --only tools` installs it"
    );
    Ok(())
}

fn works(session: &Session, subcommand: &str) -> bool {
    session.cargo([subcommand, "--version"]).succeeds()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_what_is_needed_and_missing() {
        let names = |need, there: bool| -> Vec<&str> {
            missing(need, |_| there)
                .iter()
                .map(|package| package.package)
                .collect()
        };
        let test = [
            "gcc",
            "libc6-dev",
            "g++",
            "git",
            "python3-pip",
            "nodejs",
            "npm",
        ];
        assert_eq!(names(Need::Test, false), test);
        let clients = ["curl", "nodejs", "npm", "chromium", "python3-venv"];
        assert_eq!(names(Need::Clients, false), clients);
        assert_eq!(names(Need::Callgrind, false), ["valgrind"]);
        assert!(names(Need::Test, true).is_empty());
    }

    #[test]
    fn commands_are_looked_for_on_the_path() {
        let path = OsStr::new("/nowhere:/usr/bin:/bin");
        let session = Session::start(Path::new("."), true, Duration::from_secs(20));
        let is_there = |probe, path| is_there(&session, probe, path);
        assert!(is_there(Probe::Command("sh"), path));
        assert!(!is_there(Probe::Command("sh"), OsStr::new("/nowhere")));
        assert!(is_there(Probe::File("/bin/sh"), path));
        assert!(!is_there(Probe::File("/no/such/file"), path));
        assert!(is_there(Probe::Module("sys"), path));
        assert!(!is_there(Probe::Module("no_such_module"), path));
    }
}
