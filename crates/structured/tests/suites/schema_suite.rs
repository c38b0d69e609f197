//! JSON-Schema-Test-Suite, draft 2020-12: each document in several spellings, fed in every way.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use mainstem_structured::Schema;
use serde_json::Value;

use crate::{feeding::every_way, oracle::Oracle, spelling::spellings};

/// Where we differ from the suite, each with the reason.
const EXCEPTIONS: &str = include_str!("schema_suite_exceptions.txt");

/// What `cargo xtask test --only tools` fetches.
fn directory() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let directory = target.join("schema-suite/jsonschema-4.26.0/json/tests/draft2020-12");
    assert!(
        directory.is_dir(),
        "JSON-Schema-Test-Suite is missing: `cargo xtask test --only tools` fetches it"
    );
    directory
}

/// The paths below the suite's directory, in order.
fn files(directory: &Path, below: &str) -> Vec<String> {
    let entries = fs::read_dir(directory.join(below)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut files: Vec<String> = names
        .filter(|name| name.ends_with(".json"))
        .map(|name| format!("{below}{name}"))
        .collect();
    files.sort();
    files
}

/// The exceptions met so far; all of the list must be met in the end.
struct Exceptions {
    listed: BTreeSet<&'static str>,
    met: BTreeSet<&'static str>,
    unlisted: Vec<String>,
}

impl Exceptions {
    fn below(prefix: &str) -> Self {
        let lines = EXCEPTIONS.lines().filter(|line| !line.starts_with('#'));
        let cases = lines.map(|line| line.rsplit_once(" -- ").unwrap().0);
        let own = cases.filter(|case| is_in(case, prefix));
        Self {
            listed: own.collect(),
            met: BTreeSet::new(),
            unlisted: Vec::new(),
        }
    }

    fn meet(&mut self, case: String) {
        match self.listed.get(case.as_str()) {
            Some(case) => drop(self.met.insert(case)),
            None => self.unlisted.push(case),
        }
    }

    fn assert_exact(&self) {
        assert!(
            self.unlisted.is_empty(),
            "we differ from the suite:\n{}",
            self.unlisted.join("\n")
        );
        let idle: Vec<_> = self.listed.difference(&self.met).collect();
        assert!(idle.is_empty(), "no exceptions any more: {idle:#?}");
    }
}

/// Whether a case is of the directory itself, not of one below it.
fn is_in(case: &str, prefix: &str) -> bool {
    let file = case.split(" | ").next().unwrap();
    file.strip_prefix(prefix)
        .is_some_and(|name| !name.contains('/'))
}

/// How many tests were run.
fn run(below: &str, formats: bool) -> usize {
    let directory = directory();
    let mut exceptions = Exceptions::below(below);
    let mut count = 0;
    for file in files(&directory, below) {
        let text = fs::read(directory.join(&file)).unwrap();
        let groups: Vec<Value> = serde_json::from_slice(&text).unwrap();
        for group in &groups {
            count += run_group(&file, group, formats, &mut exceptions);
        }
    }
    exceptions.assert_exact();
    count
}

fn run_group(file: &str, group: &Value, formats: bool, exceptions: &mut Exceptions) -> usize {
    let of_group = format!("{file} | {}", group["description"].as_str().unwrap());
    let tests = group["tests"].as_array().unwrap();
    let made = Schema::options()
        .check_formats(formats)
        .from_value(group["schema"].clone());
    let oracle = Oracle::new(&group["schema"], formats);
    assert_eq!(made.is_ok(), oracle.is_ok(), "{of_group}: {made:?}");
    let (Ok(schema), Ok(oracle)) = (made, oracle) else {
        exceptions.meet(of_group);
        return tests.len();
    };
    for test in tests {
        let case = format!("{of_group} | {}", test["description"].as_str().unwrap());
        let judged = oracle.fits(&test["data"]);
        for text in spellings(&test["data"]) {
            let verdict = every_way(&schema, text.as_bytes(), usize::MAX);
            assert_eq!(verdict.is_valid(), judged, "{case}: {text}: {verdict:?}");
        }
        if test["valid"] != judged {
            exceptions.meet(case);
        }
    }
    tests.len()
}

#[test]
fn required() {
    assert_eq!(run("", false), 1257);
}

#[test]
fn optional() {
    assert_eq!(run("optional/", false), 158);
}

#[test]
fn optional_formats() {
    assert_eq!(run("optional/format/", true), 491);
}
