//! Published clients against the program: curl, and some from npm and `PyPI`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::session::Session;
use crate::stages::Outcome;
use crate::tools::{self, Need};
use crate::workspace::Workspace;

/// What names the clients and their versions, in the repository.
const LISTS: &str = "crates/cli/tests/serve/clients";
const NPM: [&str; 2] = ["package.json", "package-lock.json"];
const PYPI: &str = "requirements.txt";
/// Which lists were installed: another one is installed anew.
const STAMP: &str = "installed";

pub(crate) fn stage(session: &Session) -> Result<Outcome> {
    tools::require(session, "nextest")?;
    tools::ensure_packages(session, Need::Clients)?;
    let target = Workspace::load(session)?.target_directory;
    install(session, &target.join("clients"))?;
    let profile = if session.ci { "ci" } else { "default" };
    session
        .cargo(["nextest", "run", "-p", "mainstem-cli", "--test", "serve"])
        .args(["--profile", profile])
        .args(["--ignore-default-filter", "-E", "test(/^clients::/)"])
        .status()?;
    Outcome::OK
}

/// Installs what the lists name, unless it is there.
fn install(session: &Session, place: &Path) -> Result<()> {
    let lists = session.root.join(LISTS);
    let mut wanted = String::new();
    for name in NPM.iter().chain([&PYPI]) {
        let list = lists.join(name);
        let text = fs::read_to_string(&list);
        wanted += &text.with_context(|| format!("cannot read {}", list.display()))?;
    }
    let stamp = place.join(STAMP);
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    println!("installing clients from npm and PyPI");
    fs::create_dir_all(place).context("cannot make a directory for the clients")?;
    for name in NPM {
        fs::copy(lists.join(name), place.join(name))?;
    }
    let folder = place.to_string_lossy();
    session
        .run("npm")
        .args(["ci", "--no-audit", "--no-fund", "--prefix", &folder])
        .status()?;
    let venv = place.join("venv");
    let python = venv.join("bin/python");
    session
        .run("python3")
        .args(["-m", "venv", "--clear", &venv.to_string_lossy()])
        .status()?;
    session
        .run(&python.to_string_lossy())
        .args(["-m", "pip", "install", "--quiet", "--no-deps"])
        .args(["--disable-pip-version-check", "--requirement"])
        .args([lists.join(PYPI)])
        .status()?;
    fs::write(stamp, wanted).context("cannot note what was installed")
}
