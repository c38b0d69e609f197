//! The ways to read a document.

use std::hint::black_box;

use anyhow::{Result, ensure};
use clap::ValueEnum;
use jiter::{JsonValue, PartialMode};
use mainstem_structured::{Checker, Front, Node, Schema};
use serde_json::Value;

use super::records::{Record, Records};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Way {
    /// It isn't read: what is on the heap without reading.
    None,
    /// `serde_json` into the type, from the whole text.
    Typed,
    /// `serde_json` into a `Value`, from the whole text.
    Value,
    /// Parser and validator.
    Judge,
    /// The same, and the text is kept.
    Checker,
    /// The same, behind the stage that takes prose and fences away.
    Front,
    /// What is new is told as it comes.
    Updates,
    /// Each record, typed, as soon as it is complete.
    Items,
    /// A document whose root is looked at after each chunk.
    Document,
    /// The `jiter` crate's partial mode, from the beginning at each chunk.
    Jiter,
}

/// How much of a document comes at a time.
pub(crate) const CHUNK: usize = 4;

impl Way {
    /// What is measured, as rows of a table.
    pub(crate) const ALL: [Self; 9] = [
        Self::Typed,
        Self::Value,
        Self::Judge,
        Self::Checker,
        Self::Front,
        Self::Updates,
        Self::Items,
        Self::Document,
        Self::Jiter,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Typed => "typed",
            Self::Value => "value",
            Self::Judge => "judge",
            Self::Checker => "checker",
            Self::Front => "front",
            Self::Updates => "updates",
            Self::Items => "items",
            Self::Document => "document",
            Self::Jiter => "jiter",
        }
    }

    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::None => "nothing",
            Self::Typed => "serde_json, typed, whole text",
            Self::Value => "serde_json, Value, whole text",
            Self::Judge => "the verdict alone",
            Self::Checker => "the verdict, and the text kept",
            Self::Front => "the same, behind a front",
            Self::Updates => "checked, updates told",
            Self::Items => "checked, each record typed once",
            Self::Document => "checked, a live tree, its root looked at after each chunk",
            Self::Jiter => "jiter, partial, text so far at each chunk",
        }
    }

    /// Reads the document from its first byte to its last.
    pub(crate) fn read(self, text: &str, schema: &Schema) -> Result<()> {
        match self {
            Self::None => {}
            Self::Typed => {
                let records: Records = serde_json::from_str(black_box(text))?;
                black_box(records.records.len());
            }
            Self::Value => {
                black_box(serde_json::from_str::<Value>(black_box(text))?);
            }
            Self::Judge => {
                let mut judge = schema.judge();
                for chunk in chunks(text) {
                    judge.feed(chunk)?;
                }
                judge.finish()?;
            }
            Self::Checker => check(schema.checker(), text)?,
            Self::Front => check(schema.checker().front(Front::new()), text)?,
            Self::Updates => updates(text, schema)?,
            Self::Items => items(text, schema)?,
            Self::Document => document(text, schema)?,
            Self::Jiter => {
                for end in (CHUNK..text.len()).step_by(CHUNK).chain([text.len()]) {
                    let so_far = black_box(&text.as_bytes()[..end]);
                    let mode = PartialMode::TrailingStrings;
                    black_box(JsonValue::parse_with_config(so_far, false, mode)?);
                }
            }
        }
        Ok(())
    }
}

fn chunks(text: &str) -> impl Iterator<Item = &[u8]> {
    text.as_bytes().chunks(CHUNK).map(black_box)
}

fn check(mut checker: Checker, text: &str) -> Result<()> {
    for chunk in chunks(text) {
        checker.feed(chunk)?;
    }
    let length = checker.finish()?.len();
    ensure!(length == text.len(), "another text came out");
    Ok(())
}

fn updates(text: &str, schema: &Schema) -> Result<()> {
    let mut updates = schema.updates();
    for chunk in chunks(text) {
        updates.feed(chunk, |update| {
            black_box((update.path.len(), update.change));
        })?;
    }
    updates.finish(|_| {})?;
    Ok(())
}

fn items(text: &str, schema: &Schema) -> Result<()> {
    let mut items = schema.items::<Record>("/records");
    for chunk in chunks(text) {
        items.feed(chunk)?;
        while let Some(record) = items.next_item().transpose()? {
            black_box(record);
        }
    }
    items.finish()?;
    Ok(())
}

fn document(text: &str, schema: &Schema) -> Result<()> {
    let mut document = schema.document();
    for chunk in chunks(text) {
        document.feed(chunk)?;
        black_box(document.root().map(Node::len));
    }
    document.finish()?;
    Ok(())
}
