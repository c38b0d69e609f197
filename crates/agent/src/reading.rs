//! How an answer's JSON is read out of the model's text.

use mainstem_core::{Model, Notice, OutputMode, OutputSpec};
use mainstem_structured::{
    Checker, Front, Judge, Repair, RepairKind, Schema, TextAfter, Violation,
};

/// Holds an answer to its schema, piece by piece.
pub(crate) enum Reading {
    /// The model's text is the document.
    Plain(Box<Judge>),
    /// The document stands in the model's text.
    Behind(Box<Behind>),
}

/// Reads a document that stands in a text.
pub(crate) struct Behind {
    checker: Checker,
    front: Front,
    /// How much of the document was taken.
    taken: usize,
    /// How many repairs were told of.
    told: usize,
}

impl Reading {
    /// As the agent was told; otherwise behind a front, if the model is free to write more than the document.
    pub(crate) fn new(
        model: &dyn Model,
        output: &OutputSpec,
        front: Option<&Front>,
        is_free: bool,
    ) -> Self {
        let is_free = || {
            let mode = model.output_mode(output);
            is_free || matches!(mode, Some(OutputMode::Prompt | OutputMode::JsonObject))
        };
        // Not `Stop`: a dropped stream has no usage, which comes last.
        let default = || Front::new().text_after(TextAfter::Ignore);
        match front.cloned().or_else(|| is_free().then(default)) {
            None => Self::Plain(Box::new(output.schema.judge())),
            Some(front) => Self::Behind(Box::new(Behind {
                checker: output.schema.checker().front(front.clone()),
                front,
                taken: 0,
                told: 0,
            })),
        }
    }

    /// Forgets what it has read.
    pub(crate) fn begin_anew(&mut self, schema: &Schema) {
        match self {
            Self::Plain(judge) => **judge = schema.judge(),
            Self::Behind(behind) => {
                behind.checker = schema.checker().front(behind.front.clone());
                behind.taken = 0;
                behind.told = 0;
            }
        }
    }

    /// Reads a piece of the model's text.
    pub(crate) fn feed(&mut self, text: &str) -> Result<(), Violation> {
        match self {
            Self::Plain(judge) => judge.feed(text.as_bytes()),
            Self::Behind(behind) => behind.checker.feed(text.as_bytes()),
        }
    }

    /// What of the document is new, if it isn't the piece itself.
    pub(crate) fn take_new(&mut self) -> Option<&str> {
        match self {
            Self::Plain(_) => None,
            Self::Behind(behind) => {
                let new = &behind.checker.text()[behind.taken..];
                behind.taken += new.len();
                // Pieces of text, of which the front takes away ASCII: characters stay whole.
                Some(std::str::from_utf8(new).unwrap_or_default())
            }
        }
    }

    /// A repair that nobody was told of yet.
    pub(crate) fn next_repair(&mut self) -> Option<Notice> {
        match self {
            Self::Plain(_) => None,
            Self::Behind(behind) => {
                let repair = behind.checker.repairs().get(behind.told)?;
                behind.told += 1;
                Some(notice(repair))
            }
        }
    }

    /// Whether what follows can make a difference.
    pub(crate) fn wants_more(&self) -> bool {
        match self {
            Self::Plain(_) => true,
            Self::Behind(behind) => behind.checker.wants_more(),
        }
    }

    pub(crate) fn finish(&mut self) -> Result<(), Violation> {
        match self {
            Self::Plain(judge) => judge.finish(),
            Self::Behind(behind) => behind.checker.finish().map(|_| ()),
        }
    }

    /// The document so far, in the model's text.
    pub(crate) fn document<'a>(&'a self, text: &'a str) -> &'a str {
        match self {
            Self::Plain(_) => text,
            Self::Behind(behind) => std::str::from_utf8(behind.checker.text()).unwrap_or_default(),
        }
    }
}

fn notice(repair: &Repair) -> Notice {
    let what = match repair.kind {
        RepairKind::TrailingComma => "a comma before a closing bracket was left out",
        RepairKind::RawControl => "a control character in a string was escaped",
        _ => "a fault was repaired",
    };
    let message = format!("{what} (byte {} of the model's text)", repair.offset);
    Notice::new("output_repaired", message)
}
