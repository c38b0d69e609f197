//! Whether documents of a schema may have something at a place.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::trail::unescaped;

/// What tells of members and items in ways that aren't followed here: with one of these, there may be
/// any.
const NOT_FOLLOWED: [&str; 12] = [
    "$dynamicRef",
    "$recursiveRef",
    "additionalItems",
    "const",
    "contains",
    "dependencies",
    "dependentSchemas",
    "enum",
    "if",
    "patternProperties",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// Whether a document of a schema may have a value at a place, as far as can be told.
pub(super) fn may_have<'a>(schema: &Value, segments: impl IntoIterator<Item = &'a str>) -> bool {
    let segments: Vec<String> = segments.into_iter().map(unescaped).collect();
    let mut seen = HashSet::new();
    let mut open = vec![(schema, segments.as_slice())];
    // Each schema is looked at once for each place: they may go around in circles.
    while let Some((within, left)) = open.pop() {
        let Some((first, rest)) = left.split_first() else {
            return true;
        };
        if !seen.insert((std::ptr::from_ref(within), left.len())) {
            continue;
        }
        let Some(rules) = within.as_object() else {
            if is_open(within) {
                return true;
            }
            continue;
        };
        if !has_members(rules.get("type")) {
            continue;
        }
        if says_nothing(rules) || !follow(schema, rules, left, &mut open) {
            return true;
        }
        let members = members(rules, first).filter(|schema| is_open(schema));
        open.extend(members.map(|schema| (schema, rest)));
    }
    false
}

fn says_nothing(rules: &Map<String, Value>) -> bool {
    let tells = [
        "$ref",
        "allOf",
        "anyOf",
        "oneOf",
        "properties",
        "items",
        "prefixItems",
        "additionalProperties",
    ];
    !tells.iter().any(|name| rules.contains_key(*name))
        || NOT_FOLLOWED
            .iter()
            .any(|name| rules.get(*name).is_some_and(is_open))
}

/// Adds the schemas for the same value; false, if one of them can't be found.
fn follow<'a>(
    root: &'a Value,
    rules: &'a Map<String, Value>,
    left: &'a [String],
    open: &mut Vec<(&'a Value, &'a [String])>,
) -> bool {
    if let Some(target) = rules.get("$ref").and_then(Value::as_str) {
        let target = target.strip_prefix('#').and_then(|at| root.pointer(at));
        let Some(target) = target else {
            return false;
        };
        open.push((target, left));
    }
    for group in ["allOf", "anyOf", "oneOf"] {
        if let Some(branches) = rules.get(group).and_then(Value::as_array) {
            open.extend(branches.iter().map(|branch| (branch, left)));
        }
    }
    true
}

/// The schemas for a member or an item.
fn members<'a>(rules: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = &'a Value> {
    let property = rules.get("properties").and_then(|all| all.get(name));
    let is_index = name.bytes().all(|byte| byte.is_ascii_digit());
    let first = rules.get("prefixItems").and_then(Value::as_array);
    let items = first.into_iter().flatten().chain(rules.get("items"));
    property
        .into_iter()
        .chain(rules.get("additionalProperties"))
        .chain(items.filter(move |_| is_index))
}

fn is_open(schema: &Value) -> bool {
    schema != &Value::Bool(false)
}

/// Whether values of a `type` may have others in them.
fn has_members(kind: Option<&Value>) -> bool {
    let is_container = |kind: &Value| kind == "object" || kind == "array";
    match kind {
        None => true,
        Some(Value::Array(kinds)) => kinds.iter().any(is_container),
        Some(kind) => is_container(kind),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn may(schema: &Value, pointer: &str) -> bool {
        may_have(schema, pointer.split('/').skip(1))
    }

    #[test]
    fn a_derived_schema_tells_its_fields() {
        #[derive(schemars::JsonSchema)]
        #[allow(dead_code)]
        struct Author {
            name: Option<String>,
            friends: Vec<Author>,
        }
        #[derive(schemars::JsonSchema)]
        #[allow(dead_code)]
        enum Kind {
            Plain,
            Linked { url: String },
        }
        #[derive(schemars::JsonSchema)]
        #[allow(dead_code)]
        struct Article {
            title: String,
            author: Option<Author>,
            kind: Kind,
            pair: (u8, Author),
            counts: std::collections::BTreeMap<String, u8>,
            rest: Value,
        }
        let schema = crate::Schema::of::<Article>().unwrap();
        let schema = schema.as_value();
        for pointer in [
            "",
            "/title",
            "/author/name",
            "/author/friends/0/friends/1/name",
            "/kind/Linked/url",
            "/pair/1/name",
            "/counts/anything",
            "/rest/a/0/b",
        ] {
            assert!(may(schema, pointer), "{pointer}");
        }
        for pointer in [
            "/titel",
            "/title/x",
            "/author/nam",
            "/author/friends/name",
            "/kind/Linked/uri",
            "/counts/anything/else",
        ] {
            assert!(!may(schema, pointer), "{pointer}");
        }
    }

    #[test]
    fn what_can_not_be_told_may_be() {
        for schema in [
            json!(true),
            json!({}),
            json!({"$ref": "https://example.com"}),
            json!({"properties": {"b": {}}, "additionalProperties": {}}),
            json!({"properties": {"b": {}}, "patternProperties": {"^a": {}}}),
            json!({"properties": {"b": {}}, "if": {}, "then": {"properties": {"a": {}}}}),
        ] {
            assert!(may(&schema, "/a"), "{schema}");
        }
        assert!(!may(
            &json!({"properties": {"b": {}}, "additionalProperties": false}),
            "/a"
        ));
        for name in [
            "if",
            "contains",
            "dependentSchemas",
            "dependencies",
            "unevaluatedProperties",
            "$dynamicRef",
            "enum",
        ] {
            let schema = json!({"properties": {"b": {}}, "$defs": {}, name: {}});
            assert!(may(&schema, "/a"), "{schema}");
        }
        let circle = json!({"$ref": "#"});
        may(&circle, "/a");
    }

    #[test]
    fn branches_that_meet_again_are_looked_at_once() {
        let mut defs = serde_json::Map::new();
        for level in 0..60 {
            let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
            defs.insert(format!("d{level}"), json!({"anyOf": [next, next]}));
        }
        defs.insert("d60".to_owned(), json!({"properties": {"b": {}}}));
        let schema = json!({"$ref": "#/$defs/d0", "$defs": defs});
        assert!(!may(&schema, "/a"));
        assert!(may(&schema, "/b"));
    }
}
