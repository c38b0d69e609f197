//! The MCP servers that the tests of `mainstem-mcp` call: where they come from.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::session::{Run, Session};
use crate::workspace::Workspace;

/// Of the protocol's authors; it has one of everything.
const EVERYTHING: &str = "@modelcontextprotocol/server-everything";
const EVERYTHING_VERSION: &str = "2026.8.31";

/// A server with another SDK.
const TIME: &str = "mcp-server-time";
const TIME_VERSION: &str = "2026.10.19";

/// How many were missing and are there now.
pub(crate) fn ensure(session: &Session) -> Result<usize> {
    let target = Workspace::load(session)?.target_directory;
    let directory = target.join("mcp-servers");
    fs::create_dir_all(&directory).context("cannot make a directory for MCP servers")?;
    let everything = ensure_everything(session, &directory)?;
    let time = ensure_time(session, &directory)?;
    Ok(usize::from(everything) + usize::from(time))
}

fn ensure_everything(session: &Session, directory: &Path) -> Result<bool> {
    let manifest = directory.join(format!("node_modules/{EVERYTHING}/package.json"));
    let version = format!("\"version\": \"{EVERYTHING_VERSION}\"");
    let is_there = || fs::read_to_string(&manifest).is_ok_and(|text| text.contains(&version));
    let package = format!("{EVERYTHING}@{EVERYTHING_VERSION}");
    let install = session
        .run("npm")
        .args(["install", "--no-audit", "--no-fund", "--ignore-scripts"])
        .args(["--prefix", &directory.to_string_lossy(), &package]);
    install_once(&package, "npm", is_there, install)
}

fn ensure_time(session: &Session, directory: &Path) -> Result<bool> {
    let place = directory.join("python");
    let name = TIME.replace('-', "_");
    let about = place.join(format!("{name}-{TIME_VERSION}.dist-info"));
    let package = format!("{TIME}=={TIME_VERSION}");
    let install = session
        .run("pip3")
        .args(["install", "--quiet", "--disable-pip-version-check"])
        .args(["--root-user-action=ignore", "--upgrade"])
        .args(["--target", &place.to_string_lossy(), &package]);
    install_once(&package, "PyPI", || about.is_dir(), install)
}

/// True if it was missing and is there now.
fn install_once(
    package: &str,
    registry: &str,
    is_there: impl Fn() -> bool,
    install: Run<'_>,
) -> Result<bool> {
    if is_there() {
        return Ok(false);
    }
    println!("fetching {package} from {registry}: the tests call its tools");
    install.status()?;
    ensure!(
        is_there(),
        "{package} was fetched, and isn't where it should be"
    );
    Ok(true)
}
