//! Evaluations: how they begin, fail and end, and whom they tell.

use serde_json::Value;

use super::{Fault, NOBODY, Next, Run, What};
use crate::{
    kind::Kind,
    number::Number,
    schema::node::{NodeId, Program, Role},
    sink::Refused,
};

/// A schema on an open value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evaluation {
    pub(super) node: NodeId,
    pub(super) is_dead: bool,
    /// Whether a value that it refuses may be refused for it: it stands under no `not`, `if` and the
    /// like alone.
    pub(super) binds: bool,
    /// Where its slots begin.
    pub(super) slots: u32,
    /// Who asked for it: the last of a list.
    uses: u32,
}

/// A schema for the value that comes next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) node: NodeId,
    pub(super) parent: u32,
    pub(super) role: Role,
}

/// Who asked for an evaluation, and what for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Use {
    parent: u32,
    role: Role,
    next: u32,
}

/// The end of a list of uses.
const NONE: u32 = u32::MAX;

impl Run {
    /// Begins an evaluation of the value that was opened last, or finds it.
    pub(super) fn evaluate(
        &mut self,
        program: &Program,
        node: NodeId,
        parent: u32,
        role: Role,
        kind: Kind,
    ) {
        let first = self.levels.last().map_or(0, |level| level.evaluations);
        if self.found.len() < program.nodes.len() {
            self.found.resize(program.nodes.len(), 0);
        }
        // Only a hint: it may be that of another value, which is over.
        let hint = self.found[node.index()];
        let is_there = hint >= first
            && self
                .evaluations
                .get(hint as usize)
                .is_some_and(|one| one.node == node);
        if is_there {
            self.ask(hint, parent, role);
        } else {
            self.found[node.index()] = self.evaluations.len() as u32;
            self.evaluate_new(program, node, parent, role, kind);
        }
    }

    /// Begins an evaluation that isn't there yet.
    #[inline(always)]
    pub(super) fn evaluate_new(
        &mut self,
        program: &Program,
        node: NodeId,
        parent: u32,
        role: Role,
        kind: Kind,
    ) {
        self.evaluations.push(Evaluation {
            node,
            is_dead: false,
            binds: parent == NOBODY,
            slots: self.slots.len() as u32,
            uses: NONE,
        });
        let plan = program.node(node).plan(kind);
        if !plan.slots.is_empty() {
            self.slots.extend_from_slice(&plan.slots);
        }
        self.ask(self.evaluations.len() as u32 - 1, parent, role);
    }

    #[inline]
    fn ask(&mut self, evaluation: u32, parent: u32, role: Role) {
        if parent != NOBODY {
            let binds = matches!(role, Role::And | Role::Group { .. })
                && self.evaluations[parent as usize].binds;
            let evaluation = &mut self.evaluations[evaluation as usize];
            evaluation.binds |= binds;
            let next = std::mem::replace(&mut evaluation.uses, self.uses.len() as u32);
            self.uses.push(Use { parent, role, next });
        }
    }

    /// Begins the evaluations that those of the opened value ask for, on the same value.
    pub(super) fn evaluate_in_place(&mut self, program: &Program, first: usize, kind: Kind) {
        let mut parent = first;
        while parent < self.evaluations.len() {
            let plan = program.node(self.evaluations[parent].node).plan(kind);
            for child in &plan.children {
                self.evaluate(program, child.node, parent as u32, child.role, kind);
            }
            parent += 1;
        }
    }

    /// What was asked for fits.
    pub(super) fn fits(&mut self, program: &Program, parent: u32, role: Role, at: u64) -> Next {
        let Role::Contains { slot } = role else {
            return Ok(());
        };
        let Evaluation { node, slots, .. } = self.evaluations[parent as usize];
        let count = &mut self.slots[slots as usize + usize::from(slot)];
        *count += 1;
        let count = u64::from(*count);
        let contains = program
            .node(node)
            .array
            .as_ref()
            .and_then(|one| one.contains);
        match contains {
            Some(contains) if count > contains.max => {
                // The element is in the array.
                let depth = self.depth_of(parent);
                let what = What::MaxContains;
                self.fail(
                    parent,
                    Fault {
                        at,
                        depth,
                        node,
                        what,
                    },
                )
            }
            _ => Ok(()),
        }
    }

    /// How many arrays and objects are around the value of an evaluation.
    pub(super) fn depth_of(&self, evaluation: u32) -> usize {
        let levels = self.levels.iter();
        let at_or_below = levels.take_while(|level| level.evaluations <= evaluation);
        at_or_below.count().saturating_sub(1)
    }

    /// An evaluation fails, and those that can't do without it.
    #[cold]
    pub(super) fn fail(&mut self, evaluation: u32, fault: Fault) -> Next {
        let mut todo = vec![(evaluation, fault)];
        while let Some((index, fault)) = todo.pop() {
            let evaluation = &mut self.evaluations[index as usize];
            if std::mem::replace(&mut evaluation.is_dead, true) {
                continue;
            }
            let mut next = evaluation.uses;
            if next == NONE {
                return self.refuse(fault);
            }
            while next != NONE {
                let one = self.uses[next as usize];
                next = one.next;
                todo.extend(self.tell(one.parent, one.role, fault.clone()));
            }
        }
        Ok(())
    }

    /// A schema that was asked for doesn't fit, without an evaluation of its own.
    #[cold]
    pub(super) fn failed_for(&mut self, parent: u32, role: Role, fault: Fault) -> Next {
        if parent == NOBODY {
            return self.refuse(fault);
        }
        match self.tell(parent, role, fault) {
            Some((parent, fault)) => self.fail(parent, fault),
            None => Ok(()),
        }
    }

    /// Refuses the document.
    pub(super) fn refuse(&mut self, fault: Fault) -> Next {
        let at = fault.at;
        self.failure = Some(fault);
        Err(Refused { at })
    }

    /// Whether the one that asked fails, too.
    fn tell(&mut self, parent: u32, role: Role, fault: Fault) -> Option<(u32, Fault)> {
        let Evaluation { node, slots, .. } = self.evaluations[parent as usize];
        match role {
            Role::And => Some((parent, fault)),
            Role::Flag { slot } => {
                self.slots[slots as usize + usize::from(slot)] = 0;
                None
            }
            Role::Group { slot, one } => {
                let at = fault.at;
                self.faults.push((parent, slot, fault));
                let left = &mut self.slots[slots as usize + usize::from(slot)];
                *left -= 1;
                if *left > 0 {
                    return None;
                }
                let own = |(of, group, _): &mut (u32, u16, Fault)| (*of, *group) == (parent, slot);
                let branches = self
                    .faults
                    .extract_if(.., own)
                    .map(|(.., fault)| fault)
                    .collect();
                let group = Fault {
                    at,
                    depth: self.depth_of(parent),
                    node,
                    what: What::Group { one, branches },
                };
                Some((parent, group))
            }
            Role::Contains { .. } => None,
        }
    }

    /// The open value is complete: its evaluations end, those first that others wait for.
    pub(super) fn close(
        &mut self,
        program: &Program,
        at: u64,
        value: Option<&Value>,
        number: Option<Number>,
    ) -> Next {
        let Some(level) = self.levels.last() else {
            return Ok(());
        };
        let first = level.evaluations;
        let count = self.evaluations.len() as u32 - first;
        if count == 1 {
            self.end_evaluation(program, first, at, value, number)?;
        } else if count > 1 {
            let mut order = std::mem::take(&mut self.order);
            order.extend(first..first + count);
            order.sort_by_key(|index| {
                let node = self.evaluations[*index as usize].node;
                program.node(node).rank
            });
            for index in order.drain(..) {
                self.end_evaluation(program, index, at, value, number)?;
            }
            self.order = order;
        }
        self.leave();
        Ok(())
    }

    /// Forgets the open value.
    pub(super) fn leave(&mut self) {
        let Some(level) = self.levels.pop() else {
            return;
        };
        self.evaluations.truncate(level.evaluations as usize);
        self.uses.truncate(level.uses as usize);
        self.slots.truncate(level.slots as usize);
        self.seen.truncate(level.seen as usize);
        self.keys.truncate(level.text as usize);
        if self.faults.len() > level.faults as usize {
            self.faults
                .retain(|(parent, ..)| *parent < level.evaluations);
        }
    }

    fn end_evaluation(
        &mut self,
        program: &Program,
        index: u32,
        at: u64,
        value: Option<&Value>,
        number: Option<Number>,
    ) -> Next {
        let Evaluation {
            node,
            is_dead,
            uses,
            ..
        } = self.evaluations[index as usize];
        if is_dead {
            return Ok(());
        }
        if let Some(what) = self.broken(program, index, value, number) {
            let depth = self.levels.len() - 1;
            return self.fail(
                index,
                Fault {
                    at,
                    depth,
                    node,
                    what,
                },
            );
        }
        let mut next = uses;
        while next != NONE {
            let one = self.uses[next as usize];
            next = one.next;
            if one.role != Role::And {
                self.fits(program, one.parent, one.role, at)?;
            }
        }
        Ok(())
    }
}
