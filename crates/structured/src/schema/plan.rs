//! What a schema means for each kind of value, worked out before any value comes.

use super::{
    compile::Trouble,
    node::{Applies, Child, Closing, NameId, Node, NodeId, Plan, Role, Want},
};
use crate::kind::{Kind, Kinds};

/// Fills in the plans of all nodes.
///
/// # Errors
///
/// If a schema applies itself to the same value again and again.
pub(super) fn make(nodes: &mut [Node]) -> Result<(), Trouble> {
    for id in in_order(nodes)? {
        let ranks = nodes[id.index()].in_place.iter();
        let rank = ranks.map(|child| nodes[child.node.index()].rank + 1).max();
        let plans = Kind::ALL.map(|kind| Planner::new(nodes, id, kind).make());
        let node = &mut nodes[id.index()];
        node.rank = rank.unwrap_or(0);
        node.kinds = Kind::ALL.into_iter().fold(Kinds::NONE, |kinds, kind| {
            match plans[kind as usize].entry {
                NodeId::FALSE => kinds,
                _ => kinds.or(Kinds::of(kind)),
            }
        });
        node.plans = plans;
    }
    Ok(())
}

/// The nodes, each after those that it applies in place.
fn in_order(nodes: &[Node]) -> Result<Vec<NodeId>, Trouble> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; nodes.len()];
    let mut order = Vec::with_capacity(nodes.len());
    let mut stack = Vec::new();
    for first in 0..nodes.len() {
        stack.push((first, 0));
        while let Some((node, child)) = stack.pop() {
            if child == 0 {
                match marks[node] {
                    Mark::Done => continue,
                    Mark::Open => {
                        return Err(Trouble::Refused(format!(
                            "the schema at `{}` refers to itself without going into the value",
                            nodes[node].pointer
                        )));
                    }
                    Mark::New => marks[node] = Mark::Open,
                }
            }
            match nodes[node].in_place.get(child) {
                Some(next) => {
                    stack.push((node, child + 1));
                    stack.push((next.node.index(), 0));
                }
                None => {
                    marks[node] = Mark::Done;
                    order.push(NodeId(node as u32));
                }
            }
        }
    }
    Ok(order)
}

/// Whether a schema takes all values of a kind, none, or some.
enum Takes {
    All,
    None,
    Some(NodeId),
}

struct Planner<'a> {
    nodes: &'a [Node],
    id: NodeId,
    kind: Kind,
    plan: Plan,
    impossible: bool,
}

impl<'a> Planner<'a> {
    fn new(nodes: &'a [Node], id: NodeId, kind: Kind) -> Self {
        Self {
            nodes,
            id,
            kind,
            plan: Plan::default(),
            impossible: !nodes[id.index()].own_kinds.has(kind),
        }
    }

    fn make(mut self) -> Plan {
        let node = &self.nodes[self.id.index()];
        for child in &node.in_place {
            match child.applies {
                Applies::And => self.and(child.node),
                Applies::Not => self.not(child.node),
                Applies::With(name) if self.kind == Kind::Object => self.with(name, child.node),
                _ => {}
            }
        }
        self.group(node, Applies::AnyOf);
        self.group(node, Applies::OneOf);
        self.condition(node);
        let residuals = &node.residuals;
        self.plan.residual = residuals.iter().any(|one| one.kinds().has(self.kind));
        if self.kind == Kind::Array && has_contains(node) {
            self.plan.contains = self.slot(0);
        }
        self.plan.bounded = match self.kind {
            Kind::Array => node.array.as_ref().is_some_and(|one| one.max < u64::MAX),
            Kind::Object => node.object.as_ref().is_some_and(|one| one.max < u64::MAX),
            _ => false,
        };
        self.plan.is_simple =
            self.plan.children.is_empty() && self.plan.slots.is_empty() && !self.plan.residual;
        self.plan.entry = self.entry(node);
        self.plan.takes_all =
            !self.impossible && !self.has_rules(node) && self.plan.children.is_empty();
        self.plan
    }

    /// Which evaluation stands for this one's.
    fn entry(&self, node: &Node) -> NodeId {
        if self.impossible {
            return NodeId::FALSE;
        }
        if self.has_rules(node) {
            return self.id;
        }
        match self.plan.children.as_slice() {
            // An object under a schema is looked after: its keys must differ.
            [] if self.kind == Kind::Object && node.asserts => self.id,
            [] => NodeId::TRUE,
            [
                Child {
                    node,
                    role: Role::And,
                },
            ] => *node,
            _ => self.id,
        }
    }

    /// Whether there is something to look at in the value itself, or at its end.
    fn has_rules(&self, node: &Node) -> bool {
        let of_kind = match self.kind {
            Kind::Object => node.object.is_some(),
            Kind::Array => node.array.is_some(),
            Kind::String => node.string.is_some(),
            Kind::Number => node.number.is_some(),
            Kind::Null | Kind::True | Kind::False => false,
        };
        of_kind || self.plan.residual || !self.plan.closing.is_empty()
    }

    fn takes(&self, node: NodeId) -> Takes {
        let plan = self.nodes[node.index()].plan(self.kind);
        match plan.entry {
            _ if plan.takes_all => Takes::All,
            NodeId::TRUE => Takes::All,
            NodeId::FALSE => Takes::None,
            entry => Takes::Some(entry),
        }
    }

    fn slot(&mut self, begin: u32) -> u16 {
        self.plan.slots.push(begin);
        (self.plan.slots.len() - 1) as u16
    }

    fn child(&mut self, node: NodeId, role: Role) {
        self.plan.children.push(Child { node, role });
    }

    /// A slot that says whether a schema fits: 1, or 0 once it has failed.
    fn flag(&mut self, node: NodeId) -> u16 {
        let slot = self.slot(1);
        self.child(node, Role::Flag { slot });
        slot
    }

    fn and(&mut self, node: NodeId) {
        match self.takes(node) {
            Takes::All => {}
            Takes::None => self.impossible = true,
            Takes::Some(entry) => self.child(entry, Role::And),
        }
    }

    fn not(&mut self, node: NodeId) {
        match self.takes(node) {
            Takes::All => self.impossible = true,
            Takes::None => {}
            Takes::Some(entry) => {
                let slot = self.flag(entry);
                self.plan.closing.push(Closing::Not { slot });
            }
        }
    }

    fn with(&mut self, name: NameId, node: NodeId) {
        let want = self.want(node);
        if want != Want::Anything {
            self.plan.closing.push(Closing::With { name, want });
        }
    }

    fn want(&mut self, node: NodeId) -> Want {
        match self.takes(node) {
            Takes::All => Want::Anything,
            Takes::None => Want::Impossible,
            Takes::Some(entry) => Want::Slot(self.flag(entry)),
        }
    }

    /// `anyOf` and `oneOf`.
    fn group(&mut self, node: &Node, applies: Applies) {
        let members = node.in_place.iter().filter(|one| one.applies == applies);
        let mut sure = 0;
        let mut open = Vec::new();
        let mut is_there = false;
        for member in members {
            is_there = true;
            match self.takes(member.node) {
                Takes::All => sure += 1,
                Takes::None => {}
                Takes::Some(entry) => open.push(entry),
            }
        }
        let one = applies == Applies::OneOf;
        match (sure, open.as_slice()) {
            _ if !is_there => {}
            (1.., _) if !one => {}
            (1, []) => {}
            (2.., _) | (0, []) => self.impossible = true,
            (0, [only]) => self.child(*only, Role::And),
            (0, _) => {
                let slot = self.slot(open.len() as u32);
                for entry in open {
                    self.child(entry, Role::Group { slot, one });
                }
                if one {
                    self.plan.closing.push(Closing::One { slot });
                }
            }
            // One fits for sure: no other may.
            _ => {
                for entry in open {
                    let slot = self.flag(entry);
                    self.plan.closing.push(Closing::Alone { slot });
                }
            }
        }
    }

    fn condition(&mut self, node: &Node) {
        let find = |applies| {
            let mut children = node.in_place.iter();
            children.find(|child| child.applies == applies)
        };
        let (Some(test), Some(then), Some(other)) =
            (find(Applies::If), find(Applies::Then), find(Applies::Else))
        else {
            return;
        };
        match self.takes(test.node) {
            Takes::All => self.and(then.node),
            Takes::None => self.and(other.node),
            Takes::Some(entry) => {
                let then = self.want(then.node);
                let other = self.want(other.node);
                if (then, other) != (Want::Anything, Want::Anything) {
                    let test = self.flag(entry);
                    self.plan.closing.push(Closing::If { test, then, other });
                }
            }
        }
    }
}

fn has_contains(node: &Node) -> bool {
    node.array
        .as_ref()
        .is_some_and(|array| array.contains.is_some())
}
