//! What was measured, and what was hoped for.

use std::{fmt, fs, path::Path};

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;

use crate::{machine::Machine, table};

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    quick: bool,
    pub(crate) sections: Vec<Section>,
}

/// One part of the bench.
#[derive(Debug, Serialize)]
pub(crate) struct Section {
    name: &'static str,
    about: String,
    #[serde(skip)]
    rows: Vec<Vec<String>>,
    aims: Vec<Aim>,
    /// The numbers, as they are.
    data: Vec<Value>,
    #[serde(skip)]
    judged: bool,
}

#[derive(Debug, Serialize)]
struct Aim {
    what: String,
    unit: &'static str,
    measured: f64,
    limit: f64,
    met: bool,
}

impl Report {
    pub(crate) fn new(quick: bool) -> Self {
        Self {
            machine: Machine::here(),
            quick,
            sections: Vec::new(),
        }
    }

    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        let json = serde_json::to_string_pretty(self)? + "\n";
        fs::write(path, json).with_context(|| format!("{} can't be written", path.display()))
    }

    /// Whether an aim is missed whose unit is the same on every run.
    pub(crate) fn misses_exact_aim(&self) -> bool {
        let mut aims = self.sections.iter().flat_map(|section| &section.aims);
        aims.any(|aim| EXACT.contains(&aim.unit) && !aim.met)
    }
}

/// The units of the aims that `--gate` looks at.
const EXACT: [&str; 3] = [INSTRUCTIONS, TIMES_INSTRUCTIONS, TIMES_HEAP];
pub(crate) const INSTRUCTIONS: &str = "instructions";
pub(crate) const TIMES_INSTRUCTIONS: &str = "times the instructions";
pub(crate) const TIMES_HEAP: &str = "times the text on the heap";

impl Section {
    /// A part without numbers so far; `judged` says whether its aims are told as met or not.
    pub(crate) fn new(name: &'static str, about: impl Into<String>, judged: bool) -> Self {
        Self {
            name,
            about: about.into(),
            rows: Vec::new(),
            aims: Vec::new(),
            data: Vec::new(),
            judged,
        }
    }

    pub(crate) fn row<I>(&mut self, cells: I)
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// Notes what is to be at most `limit`.
    pub(crate) fn aim(
        &mut self,
        what: impl Into<String>,
        unit: &'static str,
        measured: f64,
        limit: f64,
    ) {
        self.aims.push(Aim {
            what: what.into(),
            unit,
            measured,
            limit,
            met: measured <= limit,
        });
    }

    pub(crate) fn data(&mut self, data: Value) {
        self.data.push(data);
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.name, self.about)?;
        f.write_str(&table::render(&self.rows))?;
        for aim in &self.aims {
            let verdict = match (self.judged, aim.met) {
                (false, _) => "not judged",
                (true, true) => "met",
                (true, false) => "NOT MET",
            };
            let (measured, limit) = (round(aim.measured), round(aim.limit));
            let (what, unit) = (&aim.what, aim.unit);
            writeln!(
                f,
                "  {what}: {measured} {unit}, the aim is {limit} at most: {verdict}"
            )?;
        }
        Ok(())
    }
}

/// Two digits after the point for small numbers, none for large ones.
fn round(value: f64) -> String {
    if value.abs() < 100.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aim_says_whether_it_is_met() {
        let mut section = Section::new("callgrind", "instructions a chunk", true);
        section.row(["agent", "15,000"]);
        section.aim("agent", INSTRUCTIONS, 15_000.0, 14_000.0);
        section.aim("agent/splitter", "times", 1.5, 1.6);
        let text = section.to_string();
        assert!(text.contains("agent: 15000 instructions, the aim is 14000 at most: NOT MET"));
        assert!(text.contains("agent/splitter: 1.50 times, the aim is 1.60 at most: met"));
        let mut report = Report::new(false);
        assert!(!report.misses_exact_aim());
        report.sections.push(section);
        assert!(report.misses_exact_aim());
    }
}
