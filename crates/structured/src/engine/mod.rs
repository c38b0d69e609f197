//! A schema's verdict while the document arrives.
//!
//! For each open value there is an *evaluation* of each schema that is applied to it: that of its
//! place, and those that `anyOf`, `$ref` and the like apply to the same value. A schema is evaluated
//! once for a value, whoever asks; so the work for a byte is bounded by the schema, not by what came
//! before. An evaluation *fails* as soon as nothing that may follow helps, and tells those that asked.
//! Once the root's evaluation fails, the document is refused.

mod cursor;
mod describe;
mod evaluation;
mod fault;
mod gather;
mod keys;
mod rules;
mod strings;

use std::collections::HashSet;

use serde_json::Value;

use self::{
    evaluation::{Evaluation, Pending, Use},
    fault::{Fault, What},
    gather::Gather,
    keys::Key,
    strings::StringCheck,
};
use crate::{
    Schema, Violation,
    kind::Kind,
    machine::Stands,
    number::Number,
    schema::{
        node::{NameId, NodeId, Program, Role},
        pattern::Matching,
    },
    sink::{Refused, Sink},
};

type Next = Result<(), Refused>;

/// How deep a value may be that is judged at its end: its judge, and who drops it, go down by calls.
const MOST_GATHERED: usize = 500;

/// The root's evaluation is asked for by nobody.
const NOBODY: u32 = u32::MAX;

/// An open value. Numbers, strings and literals have one only if a schema looks at them.
#[derive(Debug)]
struct Level {
    kind: Kind,
    /// Whether the keys must differ: the object is under a schema.
    distinct: bool,
    /// Whether there is a limit on members or items.
    bounded: bool,
    /// Whether one schema looks at it that chooses by names alone: the next is guessed.
    guesses: bool,
    /// Where its evaluations, their uses, slots and faults begin.
    evaluations: u32,
    uses: u32,
    slots: u32,
    faults: u32,
    /// Where its bits of the keys seen begin.
    seen: u32,
    /// How many members or items have begun.
    count: u32,
    /// The place in the schema of the property that is likely to come next.
    likely: u32,
    /// The key that came last.
    key: LastKey,
    /// Where its text begins, if it is no name of the schema.
    text: u32,
    /// The keys that are no property of any schema. Boxed, as most levels have none.
    #[allow(clippy::box_collection)]
    free: Option<Box<HashSet<Box<str>>>>,
}

/// The key whose value is open, or comes next.
#[derive(Clone, Copy, Debug)]
enum LastKey {
    /// There is none, or it is still open.
    None,
    Name(NameId),
    /// Its text is among the run's `keys`.
    Text,
}

/// The state of one document's verdict.
#[derive(Debug)]
pub(crate) struct Engine {
    schema: Schema,
    run: Run,
}

#[derive(Debug)]
struct Run {
    levels: Vec<Level>,
    evaluations: Vec<Evaluation>,
    uses: Vec<Use>,
    slots: Vec<u32>,
    /// Why branches of open groups failed: the group's evaluation and slot, and the fault.
    faults: Vec<(u32, u16, Fault)>,
    /// One bit for each name and open object.
    seen: Vec<u64>,
    /// The texts of the last keys that are no names, one behind the other.
    keys: Vec<u8>,
    /// The schemas for the value that comes next.
    pending: Vec<Pending>,
    key: Key,
    /// What looks at the open string or key while it arrives.
    strings: Vec<StringCheck>,
    /// The characters of the open string, where they are counted.
    characters: u64,
    /// Whether the text of the open string is needed at its end, and the text.
    collects: bool,
    text: String,
    matchings: Vec<Option<Matching>>,
    gather: Gather,
    /// Whether the open number, string or literal has a level.
    scalar: bool,
    /// The value that began last.
    kind: Kind,
    /// The schema of the open number that asks for nothing but its own rules, and who asked for it.
    number: Option<(NodeId, u32)>,
    most_keys: u32,
    failure: Option<Fault>,
    /// Where an evaluation of each node may be found.
    found: Vec<u32>,
    /// Used again and again.
    order: Vec<u32>,
    deaths: Vec<(u64, u32, What)>,
}

impl Engine {
    pub(crate) fn new(schema: Schema, most_keys: u32) -> Self {
        let program = schema.program();
        let root = Pending {
            node: program.root,
            parent: NOBODY,
            role: Role::And,
        };
        let run = Run {
            levels: Vec::new(),
            evaluations: Vec::new(),
            uses: Vec::new(),
            slots: Vec::new(),
            faults: Vec::new(),
            seen: Vec::new(),
            keys: Vec::new(),
            pending: vec![root],
            key: Key::default(),
            strings: Vec::new(),
            characters: 0,
            collects: false,
            text: String::new(),
            matchings: Vec::new(),
            gather: Gather::default(),
            scalar: false,
            kind: Kind::Null,
            number: None,
            most_keys,
            failure: None,
            found: Vec::new(),
            order: Vec::new(),
            deaths: Vec::new(),
        };
        Self { schema, run }
    }

    /// Whether the open string is one of a list: what has come of it says nothing before its end.
    pub(crate) fn string_is_listed(&self) -> bool {
        let is_unknown = || self.run.gather.is_active() && self.schema.program().holds_strings;
        self.run.strings.iter().any(StringCheck::is_listed) || is_unknown()
    }

    /// What was wrong.
    pub(crate) fn violation(&self) -> Option<Violation> {
        let fault = self.run.failure.as_ref()?;
        Some(self.run.describe(&self.schema, fault))
    }

    /// The place in the document where the next byte stands, as a JSON pointer.
    pub(crate) fn pointer(&self, stands: Stands) -> String {
        let depth = self.run.levels.len();
        let program = self.schema.program();
        match (stands, self.run.levels.last()) {
            (Stands::Around, Some(_)) => self.run.path(program, depth - 1),
            (Stands::BeforeItem, Some(array)) => {
                format!("{}/{}", self.run.path(program, depth - 1), array.count)
            }
            _ => self.run.path(program, depth),
        }
    }
}

impl Sink for Engine {
    #[inline(always)]
    fn begin(&mut self, kind: Kind, at: u64) -> Next {
        self.run.begin(self.schema.program(), kind, at)
    }

    #[inline(always)]
    fn key_begin(&mut self, at: u64) -> Next {
        self.run.key_begin(self.schema.program(), at)
    }

    // Inlined, as are the beginnings and ends of values and keys: see `Run`.
    #[inline(always)]
    fn run(&mut self, text: &[u8], at: u64) -> Next {
        if self.run.key.is_open {
            return self.run.key_run(self.schema.program(), text, at);
        }
        if self.run.collects || !self.run.strings.is_empty() {
            return self.run.string_run(self.schema.program(), text, at);
        }
        Ok(())
    }

    fn backslash(&mut self, at: u64) -> Next {
        if self.run.key.is_open {
            self.run.key_goes_on(self.schema.program(), at)?;
        }
        self.run.string_goes_on(self.schema.program(), at)
    }

    fn escaped(&mut self, char: char, at: u64) -> Next {
        let program = self.schema.program();
        let mut bytes = [0; 4];
        let text = char.encode_utf8(&mut bytes);
        if self.run.key.is_open {
            return self.run.key_escaped(program, text, at);
        }
        self.run.string_escaped(program, text, at)
    }

    #[inline(always)]
    fn key_end(&mut self, at: u64) -> Next {
        self.run.key_end(self.schema.program(), at)
    }

    #[inline]
    fn string_end(&mut self, at: u64) -> Next {
        if self.run.scalar || self.run.collects {
            return self.run.string_end(self.schema.program(), at);
        }
        Ok(())
    }

    #[inline]
    fn number(&mut self, digits: &[u8], integer: bool, end: u64) -> Next {
        if let Some((node, parent)) = self.run.number.take() {
            let program = self.schema.program();
            let number = Number::parse(digits, integer);
            self.run.number_alone(program, node, parent, number, end)?;
        }
        if self.run.scalar || self.run.gather.is_active() {
            let program = self.schema.program();
            return self.run.number_end(program, digits, integer, end);
        }
        Ok(())
    }

    #[inline]
    fn literal_end(&mut self, at: u64) -> Next {
        if self.run.scalar || self.run.gather.is_active() {
            return self.run.literal_end(self.schema.program(), at);
        }
        Ok(())
    }

    #[inline]
    fn comma(&mut self, at: u64) -> Next {
        self.run.comma(self.schema.program(), at)
    }

    #[inline]
    fn end(&mut self, at: u64) -> Next {
        self.run.end(self.schema.program(), at)
    }
}

impl Run {
    // Inlined, as the fast ways of keys are: most of a document's values and keys end here.
    #[inline(always)]
    fn begin(&mut self, program: &Program, kind: Kind, at: u64) -> Next {
        if let Some(level) = self.levels.last()
            && level.kind == Kind::Array
        {
            self.element(program, at)?;
        }
        self.scalar = false;
        self.kind = kind;
        match self.pending[..] {
            [] if !kind.is_container() => {
                self.begin_unseen(kind);
                return Ok(());
            }
            // What most documents are made of.
            [pending]
                if pending.role == Role::And
                    && self.is_alive(pending.parent)
                    && !self.gather.is_active() =>
            {
                match program.entry(pending.node, kind) {
                    NodeId::TRUE if !kind.is_container() => {
                        self.pending.clear();
                        self.begin_unseen(kind);
                        return Ok(());
                    }
                    entry if entry > NodeId::FALSE => {
                        let plan = program.node(entry).plan(kind);
                        if plan.is_simple {
                            self.pending.clear();
                            if kind == Kind::Number {
                                self.number = Some((entry, pending.parent));
                                return Ok(());
                            }
                            self.begin_simple(program, entry, pending.parent, kind);
                            return Ok(());
                        }
                    }
                    _ => {}
                }
            }
            _ => {}
        }
        self.begin_any(program, kind, at)
    }

    /// A number, string or literal begins that no schema looks at.
    #[inline]
    fn begin_unseen(&mut self, kind: Kind) {
        if kind == Kind::String {
            self.collects = self.gather.is_active();
            self.text.clear();
        }
    }

    #[inline]
    fn is_alive(&self, evaluation: u32) -> bool {
        let found = self.evaluations.get(evaluation as usize);
        // Nobody never dies.
        found.is_none_or(|one| !one.is_dead)
    }

    /// A value begins, of which one schema asks for nothing but its own rules.
    #[inline(never)]
    fn begin_simple(&mut self, program: &Program, node: NodeId, parent: u32, kind: Kind) {
        self.open(kind);
        let first = self.evaluations.len();
        self.evaluate_new(program, node, parent, Role::And, kind);
        self.scalar = !kind.is_container();
        if let Some(level) = self.levels.last_mut() {
            let node = program.node(node);
            level.bounded = node.plan(kind).bounded;
            level.distinct = true;
            level.guesses =
                !level.bounded && node.object.as_ref().is_some_and(|rules| rules.is_plain());
        }
        self.prepare(program, kind, first, true, false);
    }

    #[inline(never)]
    fn begin_any(&mut self, program: &Program, kind: Kind, at: u64) -> Next {
        let opened = self.levels.len();
        if kind.is_container() && self.gather.depth() >= MOST_GATHERED {
            let (node, what) = (NodeId::TRUE, What::TooDeep(MOST_GATHERED as u32));
            let depth = opened;
            return self.refuse(Fault {
                at,
                depth,
                node,
                what,
            });
        }
        if kind.is_container() {
            self.open(kind);
        }
        for index in 0..self.pending.len() {
            let pending = self.pending[index];
            if !self.is_alive(pending.parent) {
                continue;
            }
            match program.entry(pending.node, kind) {
                NodeId::TRUE => self.fits(program, pending.parent, pending.role, at)?,
                NodeId::FALSE => {
                    let depth = opened;
                    let (node, what) = match self.evaluations.get(pending.parent as usize) {
                        Some(parent) if pending.node == NodeId::FALSE => (parent.node, What::Never),
                        _ => (pending.node, What::Kind(kind)),
                    };
                    let fault = Fault {
                        at,
                        depth,
                        node,
                        what,
                    };
                    self.failed_for(pending.parent, pending.role, fault)?;
                }
                entry => {
                    if self.levels.len() == opened {
                        self.open(kind);
                    }
                    self.evaluate(program, entry, pending.parent, pending.role, kind);
                }
            }
        }
        self.pending.clear();
        if self.levels.len() > opened {
            self.begun(program, kind);
        } else {
            self.begin_unseen(kind);
        }
        Ok(())
    }

    #[inline]
    fn open(&mut self, kind: Kind) {
        self.levels.push(Level {
            kind,
            distinct: false,
            bounded: false,
            guesses: false,
            evaluations: self.evaluations.len() as u32,
            uses: self.uses.len() as u32,
            slots: self.slots.len() as u32,
            faults: self.faults.len() as u32,
            seen: self.seen.len() as u32,
            count: 0,
            likely: 0,
            key: LastKey::None,
            text: self.keys.len() as u32,
            free: None,
        });
    }

    /// A value with a level has begun: prepares for what it is made of.
    fn begun(&mut self, program: &Program, kind: Kind) {
        let first = match self.levels.last() {
            Some(level) => level.evaluations as usize,
            None => return,
        };
        self.scalar = !kind.is_container();
        self.evaluate_in_place(program, first, kind);
        let plans = self.evaluations[first..].iter();
        let mut plans = plans.map(|one| program.node(one.node).plan(kind));
        let bounded = plans.clone().any(|plan| plan.bounded);
        let residual = plans.any(|plan| plan.residual);
        let is_checked = self.evaluations.len() > first;
        if let Some(level) = self.levels.last_mut() {
            level.bounded = bounded;
            level.distinct = is_checked || program.is_whole;
        }
        self.prepare(program, kind, first, is_checked, residual);
    }

    #[inline]
    fn prepare(
        &mut self,
        program: &Program,
        kind: Kind,
        first: usize,
        is_checked: bool,
        residual: bool,
    ) {
        match kind {
            Kind::Object => {
                if is_checked {
                    self.seen.extend(std::iter::repeat_n(0, program.words));
                }
                if residual || self.gather.is_active() {
                    self.gather.object();
                }
            }
            Kind::Array if residual || self.gather.is_active() => self.gather.array(),
            Kind::String => self.begin_string(program, first, residual),
            _ => {}
        }
    }

    /// An element of the open array begins.
    #[inline(never)]
    fn element(&mut self, program: &Program, at: u64) -> Next {
        let depth = self.levels.len() - 1;
        let level = &mut self.levels[depth];
        let index = level.count as usize;
        level.count += 1;
        let first = level.evaluations as usize;
        if level.bounded && index == 0 {
            self.at_the_maximum(program, 0, at)?;
        }
        for evaluation in first..self.evaluations.len() {
            let Evaluation { node, is_dead, .. } = self.evaluations[evaluation];
            let Some(rules) = program.node(node).array.as_ref().filter(|_| !is_dead) else {
                continue;
            };
            let mut apply = |node, role| {
                self.pending.push(Pending {
                    node,
                    parent: evaluation as u32,
                    role,
                });
            };
            let item = rules.prefix.get(index).copied().unwrap_or(rules.items);
            if item != NodeId::TRUE {
                apply(item, Role::And);
            }
            if let Some(contains) = rules.contains {
                let slot = program.node(node).plan(Kind::Array).contains;
                apply(contains.node, Role::Contains { slot });
            }
        }
        Ok(())
    }

    fn comma(&mut self, program: &Program, at: u64) -> Next {
        match self.levels.last() {
            Some(level) if level.bounded => self.at_the_maximum(program, level.count, at),
            _ => Ok(()),
        }
    }

    fn end(&mut self, program: &Program, at: u64) -> Next {
        let value = self.gather.is_active().then(|| self.gather.close());
        self.close(program, at, value.as_ref(), None)?;
        if let Some(value) = value {
            self.gather.put(value);
        }
        Ok(())
    }

    fn number_end(&mut self, program: &Program, digits: &[u8], integer: bool, end: u64) -> Next {
        let scalar = self.scalar;
        if scalar {
            let number = Number::parse(digits, integer);
            let needs_value = self.gather.is_active() || self.has_residual(program);
            let value = needs_value.then(|| gather::number(digits));
            self.close(program, end, value.as_ref(), Some(number))?;
        }
        if self.gather.is_active() {
            self.gather.put(gather::number(digits));
        }
        Ok(())
    }

    /// Judges a number by the rules of one schema.
    #[inline]
    fn number_alone(
        &mut self,
        program: &Program,
        node: NodeId,
        parent: u32,
        number: Number,
        at: u64,
    ) -> Next {
        let rules = program.node(node).number.as_ref();
        match rules.and_then(|rules| rules::broken_number(rules, number)) {
            None => Ok(()),
            Some(what) => {
                let depth = self.levels.len();
                let fault = Fault {
                    at,
                    depth,
                    node,
                    what,
                };
                self.failed_for(parent, Role::And, fault)
            }
        }
    }

    fn literal_end(&mut self, program: &Program, at: u64) -> Next {
        let value = match self.kind {
            Kind::Null => Value::Null,
            kind => Value::Bool(kind == Kind::True),
        };
        if self.scalar {
            self.close(program, at, Some(&value), None)?;
        }
        if self.gather.is_active() {
            self.gather.put(value);
        }
        Ok(())
    }
}
