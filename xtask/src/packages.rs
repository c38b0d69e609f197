//! How many packages a user gets who adds one line to a manifest.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use crate::session::Session;
use crate::stages::Outcome;
use crate::workspace::{Package, Workspace};

const FACADE: &str = "mainstem";
/// With the default features.
const LIMIT: usize = 185;
/// The same without `HEAVY`.
const LIMIT_LIGHT: usize = 145;
/// The default feature that brings the most packages, and that can be left out.
const HEAVY: &str = "jsonschema";

pub(crate) fn stage(session: &Session) -> Result<Outcome> {
    let workspace = Workspace::load(session)?;
    let Some(facade) = workspace.package(FACADE) else {
        return Ok(Outcome::Skipped(format!("no package {FACADE} yet")));
    };
    let light = light_features(facade).join(",");
    let all = count(session, &[])?;
    let light = count(session, &["--no-default-features", "--features", &light])?;
    let note = format!("{all} of {LIMIT}, without {HEAVY} {light} of {LIMIT_LIGHT}");
    if all > LIMIT || light > LIMIT_LIGHT {
        bail!("too many packages: {note}; see `cargo tree -p {FACADE} -e normal`");
    }
    Ok(Outcome::Passed(note))
}

fn count(session: &Session, features: &[&str]) -> Result<usize> {
    let tree = session
        .cargo(["tree", "-p", FACADE, "-e", "normal", "--prefix", "none"])
        .args(features)
        .output()?;
    Ok(names(&tree).len())
}

/// The default features, but for the heavy one.
fn light_features(facade: &Package) -> Vec<&str> {
    let default = facade.features.get("default").into_iter().flatten();
    default
        .map(String::as_str)
        .filter(|&name| name != HEAVY)
        .collect()
}

/// The packages that `cargo tree --prefix none` names, each once.
fn names(tree: &str) -> BTreeSet<&str> {
    tree.lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_counts_once() {
        let tree = "mainstem v0.1.0 (crates/mainstem)\nbytes v1.11.0\n\nbase64 v0.22.1\n\
                    base64 v0.23.1\nbytes v1.11.0 (*)\nserde_derive v1.0.0 (proc-macro)\n";
        let names: Vec<&str> = names(tree).into_iter().collect();
        assert_eq!(names, ["base64", "bytes", "mainstem", "serde_derive"]);
    }

    #[test]
    fn light_is_default_without_the_heavy_one() {
        let default = ["models", HEAVY, "macros"].map(str::to_owned).to_vec();
        let facade = Package {
            name: FACADE.to_owned(),
            features: [("default".to_owned(), default)].into(),
            targets: Vec::new(),
        };
        assert_eq!(light_features(&facade), ["models", "macros"]);
    }
}
