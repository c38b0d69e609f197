//! Whether documents of a schema may have something at a place.

use serde_json::Value;

use super::trail::unescaped;

/// How many references and groups are followed: schemas may go around in circles.
const MOST_FOLLOWED: u32 = 64;

/// Whether a document of a schema may have a value at a place, as far as can be told.
pub(super) fn may_have<'a>(schema: &Value, segments: impl IntoIterator<Item = &'a str>) -> bool {
    let segments: Vec<String> = segments.into_iter().map(unescaped).collect();
    may(schema, schema, &segments, MOST_FOLLOWED)
}

fn may(root: &Value, schema: &Value, segments: &[String], left: u32) -> bool {
    let Some((first, rest)) = segments.split_first() else {
        return true;
    };
    let (Some(rules), Some(left)) = (schema.as_object(), left.checked_sub(1)) else {
        return schema != &Value::Bool(false);
    };
    if !has_members(rules.get("type")) {
        return false;
    }
    let mut says_nothing = true;
    let mut within = Vec::new();
    if let Some(target) = rules.get("$ref").and_then(Value::as_str) {
        says_nothing = false;
        let target = target.strip_prefix('#').and_then(|at| root.pointer(at));
        // What can't be followed may have anything.
        within.push((target.unwrap_or(&Value::Bool(true)), segments));
    }
    for group in ["allOf", "anyOf", "oneOf"] {
        if let Some(branches) = rules.get(group).and_then(Value::as_array) {
            says_nothing = false;
            within.extend(branches.iter().map(|branch| (branch, segments)));
        }
    }
    for branch in ["then", "else"]
        .into_iter()
        .filter_map(|name| rules.get(name))
    {
        within.push((branch, segments));
    }
    if let Some(properties) = rules.get("properties") {
        says_nothing = false;
        within.extend(properties.get(first).map(|schema| (schema, rest)));
    }
    if first.bytes().all(|byte| byte.is_ascii_digit()) {
        if let Some(first) = rules.get("prefixItems").and_then(Value::as_array) {
            within.extend(first.iter().map(|schema| (schema, rest)));
        }
        within.extend(rules.get("items").map(|schema| (schema, rest)));
    }
    for others in ["additionalProperties", "unevaluatedProperties"] {
        within.extend(rules.get(others).map(|schema| (schema, rest)));
    }
    let speaks = [
        "items",
        "prefixItems",
        "additionalProperties",
        "unevaluatedProperties",
    ];
    says_nothing &= !speaks.iter().any(|name| rules.contains_key(*name));
    says_nothing
        || rules.contains_key("patternProperties")
        || rules.contains_key("$dynamicRef")
        || within
            .into_iter()
            .any(|(schema, segments)| is_open(schema) && may(root, schema, segments, left))
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
        let circle = json!({"$ref": "#"});
        may(&circle, "/a");
    }
}
