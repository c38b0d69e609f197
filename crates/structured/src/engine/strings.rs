//! Strings, while they arrive: their length, the list they are on, their patterns.

use serde_json::Value;

use super::{Fault, Next, Run, What, cursor::Cursor};
use crate::schema::{
    node::{NodeId, PatternId, Program, StringRules},
    pattern::Match,
};

/// An evaluation that looks at the open string.
#[derive(Debug)]
pub(super) struct StringCheck {
    pub(super) evaluation: u32,
    pub(super) node: NodeId,
    /// How far it agrees with the texts of `enum` and `const`.
    pub(super) cursor: Cursor,
    is_listed: bool,
    /// Whether it is known to have failed.
    has_failed: bool,
}

impl StringCheck {
    pub(super) fn is_listed(&self) -> bool {
        self.is_listed
    }
}

impl Run {
    /// The open value is a string, or a key under `propertyNames`.
    pub(super) fn begin_string(&mut self, program: &Program, first: usize, residual: bool) {
        self.strings.clear();
        self.text.clear();
        self.characters = 0;
        self.collects = residual || self.gather.is_active();
        for index in first..self.evaluations.len() {
            let node = self.evaluations[index].node;
            let Some(rules) = &program.node(node).string else {
                continue;
            };
            let set = rules.set.as_deref();
            self.strings.push(StringCheck {
                evaluation: index as u32,
                node,
                cursor: set.map(Cursor::new).unwrap_or_default(),
                is_listed: set.is_some() && self.evaluations[index].binds,
                has_failed: false,
            });
            for pattern in &rules.patterns {
                self.begin_pattern(program, *pattern);
            }
        }
    }

    fn begin_pattern(&mut self, program: &Program, id: PatternId) {
        let pattern = &program.patterns[id as usize];
        if self.matchings.len() < program.patterns.len() {
            self.matchings.resize_with(program.patterns.len(), || None);
        }
        let matching = self.matchings[id as usize].get_or_insert_with(|| pattern.matching());
        matching.begin(pattern);
        // Where look-around is needed, or a byte comes that the automaton gives up at.
        self.collects = true;
    }

    /// Text of the open string as it stands in the document.
    #[inline(never)]
    pub(super) fn string_run(&mut self, program: &Program, text: &[u8], at: u64) -> Next {
        self.string_text(program, text, |index| at + index as u64)
    }

    /// A character of the open string that was escaped.
    pub(super) fn string_escaped(&mut self, program: &Program, text: &str, at: u64) -> Next {
        self.string_text(program, text.as_bytes(), |_| at)
    }

    fn string_text(
        &mut self,
        program: &Program,
        text: &[u8],
        place: impl Fn(usize) -> u64,
    ) -> Next {
        if self.collects {
            // Whole characters: the machine has seen to that.
            self.text
                .push_str(std::str::from_utf8(text).unwrap_or_default());
        }
        if self.strings.is_empty() {
            return Ok(());
        }
        for index in 0..self.strings.len() {
            let node = self.strings[index].node;
            if let Some(rules) = &program.node(node).string
                && let Some((byte, what)) = self.first_fault(program, rules, index, text)
            {
                self.strings[index].has_failed = true;
                let evaluation = self.strings[index].evaluation;
                self.deaths.push((place(byte), evaluation, what));
            }
        }
        self.characters += text.iter().filter(|byte| begins_character(**byte)).count() as u64;
        self.bury()
    }

    /// The first byte of a text that makes a rule impossible.
    fn first_fault(
        &mut self,
        program: &Program,
        rules: &StringRules,
        index: usize,
        text: &[u8],
    ) -> Option<(usize, What)> {
        let check = &mut self.strings[index];
        if check.has_failed {
            return None;
        }
        let mut first: Option<(usize, What)> = None;
        let mut note = |found: Option<usize>, what| {
            if let Some(byte) = found
                && first.as_ref().is_none_or(|(before, _)| byte < *before)
            {
                first = Some((byte, what));
            }
        };
        if rules.max < u64::MAX {
            let fit = rules.max.saturating_sub(self.characters);
            let mut starts = (0..text.len()).filter(|index| begins_character(text[*index]));
            let found = usize::try_from(fit).ok().and_then(|fit| starts.nth(fit));
            note(found, What::MaxLength);
        }
        if let Some(set) = &rules.set {
            note(check.cursor.take(set, text), What::StringSet);
        }
        for id in &rules.patterns {
            let pattern = &program.patterns[*id as usize];
            let Some(matching) = self.matchings[*id as usize].as_mut() else {
                continue;
            };
            let mut bytes = text.iter();
            let dead = bytes.position(|byte| matching.step(pattern, *byte) == Match::Dead);
            note(dead, What::Pattern(*id));
        }
        first
    }

    /// A character follows: a rule that allows no more is broken before it is known which.
    pub(super) fn string_goes_on(&mut self, program: &Program, at: u64) -> Next {
        for check in &mut self.strings {
            let Some(rules) = &program.node(check.node).string else {
                continue;
            };
            let set = rules.set.as_deref();
            let what = if self.characters >= rules.max {
                What::MaxLength
            } else if set.is_some_and(|set| !check.cursor.goes_on(set)) {
                What::StringSet
            } else {
                continue;
            };
            if !std::mem::replace(&mut check.has_failed, true) {
                self.deaths.push((at, check.evaluation, what));
            }
        }
        self.bury()
    }

    /// Lets evaluations fail in the order of the document, however it was cut.
    pub(super) fn bury(&mut self) -> Next {
        if self.deaths.is_empty() {
            return Ok(());
        }
        let mut deaths = std::mem::take(&mut self.deaths);
        deaths.sort_by_key(|(at, evaluation, _)| (*at, *evaluation));
        for (at, evaluation, what) in deaths.drain(..) {
            let depth = self.depth_of(evaluation);
            let node = self.evaluations[evaluation as usize].node;
            self.fail(
                evaluation,
                Fault {
                    at,
                    depth,
                    node,
                    what,
                },
            )?;
        }
        self.deaths = deaths;
        Ok(())
    }

    pub(super) fn string_end(&mut self, program: &Program, at: u64) -> Next {
        let value = self
            .collects
            .then(|| Value::String(std::mem::take(&mut self.text)));
        if let Some(Value::String(text)) = &value {
            // Patterns look at it, too.
            self.text.push_str(text);
        }
        if self.scalar {
            self.close(program, at, value.as_ref(), None)?;
        }
        self.strings.clear();
        self.collects = false;
        if let Some(value) = value
            && self.gather.is_active()
        {
            self.gather.put(value);
        }
        Ok(())
    }
}

fn begins_character(byte: u8) -> bool {
    byte & 0xc0 != 0x80
}
