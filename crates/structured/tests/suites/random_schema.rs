//! Schemas with every keyword of draft 2020-12, and of the shapes that schemars derives.

use serde_json::{Map, Value, json};

use crate::{
    random_document::{KEYS, any_value},
    tape::Tape,
};

const PATTERNS: [&str; 12] = [
    "^a",
    "a$",
    "b",
    "^[ab]*$",
    "^a{1,2}$",
    "^\\d+$",
    "^.$",
    "\\p{L}",
    "^(a|b)c?$",
    "é",
    "^(?=a)",
    "",
];

const DEFINITIONS: [&str; 3] = ["first", "second", "third"];

/// Where a schema stands: what it may refer to without ending up in itself.
#[derive(Clone, Copy)]
struct Place {
    depth: usize,
    /// The definitions from here on may be referred to for the same value.
    direct: usize,
}

impl Place {
    /// For a part of the value: it's smaller, so recursion ends.
    fn inside(self) -> Self {
        Self {
            depth: self.depth.saturating_sub(1),
            direct: 0,
        }
    }

    fn same(self) -> Self {
        Self {
            depth: self.depth.saturating_sub(1),
            ..self
        }
    }
}

pub(crate) fn schema(tape: &mut Tape<'_>) -> Value {
    let depth = 4;
    let place = Place { depth, direct: 0 };
    let mut root = match node(tape, place) {
        Value::Object(root) => root,
        other => Map::from_iter([("not".to_owned(), json!({"not": other}))]),
    };
    let named = DEFINITIONS.iter().enumerate();
    let definitions = named.map(|(at, name)| {
        let direct = at + 1;
        ((*name).to_owned(), node(tape, Place { depth: 2, direct }))
    });
    let definitions = definitions.collect();
    root.insert("$defs".to_owned(), Value::Object(definitions));
    root.insert("$dynamicAnchor".to_owned(), "root".into());
    Value::Object(root)
}

fn node(tape: &mut Tape<'_>, place: Place) -> Value {
    if place.depth == 0 {
        return leaf(tape);
    }
    match tape.below(16) {
        0 => leaf(tape),
        1..=4 => object(tape, place),
        5..=6 => array(tape, place),
        7 => reference(tape, place),
        8 => json!({"anyOf": [node(tape, place.same()), {"type": "null"}]}),
        9 => tagged(tape, place),
        10..=11 => with_applicators(tape, place),
        12 => odd(tape, place),
        13 => json!({"type": "object", "additionalProperties": node(tape, place.inside())}),
        14 => both(object(tape, place), &array(tape, place)),
        _ => leaf(tape),
    }
}

/// The keywords of both, those of the second first.
fn both(mut first: Value, second: &Value) -> Value {
    if let (Some(first), Some(second)) = (first.as_object_mut(), second.as_object()) {
        for (keyword, value) in second {
            first.insert(keyword.clone(), value.clone());
        }
    }
    first
}

fn leaf(tape: &mut Tape<'_>) -> Value {
    match tape.below(12) {
        0 => json!(true),
        1..=3 => string(tape),
        4..=6 => number(tape),
        7 => json!({"type": tape.one(&["null", "boolean", "string", "object", "array"])}),
        8 => json!({"type": [tape.one(&["string", "integer", "number"]), "null"]}),
        9 => json!({"enum": list(tape, |tape| any_value(tape, 2))}),
        10 => json!({"const": any_value(tape, 2)}),
        _ => match tape.once_in(4) {
            true => json!(false),
            false => json!({"type": "string", "enum": ["a", "ab", "abc", "b", "é"]}),
        },
    }
}

fn list(tape: &mut Tape<'_>, mut item: impl FnMut(&mut Tape<'_>) -> Value) -> Value {
    let count = 1 + tape.below(3);
    let mut list: Vec<Value> = Vec::new();
    for _ in 0..count {
        let item = item(tape);
        // What an `enum` lists should differ.
        if !list.contains(&item) {
            list.push(item);
        }
    }
    list.into()
}

fn string(tape: &mut Tape<'_>) -> Value {
    let mut schema = json!({"type": "string"});
    if tape.once_in(3) {
        schema["minLength"] = tape.below(4).into();
    }
    if tape.once_in(3) {
        schema["maxLength"] = tape.below(5).into();
    }
    if tape.once_in(3) {
        schema["pattern"] = PATTERNS[tape.below(PATTERNS.len())].into();
    }
    schema
}

fn number(tape: &mut Tape<'_>) -> Value {
    let mut schema = json!({"type": tape.one(&["integer", "number"])});
    let bounds = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"];
    for keyword in bounds {
        if tape.once_in(5) {
            let bounds = [json!(0), json!(1.5), json!(10), json!(-3), json!(1e20)];
            schema[keyword] = bounds[tape.below(bounds.len())].clone();
        }
    }
    if tape.once_in(6) {
        let steps = [json!(2), json!(0.5), json!(3), json!(0.1)];
        schema["multipleOf"] = steps[tape.below(steps.len())].clone();
    }
    schema
}

fn object(tape: &mut Tape<'_>, place: Place) -> Value {
    let mut schema = json!({"type": "object"});
    let mut properties = Map::new();
    for _ in 0..tape.below(5) {
        let key = KEYS[tape.below(KEYS.len())].to_owned();
        properties.insert(key, node(tape, place.inside()));
    }
    let keys = properties.keys().cloned();
    let required: Vec<String> = keys.filter(|_| !tape.once_in(3)).collect();
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema["properties"] = properties.into();
    match tape.below(6) {
        0 | 1 => schema["additionalProperties"] = false.into(),
        2 => schema["additionalProperties"] = node(tape, place.inside()),
        _ => {}
    }
    if tape.once_in(6) {
        let pattern = PATTERNS[tape.below(PATTERNS.len())];
        schema["patternProperties"] = json!({pattern: node(tape, place.inside())});
    }
    if tape.once_in(8) {
        schema["propertyNames"] = string(tape);
    }
    if tape.once_in(8) {
        schema["minProperties"] = tape.below(4).into();
    }
    if tape.once_in(8) {
        schema["maxProperties"] = tape.below(4).into();
    }
    if tape.once_in(8) {
        let (key, other) = (tape.one(&["a", "b"]), tape.one(&["c", "a"]));
        schema["dependentRequired"] = json!({key: [other]});
    }
    if tape.once_in(8) {
        schema["dependentSchemas"] = json!({tape.one(&["a", "b"]): node(tape, place.same())});
    }
    if tape.once_in(6) {
        schema["unevaluatedProperties"] = unevaluated(tape, place);
    }
    schema
}

fn unevaluated(tape: &mut Tape<'_>, place: Place) -> Value {
    match tape.once_in(2) {
        true => false.into(),
        false => node(tape, place.inside()),
    }
}

fn array(tape: &mut Tape<'_>, place: Place) -> Value {
    let mut schema = json!({"type": "array"});
    if tape.once_in(3) {
        schema["prefixItems"] = list(tape, |tape| node(tape, place.inside()));
    }
    if !tape.once_in(4) {
        schema["items"] = node(tape, place.inside());
    }
    for keyword in ["minItems", "maxItems"] {
        if tape.once_in(4) {
            schema[keyword] = tape.below(4).into();
        }
    }
    if tape.once_in(4) {
        schema["uniqueItems"] = true.into();
    }
    if tape.once_in(6) {
        schema["contains"] = node(tape, place.inside());
        for keyword in ["minContains", "maxContains"] {
            if tape.once_in(3) {
                schema[keyword] = tape.below(3).into();
            }
        }
    }
    if tape.once_in(6) {
        schema["unevaluatedItems"] = unevaluated(tape, place);
    }
    schema
}

fn reference(tape: &mut Tape<'_>, place: Place) -> Value {
    let from = place.direct.min(DEFINITIONS.len());
    match DEFINITIONS.get(from + tape.below(DEFINITIONS.len() + 1 - from)) {
        Some(name) => json!({"$ref": format!("#/$defs/{name}")}),
        None => leaf(tape),
    }
}

/// An enum with data, as schemars writes it.
fn tagged(tape: &mut Tape<'_>, place: Place) -> Value {
    let variant = |tag: &str, tape: &mut Tape<'_>| {
        let mut variant = object(tape, place.same());
        variant["properties"]["kind"] = json!({"type": "string", "const": tag});
        variant["required"] = json!(["kind"]);
        variant
    };
    json!({"oneOf": [variant("a", tape), variant("ab", tape), {"type": "string", "const": "b"}]})
}

fn with_applicators(tape: &mut Tape<'_>, place: Place) -> Value {
    let mut schema = match node(tape, place.same()) {
        Value::Object(schema) => Value::Object(schema),
        _ => json!({}),
    };
    for keyword in ["anyOf", "oneOf", "allOf"] {
        if tape.once_in(3) {
            schema[keyword] = list(tape, |tape| node(tape, place.same()));
        }
    }
    if tape.once_in(5) {
        schema["not"] = node(tape, place.same());
    }
    if tape.once_in(5) {
        schema["if"] = node(tape, place.same());
        for keyword in ["then", "else"] {
            if !tape.once_in(3) {
                schema[keyword] = node(tape, place.same());
            }
        }
    }
    if tape.once_in(4) {
        schema["unevaluatedProperties"] = unevaluated(tape, place);
    }
    if tape.once_in(6) {
        schema["unevaluatedItems"] = unevaluated(tape, place);
    }
    schema
}

/// Rare ones.
fn odd(tape: &mut Tape<'_>, place: Place) -> Value {
    match tape.below(5) {
        // Into itself, for a part of the value.
        0 => json!({"type": "object", "properties": {"a": {"$ref": "#"}}}),
        1 => json!({"type": "array", "items": {"$dynamicRef": "#root"}}),
        2 => json!({"not": node(tape, place.same())}),
        3 => json!({"title": "T", "description": "d", "default": null, "format": "date"}),
        _ => both(
            string(tape),
            &json!({"type": ["string", "array"], "minItems": 1}),
        ),
    }
}
