//! From a schema document to a [`Program`].

mod keywords;

use std::{
    collections::{HashMap, VecDeque},
    fmt,
};

use serde_json::Value;

use super::{
    node::{Applies, NameId, Node, NodeId, PatternId, Program},
    pattern::Pattern,
    plan,
    resolve::Scope,
    support::Support,
};
use crate::kind::{Kind, Kinds};

/// Why there is no program.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The schema can't be used.
    Refused(String),
    /// Only the whole document can be judged, at its end.
    Whole,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) => f.write_str(why),
            Self::Whole => f.write_str("it needs the feature `jsonschema`"),
        }
    }
}

type Compiled<T> = Result<T, Trouble>;

/// More nodes than any schema that a person wrote; `$dynamicRef` can multiply them.
const MOST_NODES: usize = 1 << 16;

/// What makes two places of the schema the same node.
type NodeKey = (*const Value, Vec<String>);

struct Todo<'r> {
    id: NodeId,
    schema: &'r Value,
    scope: Scope<'r>,
}

pub(super) struct Compiler<'r> {
    nodes: Vec<Node>,
    ids: HashMap<NodeKey, NodeId>,
    todo: VecDeque<Todo<'r>>,
    /// In the order in which they were found.
    names: HashMap<String, NameId>,
    patterns: Vec<Pattern>,
    /// The place of each schema in the document, for those that a reference leads to.
    pointers: HashMap<*const Value, String>,
    /// Whether the meaning of a schema may depend on the way to it.
    is_dynamic: bool,
    support: Support<'r>,
}

/// Makes the program of a schema document.
pub(super) fn compile<'r>(
    root: &'r Value,
    scope: &Scope<'r>,
    support: Support<'r>,
) -> Compiled<Program> {
    let mut pointers = HashMap::new();
    let is_dynamic = survey(root, &mut pointers)?;
    let mut compiler = Compiler {
        nodes: Program::first_nodes(),
        ids: HashMap::new(),
        todo: VecDeque::new(),
        names: HashMap::new(),
        patterns: Vec::new(),
        pointers,
        is_dynamic,
        support,
    };
    let root = compiler.node(root, scope, String::new())?;
    while let Some(todo) = compiler.todo.pop_front() {
        compiler.fill(&todo)?;
    }
    let names = compiler.sort_names();
    plan::make(&mut compiler.nodes)?;
    Ok(Program {
        words: names.len().div_ceil(64).max(1),
        names,
        entries: entries(&compiler.nodes),
        nodes: compiler.nodes,
        patterns: compiler.patterns,
        root,
        holds_strings: false,
        is_whole: false,
    })
}

fn entries(nodes: &[Node]) -> Vec<[NodeId; 7]> {
    let of = |node: &Node| Kind::ALL.map(|kind| node.plan(kind).entry);
    nodes.iter().map(of).collect()
}

impl Program {
    /// The schemas `true` and `false`.
    fn first_nodes() -> Vec<Node> {
        let mut never = Node::new(String::new());
        never.asserts = true;
        never.restrict(Kinds::NONE, "");
        vec![Node::new(String::new()), never]
    }

    /// A program of one node.
    #[cfg(feature = "jsonschema")]
    pub(super) fn of(root: Node) -> Compiled<Self> {
        let mut nodes = Self::first_nodes();
        let id = NodeId(nodes.len() as u32);
        nodes.push(root);
        plan::make(&mut nodes)?;
        Ok(Self {
            names: Vec::new(),
            entries: entries(&nodes),
            nodes,
            patterns: Vec::new(),
            root: id,
            words: 1,
            holds_strings: false,
            is_whole: true,
        })
    }
}

/// Notes the place of every value of the document; whether there may be a `$dynamicRef`.
fn survey(root: &Value, pointers: &mut HashMap<*const Value, String>) -> Compiled<bool> {
    let mut is_dynamic = false;
    let mut todo = vec![(root, String::new(), 0)];
    while let Some((value, pointer, depth)) = todo.pop() {
        if depth > 200 {
            return Err(Trouble::Refused("it is nested too deeply".to_owned()));
        }
        match value {
            Value::Object(members) => {
                is_dynamic |= members.contains_key("$dynamicRef");
                // Schemas elsewhere may have dynamic references, too.
                let reference = members.get("$ref").and_then(Value::as_str);
                is_dynamic |= reference.is_some_and(|to| !to.starts_with('#'));
                if members
                    .get("$schema")
                    .is_some_and(|draft| !is_2020_12(draft))
                {
                    return Err(Trouble::Whole);
                }
                for (key, member) in members {
                    todo.push((member, join(&pointer, key), depth + 1));
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    todo.push((item, format!("{pointer}/{index}"), depth + 1));
                }
            }
            _ => {}
        }
        pointers.insert(std::ptr::from_ref(value), pointer);
    }
    Ok(is_dynamic)
}

/// Whether there is an `enum` or a `const` anywhere.
#[cfg(feature = "jsonschema")]
pub(super) fn lists_values(schema: &Value) -> bool {
    let mut todo = vec![schema];
    while let Some(value) = todo.pop() {
        match value {
            Value::Object(members) => {
                if members.contains_key("enum") || members.contains_key("const") {
                    return true;
                }
                todo.extend(members.values());
            }
            Value::Array(items) => todo.extend(items),
            _ => {}
        }
    }
    false
}

/// A pointer to a member.
pub(crate) fn join(pointer: &str, key: &str) -> String {
    let key = key.replace('~', "~0").replace('/', "~1");
    format!("{pointer}/{key}")
}

impl<'r> Compiler<'r> {
    /// The node of a schema; `place` is where it stands, if the document doesn't tell.
    fn node(&mut self, schema: &'r Value, scope: &Scope<'r>, place: String) -> Compiled<NodeId> {
        match schema {
            Value::Bool(true) => return Ok(NodeId::TRUE),
            Value::Bool(false) => return Ok(NodeId::FALSE),
            Value::Object(_) => {}
            _ => return self.refuse(&place, "a schema must be an object or a boolean"),
        }
        let scope = scope.within(schema).map_err(Trouble::Refused)?;
        let address = std::ptr::from_ref(schema);
        let entered = match self.is_dynamic {
            true => scope.entered(),
            false => Vec::new(),
        };
        let key = (address, entered);
        if let Some(id) = self.ids.get(&key) {
            return Ok(*id);
        }
        if self.nodes.len() >= MOST_NODES {
            return Err(Trouble::Whole);
        }
        let id = NodeId(self.nodes.len() as u32);
        let pointer = self.pointers.get(&address).cloned().unwrap_or(place);
        self.nodes.push(Node::new(pointer));
        self.ids.insert(key, id);
        self.todo.push_back(Todo { id, schema, scope });
        Ok(id)
    }

    fn refuse<T>(&self, place: &str, why: impl std::fmt::Display) -> Compiled<T> {
        let place = if place.is_empty() { "its root" } else { place };
        Err(Trouble::Refused(format!("at {place}: {why}")))
    }

    fn name(&mut self, name: &str) -> NameId {
        let next = self.names.len() as NameId;
        *self.names.entry(name.to_owned()).or_insert(next)
    }

    fn pattern(&mut self, source: &str, place: &str) -> Compiled<PatternId> {
        match self.support.pattern(source) {
            Ok(pattern) => {
                self.patterns.push(pattern);
                Ok((self.patterns.len() - 1) as PatternId)
            }
            Err(why) => self.refuse(place, why),
        }
    }

    /// Sorts the names, and numbers them anew.
    fn sort_names(&mut self) -> Vec<Box<str>> {
        let mut names: Vec<_> = std::mem::take(&mut self.names).into_iter().collect();
        names.sort();
        let mut new = vec![0; names.len()];
        for (sorted, (_, found)) in names.iter().enumerate() {
            new[*found as usize] = sorted as NameId;
        }
        let rename = |name: &mut NameId| *name = new[*name as usize];
        for node in &mut self.nodes {
            for child in &mut node.in_place {
                if let Applies::With(name) = &mut child.applies {
                    rename(name);
                }
            }
            let Some(rules) = &mut node.object else {
                continue;
            };
            rules
                .properties
                .iter_mut()
                .for_each(|(name, _)| rename(name));
            rules.required.iter_mut().for_each(rename);
            for (name, names) in &mut rules.dependent {
                rename(name);
                names.iter_mut().for_each(rename);
            }
            let places = rules.properties.iter().enumerate();
            rules.by_name = places.map(|(at, (name, _))| (*name, at as u32)).collect();
            rules.by_name.sort_unstable();
        }
        names.into_iter().map(|(name, _)| name.into()).collect()
    }
}

pub(super) fn is_2020_12(draft: &Value) -> bool {
    let uri = draft.as_str().unwrap_or_default();
    uri.trim_end_matches('#') == "https://json-schema.org/draft/2020-12/schema"
}
