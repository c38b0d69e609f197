//! The ways to read a document.

use std::hint::black_box;

use anyhow::{Result, ensure};
use clap::ValueEnum;
use jiter::{JsonValue, PartialMode};
use mainstem_structured::{Front, Node, Schema};
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
        let chunks = text.as_bytes().chunks(CHUNK);
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
                for chunk in chunks {
                    judge.feed(black_box(chunk))?;
                }
                judge.finish()?;
            }
            Self::Checker => {
                let mut checker = schema.checker();
                for chunk in chunks {
                    checker.feed(black_box(chunk))?;
                }
                ensure!(
                    checker.finish()?.len() == text.len(),
                    "another text came out"
                );
            }
            Self::Front => {
                let mut checker = schema.checker().front(Front::new());
                for chunk in chunks {
                    checker.feed(black_box(chunk))?;
                }
                ensure!(
                    checker.finish()?.len() == text.len(),
                    "another text came out"
                );
            }
            Self::Updates => {
                let mut updates = schema.updates();
                for chunk in chunks {
                    updates.feed(black_box(chunk), |update| {
                        black_box((update.path.len(), update.change));
                    })?;
                }
                updates.finish(|_| {})?;
            }
            Self::Items => {
                let mut items = schema.items::<Record>("/records");
                for chunk in chunks {
                    items.feed(black_box(chunk))?;
                    while let Some(record) = items.next_item() {
                        black_box(record);
                    }
                }
                items.finish()?;
            }
            Self::Document => {
                let mut document = schema.document();
                for chunk in chunks {
                    document.feed(black_box(chunk))?;
                    black_box(document.root().map(Node::len));
                }
                document.finish()?;
            }
            Self::Jiter => {
                for end in (CHUNK..text.len()).step_by(CHUNK).chain([text.len()]) {
                    let so_far = black_box(&text.as_bytes()[..end]);
                    black_box(JsonValue::parse_with_config(
                        so_far,
                        false,
                        PartialMode::TrailingStrings,
                    )?);
                }
            }
        }
        Ok(())
    }
}
