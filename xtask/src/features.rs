//! Clippy, and the promise that features only add: each one builds alone.

use anyhow::Result;

use crate::session::Session;
use crate::stages::Outcome;
use crate::workspace::{Package, Workspace};

const FACADE: &str = "mainstem";

/// The crates whose features users choose.
const CHOSEN_BY_USERS: [&str; 5] = [
    FACADE,
    "mainstem-core",
    "mainstem-models",
    "mainstem-agent",
    "mainstem-progress",
];

pub(crate) fn stage(session: &Session) -> Result<Outcome> {
    session
        .cargo(["clippy", "--workspace", "--all-targets", "--all-features"])
        .args(["--", "-D", "warnings"])
        .status()?;
    if session.fast {
        return Outcome::OK;
    }
    let workspace = Workspace::load(session)?;
    let packages = CHOSEN_BY_USERS
        .iter()
        .filter_map(|name| workspace.package(name));
    let mut checked = 0;
    for package in packages {
        checked += check_alone(session, package)?;
    }
    Ok(Outcome::Passed(format!("{checked} features alone")))
}

/// Builds `package` without features, then with each single one; how many there are.
fn check_alone(session: &Session, package: &Package) -> Result<usize> {
    let bare = ["-p", &package.name, "--no-default-features"];
    if package.name == FACADE {
        let clippy = session.cargo(["clippy"]).args(bare);
        clippy.args(["--", "-D", "warnings"]).status()?;
    } else {
        session.cargo(["check"]).args(bare).status()?;
    }
    let features = single_features(package);
    for feature in &features {
        let check = session.cargo(["check"]).args(bare);
        check.args(["--features", feature]).status()?;
    }
    Ok(features.len())
}

/// Every feature but `default`, which is only a choice among the others.
fn single_features(package: &Package) -> Vec<&str> {
    let names = package.features.keys().map(String::as_str);
    names.filter(|&name| name != "default").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_is_no_single_feature() {
        let features = ["default", "jsonschema", "serve"];
        let package = Package {
            name: FACADE.to_owned(),
            features: features.map(|name| (name.to_owned(), Vec::new())).into(),
            targets: Vec::new(),
        };
        assert_eq!(single_features(&package), ["jsonschema", "serve"]);
    }
}
