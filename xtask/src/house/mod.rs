//! The project's own rules, for what no other tool looks at.

use std::fs;

use anyhow::{Result, bail};

use crate::session::Session;
use crate::stages::Outcome;

mod items;
mod mask;
mod rules;

use mask::Masked;
use rules::{Finding, Rule};

pub(crate) fn stage(session: &Session) -> Result<Outcome> {
    let tracked = session.run("git").args(["ls-files", "-z"]).output()?;
    let paths: Vec<&str> = tracked.split_terminator('\0').collect();
    let mut count = 0;
    for path in &paths {
        // Not text, or deleted but not yet committed so: nothing to read.
        let Ok(text) = fs::read_to_string(session.root.join(path)) else {
            continue;
        };
        for Finding { line, message } in findings(path, &text) {
            println!("{path}:{line}: {message}");
            count += 1;
        }
    }
    if count > 0 {
        bail!("house rules broken: {count}, listed above");
    }
    Ok(Outcome::Passed(format!("{} files", paths.len())))
}

/// Everything in one file that breaks a rule, from the top down.
fn findings(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = rules::machine_paths(text);
    if path.ends_with(".rs") {
        let source = Masked::new(text);
        let place = Place::of(path);
        let rules: [(bool, Rule); 5] = [
            (true, rules::leftovers),
            (place.measured, rules::long_file),
            (place.measured, rules::long_functions),
            (place.library, rules::unexplained),
            (place.library, rules::public_anyhow),
        ];
        for (applies, rule) in rules {
            if applies {
                findings.extend(rule(&source));
            }
        }
    }
    findings.sort_by_key(|finding| finding.line);
    findings
}

/// What a file is to the project, by its path.
#[derive(Debug, PartialEq)]
struct Place {
    /// Its size is limited.
    measured: bool,
    /// Other people's programs link it.
    library: bool,
}

impl Place {
    fn of(path: &str) -> Self {
        let parts: Vec<&str> = path.split('/').collect();
        let inside = match parts[..] {
            ["crates", _, "src", ref inside @ ..] => Some((inside, true)),
            ["xtask", "src", ref inside @ ..] => Some((inside, false)),
            _ => None,
        };
        let Some((inside, library)) = inside.filter(|(inside, _)| !is_test(inside)) else {
            return Self {
                measured: false,
                library: false,
            };
        };
        Self {
            measured: true,
            library: library && !matches!(inside, ["main.rs"] | ["bin", ..]),
        }
    }
}

fn is_test(inside: &[&str]) -> bool {
    inside
        .iter()
        .any(|part| matches!(*part, "tests" | "tests.rs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let place = |path| {
            let place = Place::of(path);
            (place.measured, place.library)
        };
        assert_eq!(place("crates/core/src/flow/mod.rs"), (true, true));
        assert_eq!(place("crates/cli/src/main.rs"), (true, false));
        assert_eq!(place("crates/cli/src/bin/other.rs"), (true, false));
        assert_eq!(place("crates/core/src/flow/tests.rs"), (false, false));
        assert_eq!(place("crates/core/src/tests/join.rs"), (false, false));
        assert_eq!(place("xtask/src/main.rs"), (true, false));
        assert_eq!(place("crates/core/tests/flow.rs"), (false, false));
        assert_eq!(place("examples/hello.rs"), (false, false));
    }

    #[test]
    fn libraries_are_held_to_more() {
        let text = "fn f() {\n    tokio::spawn(g());\n    todo!()\n}\n";
        let lines = |path| -> Vec<usize> {
            findings(path, text)
                .iter()
                .map(|finding| finding.line)
                .collect()
        };
        assert_eq!(lines("crates/core/src/flow.rs"), [2, 3]);
        assert_eq!(lines("examples/hello.rs"), [3]);
        assert!(lines("README.md").is_empty());
    }
}
