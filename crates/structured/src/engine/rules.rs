//! What is looked at once a value is complete, and how many items or members may come.

use std::cmp::Ordering;

use serde_json::Value;

use super::{Fault, Level, Next, Run, What};
use crate::{
    kind::Kind,
    number::Number,
    schema::{
        node::{
            ArrayRules, Bound, Closing, NameId, Node, NumberRules, ObjectRules, Program,
            StringRules, Want,
        },
        pattern::Match,
    },
};

impl Run {
    /// Why an evaluation of the complete value fails; none, if it fits.
    pub(super) fn broken(
        &mut self,
        program: &Program,
        index: u32,
        value: Option<&Value>,
        number: Option<Number>,
    ) -> Option<What> {
        let level = self.levels.last()?;
        let kind = level.kind;
        let node = program.node(self.evaluations[index as usize].node);
        let slots = self.evaluations[index as usize].slots as usize;
        let broken = match kind {
            Kind::Object => node
                .object
                .as_ref()
                .and_then(|rules| self.object(rules, level)),
            Kind::Array => {
                let slot = slots + usize::from(node.plan(kind).contains);
                let contained = self.slots.get(slot).copied().unwrap_or(0);
                let rules = node.array.as_ref();
                rules.and_then(|rules| array(rules, level.count, contained))
            }
            Kind::Number => match (&node.number, number) {
                (Some(rules), Some(number)) => broken_number(rules, number),
                _ => None,
            },
            Kind::String => {
                let rules = node.string.as_ref();
                rules.and_then(|rules| self.string(program, rules, index))
            }
            Kind::Null | Kind::True | Kind::False => None,
        };
        broken
            .or_else(|| self.closing(node, kind, slots))
            .or_else(|| residual(node, kind, value))
    }

    fn has_seen(&self, name: NameId, level: &Level) -> bool {
        let word = self.seen[level.seen as usize + name as usize / 64];
        word & (1 << (name % 64)) != 0
    }

    fn object(&self, rules: &ObjectRules, level: &Level) -> Option<What> {
        let missing = |name: &&NameId| !self.has_seen(**name, level);
        if let Some(name) = rules.required.iter().find(missing) {
            return Some(What::Required(*name));
        }
        if u64::from(level.count) < rules.min {
            return Some(What::MinProperties);
        }
        let dependent = rules.dependent.iter();
        let mut asked = dependent.filter(|(name, _)| self.has_seen(*name, level));
        asked.find_map(|(_, names)| {
            names
                .iter()
                .find(missing)
                .map(|name| What::Dependent(*name))
        })
    }

    /// What was asked of the schemas that were applied in place.
    fn closing(&self, node: &Node, kind: Kind, slots: usize) -> Option<What> {
        let level = self.levels.last()?;
        let slot = |slot: u16| self.slots[slots + usize::from(slot)];
        let holds = |want| match want {
            Want::Anything => true,
            Want::Impossible => false,
            Want::Slot(one) => slot(one) > 0,
        };
        node.plan(kind)
            .closing
            .iter()
            .find_map(|closing| match *closing {
                Closing::One { slot: one } => (slot(one) > 1).then_some(What::Several),
                Closing::Alone { slot: one } => (slot(one) > 0).then_some(What::Several),
                Closing::Not { slot: one } => (slot(one) > 0).then_some(What::Not),
                Closing::If { test, then, .. } if slot(test) > 0 => {
                    (!holds(then)).then_some(What::Then)
                }
                Closing::If { other, .. } => (!holds(other)).then_some(What::Else),
                Closing::With { name, want } => {
                    let asked = self.has_seen(name, level);
                    (asked && !holds(want)).then_some(What::With(name))
                }
            })
    }

    fn string(&mut self, program: &Program, rules: &StringRules, index: u32) -> Option<What> {
        if self.characters < rules.min {
            return Some(What::MinLength);
        }
        if let Some(set) = &rules.set {
            let own = self
                .strings
                .binary_search_by_key(&index, |check| check.evaluation);
            let exact = own.ok().and_then(|own| self.strings[own].cursor.exact(set));
            if exact.is_none() {
                return Some(What::StringSet);
            }
        }
        let broken = rules.patterns.iter().find(|id| {
            let pattern = &program.patterns[**id as usize];
            let matching = self.matchings[**id as usize].as_mut();
            match matching.map(|matching| matching.end(pattern)) {
                Some(Match::Sure) => false,
                Some(Match::AtEnd) => !pattern.matches_whole(&self.text),
                _ => true,
            }
        });
        broken.map(|id| What::Pattern(*id))
    }

    /// Whether an evaluation of the open number needs it as a value.
    pub(super) fn has_residual(&self, program: &Program) -> bool {
        let first = self.levels.last().map_or(0, |level| level.evaluations);
        self.evaluations[first as usize..]
            .iter()
            .any(|evaluation| program.node(evaluation.node).plan(Kind::Number).residual)
    }

    /// Another item or member would be one too many for some.
    pub(super) fn at_the_maximum(&mut self, program: &Program, count: u32, at: u64) -> Next {
        let Some(level) = self.levels.last() else {
            return Ok(());
        };
        let kind = level.kind;
        let depth = self.levels.len() - 1;
        for index in level.evaluations..self.evaluations.len() as u32 {
            let evaluation = self.evaluations[index as usize];
            let node = program.node(evaluation.node);
            let (max, what) = match kind {
                Kind::Array => (node.array.as_ref().map(|rules| rules.max), What::MaxItems),
                _ => {
                    let max = node.object.as_ref().map(|rules| rules.max);
                    (max, What::MaxProperties)
                }
            };
            if !evaluation.is_dead && max.is_some_and(|max| u64::from(count) >= max) {
                let node = evaluation.node;
                self.fail(
                    index,
                    Fault {
                        at,
                        depth,
                        node,
                        what,
                    },
                )?;
            }
        }
        Ok(())
    }
}

fn array(rules: &ArrayRules, count: u32, contained: u32) -> Option<What> {
    if u64::from(count) < rules.min {
        return Some(What::MinItems);
    }
    let min = rules.contains.map_or(0, |contains| contains.min);
    (u64::from(contained) < min).then_some(What::MinContains)
}

pub(super) fn broken_number(rules: &NumberRules, number: Number) -> Option<What> {
    if rules.integer && !number.is_integer() {
        return Some(What::Integer);
    }
    let is_beyond = |(bound, limit): &(Bound, Number)| {
        let Some(order) = number.compare(*limit) else {
            return true;
        };
        match bound {
            Bound::Minimum => order == Ordering::Less,
            Bound::Maximum => order == Ordering::Greater,
            Bound::ExclusiveMinimum => order != Ordering::Greater,
            Bound::ExclusiveMaximum => order != Ordering::Less,
        }
    };
    if let Some(broken) = rules.bounds.iter().position(is_beyond) {
        return Some(What::Bound(broken));
    }
    let set = rules.set.as_ref()?;
    let mut equal = set.iter().map(|one| one.compare(number));
    let is_there = equal.any(|order| order == Some(Ordering::Equal));
    (!is_there).then_some(What::NumberSet)
}

/// What is judged by `jsonschema`.
fn residual(node: &Node, kind: Kind, value: Option<&Value>) -> Option<What> {
    if !node.plan(kind).residual {
        return None;
    }
    let broken = node.residuals.iter().position(|residual| {
        residual.kinds().has(kind) && !value.is_some_and(|value| residual.fits(value))
    });
    broken.map(What::Residual)
}
