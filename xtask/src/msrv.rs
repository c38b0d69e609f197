//! Does the lock file build with the Rust that the workspace states?
//!
//! An older toolchain is not at hand everywhere, so the dependencies are taken at
//! their word: each states the Rust it needs.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::session::Session;
use crate::stages::Outcome;
use crate::workspace::{array, string};

/// Inherited from the workspace by this package as by every other.
const STATED: &str = env!("CARGO_PKG_RUST_VERSION");

/// Where users build. What only other platforms need is not looked at.
const PLATFORMS: [&str; 2] = ["x86_64-unknown-linux-gnu", "aarch64-apple-darwin"];

pub(crate) fn stage(session: &Session) -> Result<Outcome> {
    let mut metadata = session.cargo(["metadata", "--format-version=1", "--all-features"]);
    for platform in PLATFORMS {
        metadata = metadata.args(["--filter-platform", platform]);
    }
    let graph = Graph::parse(&metadata.output()?).context("cannot read `cargo metadata`")?;
    let stated = version(STATED).context("the workspace states no rust-version")?;
    let shipped = graph.shipped();
    let (offenders, notes): (Vec<_>, Vec<_>) = graph
        .newer_than(stated)
        .into_iter()
        .partition(|package| shipped.contains(package.id.as_str()));
    for package in &notes {
        println!("note: {package}; fine, as only tests or tools use it");
    }
    if !offenders.is_empty() {
        let list: Vec<String> = offenders
            .iter()
            .map(|package| format!("  {package}"))
            .collect();
        bail!(
            "newer than the workspace's {STATED}: take an older version (`cargo update -p NAME \
             --precise VERSION`) or raise rust-version\n{}",
            list.join("\n")
        );
    }
    let note = format!(
        "{} packages build with {STATED}, by what they state",
        shipped.len()
    );
    Ok(Outcome::Passed(note))
}

/// The resolved dependencies of the workspace.
struct Graph {
    packages: BTreeMap<String, Package>,
    /// Members that may be published.
    roots: Vec<String>,
}

struct Package {
    id: String,
    name: String,
    version: String,
    rust_version: Option<String>,
    /// What a user builds with it: normal and build dependencies.
    dependencies: Vec<String>,
}

impl std::fmt::Display for Package {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rust = self.rust_version.as_deref().unwrap_or("any Rust");
        write!(f, "{} {} needs Rust {rust}", self.name, self.version)
    }
}

impl Graph {
    fn parse(text: &str) -> Result<Self> {
        let json: Value = serde_json::from_str(text)?;
        let nodes = array(&json["resolve"]["nodes"]).iter();
        let mut dependencies: BTreeMap<String, Vec<String>> = nodes
            .map(|node| (string(&node["id"]), dependencies(node)))
            .collect();
        let members: BTreeSet<String> = array(&json["workspace_members"])
            .iter()
            .map(string)
            .collect();
        let mut graph = Self {
            packages: BTreeMap::new(),
            roots: Vec::new(),
        };
        for package in array(&json["packages"]) {
            let id = string(&package["id"]);
            // Packages that no chosen platform uses have no node.
            let Some(dependencies) = dependencies.remove(&id) else {
                continue;
            };
            // `publish = false` is an empty list of registries.
            let private = package["publish"].as_array().is_some_and(Vec::is_empty);
            if members.contains(&id) && !private {
                graph.roots.push(id.clone());
            }
            let package = Package {
                id: id.clone(),
                name: string(&package["name"]),
                version: string(&package["version"]),
                rust_version: package["rust_version"].as_str().map(str::to_owned),
                dependencies,
            };
            graph.packages.insert(id, package);
        }
        Ok(graph)
    }

    /// The ids of everything that users of the published crates build.
    fn shipped(&self) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let mut todo: Vec<&str> = self.roots.iter().map(String::as_str).collect();
        while let Some(id) = todo.pop() {
            if seen.insert(id) {
                let package = self.packages.get(id).into_iter();
                todo.extend(
                    package
                        .flat_map(|package| &package.dependencies)
                        .map(String::as_str),
                );
            }
        }
        seen
    }

    fn newer_than(&self, stated: [u32; 3]) -> Vec<&Package> {
        let needs = |package: &Package| package.rust_version.as_deref().and_then(version);
        let packages = self.packages.values();
        packages
            .filter(|package| needs(package) > Some(stated))
            .collect()
    }
}

/// The ids of a node's dependencies, without those of its tests.
fn dependencies(node: &Value) -> Vec<String> {
    let shipped = |dependency: &&Value| {
        let mut kinds = array(&dependency["dep_kinds"]).iter();
        kinds.any(|kind| kind["kind"] != "dev")
    };
    let dependencies = array(&node["deps"]).iter().filter(shipped);
    dependencies
        .map(|dependency| string(&dependency["pkg"]))
        .collect()
}

/// `1.88` and `1.88.0` are the same; anything after the numbers is dropped.
fn version(text: &str) -> Option<[u32; 3]> {
    let numbers = text.split(['-', '+']).next()?;
    let mut version = [0; 3];
    for (slot, number) in version.iter_mut().zip(numbers.split('.')) {
        *slot = number.parse().ok()?;
    }
    Some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    const METADATA: &str = r#"{
        "workspace_members": ["lib", "tool"],
        "packages": [
            {"id": "lib", "name": "lib", "version": "0.1.0", "publish": null, "rust_version": "1.88"},
            {"id": "tool", "name": "tool", "version": "0.1.0", "publish": []},
            {"id": "new", "name": "new", "version": "2.0.0", "rust_version": "1.90.0"},
            {"id": "test", "name": "test", "version": "3.0.0", "rust_version": "1.91"},
            {"id": "windows", "name": "windows", "version": "4.0.0", "rust_version": "1.99"}
        ],
        "resolve": {"nodes": [
            {"id": "lib", "deps": [
                {"pkg": "new", "dep_kinds": [{"kind": null}, {"kind": "dev"}]},
                {"pkg": "test", "dep_kinds": [{"kind": "dev"}]}
            ]},
            {"id": "tool", "deps": [{"pkg": "test", "dep_kinds": [{"kind": null}]}]},
            {"id": "new", "deps": []},
            {"id": "test", "deps": []}
        ]}
    }"#;

    #[test]
    fn what_users_build_is_told_from_the_rest() {
        let graph = Graph::parse(METADATA).unwrap();
        assert_eq!(
            graph.shipped().into_iter().collect::<Vec<_>>(),
            ["lib", "new"]
        );
        let newer: Vec<String> = graph
            .newer_than([1, 88, 0])
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            newer,
            ["new 2.0.0 needs Rust 1.90.0", "test 3.0.0 needs Rust 1.91"]
        );
    }

    #[test]
    fn versions_compare_by_number() {
        assert_eq!(version("1.88"), version("1.88.0"));
        assert!(version("1.100") > version("1.88.3"));
        assert_eq!(version("1.90.0-nightly"), Some([1, 90, 0]));
        assert_eq!(version("next"), None);
    }
}
