//! What cargo knows about the workspace.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::session::Session;

/// The members of the workspace.
pub(crate) struct Workspace {
    pub(crate) target_directory: PathBuf,
    packages: Vec<Package>,
}

/// One member.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) features: BTreeMap<String, Vec<String>>,
    pub(crate) targets: Vec<Target>,
}

/// One thing that cargo can build from a package.
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kinds: Vec<String>,
}

/// The root of the workspace that the current directory is in.
pub(crate) fn find_root() -> Result<PathBuf> {
    let output = Command::new("cargo")
        .args(["locate-project", "--workspace", "--message-format=plain"])
        .output()
        .context("cannot start cargo: is it on the PATH?")?;
    let manifest = String::from_utf8_lossy(&output.stdout);
    let manifest = PathBuf::from(manifest.trim());
    let root = manifest.parent().filter(|_| output.status.success());
    root.map(PathBuf::from)
        .context("no workspace here: run this inside the repository")
}

impl Workspace {
    pub(crate) fn load(session: &Session) -> Result<Self> {
        let text = session
            .cargo(["metadata", "--format-version=1", "--no-deps"])
            .output()?;
        Self::parse(&text).context("cannot read what `cargo metadata` says")
    }

    fn parse(text: &str) -> Result<Self> {
        let json: Value = serde_json::from_str(text)?;
        let target_directory = string(&json["target_directory"]);
        ensure!(!target_directory.is_empty(), "no target_directory");
        Ok(Self {
            target_directory: target_directory.into(),
            packages: array(&json["packages"]).iter().map(package).collect(),
        })
    }

    pub(crate) fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name == name)
    }
}

fn package(json: &Value) -> Package {
    let features = json["features"].as_object().into_iter().flatten();
    Package {
        name: string(&json["name"]),
        features: features
            .map(|(name, on)| (name.clone(), strings(on)))
            .collect(),
        targets: array(&json["targets"])
            .iter()
            .map(|target| Target {
                name: string(&target["name"]),
                kinds: strings(&target["kind"]),
            })
            .collect(),
    }
}

/// The array, or nothing where there is none.
pub(crate) fn array(json: &Value) -> &[Value] {
    json.as_array().map_or(&[], Vec::as_slice)
}

/// The string, or an empty one where there is none.
pub(crate) fn string(json: &Value) -> String {
    json.as_str().unwrap_or_default().to_owned()
}

fn strings(json: &Value) -> Vec<String> {
    array(json).iter().map(string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read() {
        let text = r#"{"target_directory": "t", "packages": [{"name": "a",
            "features": {"default": ["x"], "x": []},
            "targets": [{"name": "hello", "kind": ["example"]}]}]}"#;
        let workspace = Workspace::parse(text).unwrap();
        let package = workspace.package("a").unwrap();
        assert_eq!(package.features["default"], ["x"]);
        assert_eq!(package.targets[0].name, "hello");
        assert_eq!(package.targets[0].kinds, ["example"]);
        assert!(workspace.package("b").is_none());
    }

    #[test]
    fn something_else_is_refused() {
        assert!(Workspace::parse("{}").is_err());
    }
}
