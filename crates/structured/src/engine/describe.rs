//! A fault in words.

use super::{Fault, LastKey, Run, What};
use crate::{
    Schema, Violation,
    kind::Kind,
    machine,
    schema::{
        join,
        node::{Applies, Bound, Node, NodeId, Program},
    },
};

/// How many names or values of the schema a message lists.
const MOST_LISTED: usize = 12;

/// How deep in groups of groups a message goes.
const MOST_NESTED: usize = 3;

impl Run {
    pub(super) fn describe(&self, schema: &Schema, fault: &Fault) -> Violation {
        let program = schema.program();
        Violation {
            expected: expected(program, fault, 0),
            pointer: self.path(program, fault.depth),
            schema_pointer: self.schema_pointer(program, fault),
            offset: fault.at,
        }
    }

    /// The place of the value that so many arrays and objects are around.
    pub(super) fn path(&self, program: &Program, depth: usize) -> String {
        let mut path = String::new();
        for (index, level) in self.levels.iter().take(depth).enumerate() {
            match level.key {
                _ if level.kind == Kind::Array => {
                    path = format!("{path}/{}", level.count.saturating_sub(1));
                }
                LastKey::Name(name) => path = join(&path, &program.names[name as usize]),
                LastKey::Text => {
                    let next = self.levels.get(index + 1);
                    let end = next.map_or(self.keys.len(), |next| next.text as usize);
                    let key = &self.keys[level.text as usize..end];
                    path = join(&path, &String::from_utf8_lossy(key));
                }
                // Before its first member, or in the middle of a key.
                LastKey::None => break,
            }
        }
        path
    }

    /// The place of the keyword.
    fn schema_pointer(&self, program: &Program, fault: &Fault) -> String {
        match fault.what {
            What::Kind(kind) => culprit(program, fault.node, kind),
            What::Never => {
                let place = self.place_of_next(program, fault);
                format!("{}/{place}", program.node(fault.node).pointer)
            }
            _ => schema_pointer(program, fault),
        }
    }

    /// The place in a schema of the schema for the value that comes next.
    fn place_of_next(&self, program: &Program, fault: &Fault) -> String {
        let node = program.node(fault.node);
        let Some(level) = self.levels.get(fault.depth.saturating_sub(1)) else {
            return String::new();
        };
        match (level.key, &node.array, &node.object) {
            (_, Some(rules), _) if level.kind == Kind::Array => {
                let index = level.count.saturating_sub(1);
                match rules.prefix.get(index as usize) {
                    Some(_) => format!("prefixItems/{index}"),
                    None => "items".to_owned(),
                }
            }
            (LastKey::Name(name), _, Some(rules)) if rules.position(name, 0).is_some() => {
                join("properties", &program.names[name as usize])
            }
            _ => "patternProperties".to_owned(),
        }
    }
}

/// The place of what makes a kind impossible: a schema's own keyword, or that of one it applies.
fn culprit(program: &Program, node: NodeId, kind: Kind) -> String {
    let mut node = program.node(node);
    loop {
        if !node.own_kinds.has(kind) {
            return match node.kinds_keyword {
                "" => node.pointer.clone(),
                keyword => format!("{}/{keyword}", node.pointer),
            };
        }
        let is_impossible = |id: NodeId| program.entry(id, kind) == NodeId::FALSE;
        let mut applied = node.in_place.iter();
        let next = applied.find(|one| one.applies == Applies::And && is_impossible(one.node));
        match next {
            Some(next) if next.node != NodeId::FALSE => node = program.node(next.node),
            _ => return format!("{}{}", node.pointer, combination(node)),
        }
    }
}

/// The keyword that leaves no kind, among those that combine schemas.
fn combination(node: &Node) -> &'static str {
    for (applies, keyword) in [
        (Applies::AnyOf, "/anyOf"),
        (Applies::OneOf, "/oneOf"),
        (Applies::Not, "/not"),
        (Applies::If, "/if"),
        (Applies::And, "/allOf"),
    ] {
        if node.in_place.iter().any(|one| one.applies == applies) {
            return keyword;
        }
    }
    ""
}

fn expected(program: &Program, fault: &Fault, nesting: usize) -> String {
    let node = program.node(fault.node);
    match &fault.what {
        What::Never => "nothing here".to_owned(),
        What::Kind(_) if fault.node == NodeId::FALSE => "nothing here".to_owned(),
        What::Kind(_) => kinds(node),
        What::Group { branches, .. } => branches_expected(program, branches, nesting),
        What::Several => "a value that fits only one of the schemas".to_owned(),
        What::Not => "a value that doesn't fit the schema".to_owned(),
        What::Then => "what `then` asks for".to_owned(),
        What::Else => "what `else` asks for".to_owned(),
        What::With(name) => format!("what the property {} asks for", quoted(program, *name)),
        What::Residual(index) => node.residuals[*index].expected().to_owned(),
        What::Twice => "a key that isn't there yet".to_owned(),
        What::TooMany(most) => machine::Fault::Keys(*most).to_string(),
        What::TooDeep(most) => machine::Fault::Depth(*most).to_string(),
        What::UnknownKey
        | What::Required(_)
        | What::Dependent(_)
        | What::MinProperties
        | What::MaxProperties => members(program, node, &fault.what),
        What::MinItems | What::MaxItems | What::MinContains | What::MaxContains => {
            items(node, &fault.what)
        }
        What::MinLength | What::MaxLength | What::StringSet | What::Pattern(_) => {
            string(program, node, &fault.what)
        }
        What::Integer | What::Bound(_) | What::NumberSet => number(node, &fault.what),
    }
}

/// What the branches of `anyOf` or `oneOf` expected.
fn branches_expected(program: &Program, branches: &[Fault], nesting: usize) -> String {
    if nesting == MOST_NESTED {
        return "something else".to_owned();
    }
    let mut all = Vec::new();
    for branch in branches {
        let branch = expected(program, branch, nesting + 1);
        if !all.contains(&branch) {
            all.push(branch);
        }
    }
    listed(all.into_iter(), "or")
}

fn kinds(node: &Node) -> String {
    let phrase = node.kinds.phrase();
    match &node.number {
        Some(rules) if rules.integer => phrase.replace("a number", "an integer"),
        _ => phrase,
    }
}

fn quoted(program: &Program, name: u32) -> String {
    format!("`{}`", program.names[name as usize])
}

/// `a, b or c`, and no more than a few.
fn listed(texts: impl ExactSizeIterator<Item = String>, word: &str) -> String {
    let count = texts.len();
    let mut shown: Vec<String> = texts.take(MOST_LISTED).collect();
    if count > MOST_LISTED {
        shown.push(format!("{} more", count - MOST_LISTED));
    }
    match shown.split_last() {
        None => "something else".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} {word} {last}", before.join(", ")),
    }
}

fn members(program: &Program, node: &Node, what: &What) -> String {
    let Some(rules) = &node.object else {
        return String::new();
    };
    match what {
        What::Required(name) => format!("the property {}", quoted(program, *name)),
        What::Dependent(name) => {
            let name = quoted(program, *name);
            format!("the property {name}, which another one asks for")
        }
        What::MinProperties => at_least(rules.min, "property", "properties"),
        What::MaxProperties => at_most(rules.max, "property", "properties"),
        _ if rules.properties.is_empty() => "a key that the schema allows".to_owned(),
        _ => {
            let names = rules.properties.iter();
            let names = names.map(|(name, _)| quoted(program, *name));
            format!("the key {}", listed(names, "or"))
        }
    }
}

fn items(node: &Node, what: &What) -> String {
    let Some(rules) = &node.array else {
        return String::new();
    };
    let contains = rules.contains;
    match what {
        What::MinItems => at_least(rules.min, "item", "items"),
        What::MaxItems => at_most(rules.max, "item", "items"),
        What::MinContains => {
            let min = contains.map_or(1, |one| one.min);
            format!(
                "{} that `contains` asks for",
                at_least(min, "item", "items")
            )
        }
        _ => {
            let max = contains.map_or(0, |one| one.max);
            format!("{} that `contains` asks for", at_most(max, "item", "items"))
        }
    }
}

fn string(program: &Program, node: &Node, what: &What) -> String {
    let Some(rules) = &node.string else {
        return String::new();
    };
    match what {
        What::MinLength => at_least(rules.min, "character", "characters"),
        What::MaxLength => at_most(rules.max, "character", "characters"),
        What::Pattern(id) => {
            let source = program.patterns[*id as usize].source();
            format!("a string that matches `{source}`")
        }
        _ => {
            let set = rules.set.as_deref().unwrap_or_default();
            listed(set.iter().map(|text| format!("`{text:?}`")), "or")
        }
    }
}

fn number(node: &Node, what: &What) -> String {
    let Some(rules) = &node.number else {
        return String::new();
    };
    match what {
        What::Bound(index) => {
            let (bound, limit) = rules.bounds[*index];
            let words = match bound {
                Bound::Minimum => "of at least",
                Bound::Maximum => "of at most",
                Bound::ExclusiveMinimum => "above",
                Bound::ExclusiveMaximum => "below",
            };
            format!("a number {words} {limit}")
        }
        What::Integer => "an integer".to_owned(),
        _ => {
            let set = rules.set.as_deref().unwrap_or_default();
            listed(set.iter().map(ToString::to_string), "or")
        }
    }
}

fn at_least(count: u64, one: &str, many: &str) -> String {
    format!("at least {count} {}", if count == 1 { one } else { many })
}

fn at_most(count: u64, one: &str, many: &str) -> String {
    match count {
        0 => format!("no {many}"),
        1 => format!("at most 1 {one}"),
        _ => format!("at most {count} {many}"),
    }
}

fn schema_pointer(program: &Program, fault: &Fault) -> String {
    let node = program.node(fault.node);
    let keyword = match &fault.what {
        What::Twice | What::TooMany(_) | What::TooDeep(_) => return String::new(),
        What::Kind(_) | What::Never => "",
        What::UnknownKey => "additionalProperties",
        What::Required(_) => "required",
        What::Dependent(_) => "dependentRequired",
        What::MinProperties => "minProperties",
        What::MaxProperties => node.object.as_ref().map_or("", |rules| rules.max_keyword),
        What::MinItems => "minItems",
        What::MaxItems => node.array.as_ref().map_or("", |rules| rules.max_keyword),
        What::MinContains => match node.array.as_ref().and_then(|rules| rules.contains) {
            Some(contains) if contains.min != 1 => "minContains",
            _ => "contains",
        },
        What::MaxContains => "maxContains",
        What::MinLength => "minLength",
        What::MaxLength => "maxLength",
        What::StringSet => node.string.as_ref().map_or("", |rules| rules.set_keyword),
        What::Pattern(_) => "pattern",
        What::Integer => "type",
        What::Bound(index) => match node.number.as_ref().map(|rules| rules.bounds[*index].0) {
            Some(Bound::Minimum) => "minimum",
            Some(Bound::Maximum) => "maximum",
            Some(Bound::ExclusiveMinimum) => "exclusiveMinimum",
            _ => "exclusiveMaximum",
        },
        What::NumberSet => node.number.as_ref().map_or("", |rules| rules.set_keyword),
        What::Group { one: true, .. } | What::Several => "oneOf",
        What::Group { .. } => "anyOf",
        What::Not => "not",
        What::Then => "then",
        What::Else => "else",
        What::With(name) => {
            let place = format!("{}/dependentSchemas", node.pointer);
            return join(&place, &program.names[*name as usize]);
        }
        What::Residual(index) => node.residuals[*index].keyword(),
    };
    match keyword {
        "" => node.pointer.clone(),
        _ => format!("{}/{keyword}", node.pointer),
    }
}
