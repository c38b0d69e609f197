//! The strict form of a schema.
//!
//! The rules: <https://platform.openai.com/docs/guides/structured-outputs#supported-schemas>.

use serde_json::{Map, Value, json};

use super::unwrap::FIELD;
use mainstem_core::{Error, ErrorKind, Result};

/// A schema in strict form.
#[derive(Debug, PartialEq)]
pub(crate) struct Strict {
    pub(crate) schema: Value,
    /// Whether the root was wrapped into an object, because it wasn't one.
    pub(crate) wrapped: bool,
}

/// Brings a schema into the form that providers can enforce in full.
///
/// Every object is closed and all its properties are required. A property that may be left out and
/// may be `null` (an `Option`) is then `null`; one that may be left out but not be `null` (a serde
/// default) must be there: a `null` would be refused by the original schema. A
/// root that is no object becomes the field `value` of one. `oneOf` becomes `anyOf`. Rules that
/// can't be enforced are put into the description, for the model to read.
///
/// # Errors
///
/// Of kind [`ErrorKind::Config`], with the place in the schema, for what strict mode can't say:
/// objects with free keys, tuples, `not`, values of any type.
///
/// ```
/// use serde_json::json;
///
/// let schema = json!({"type": "object", "properties": {"eggs": {"type": "integer", "default": 0}}});
/// let strict = mainstem_models::strict_schema(&schema)?;
/// assert_eq!(strict, json!({
///     "type": "object",
///     "properties": {"eggs": {"type": "integer", "description": "default: 0"}},
///     "required": ["eggs"],
///     "additionalProperties": false,
/// }));
/// # Ok::<(), mainstem_core::Error>(())
/// ```
pub fn strict_schema(schema: &Value) -> Result<Value> {
    Strict::of(schema).map(|strict| strict.schema)
}

impl Strict {
    pub(crate) fn of(schema: &Value) -> Result<Self> {
        let mut schema = strict(schema, "#")?;
        let is_object = schema.get("type") == Some(&json!("object"));
        if !is_object {
            schema = wrap(schema);
        }
        Ok(Self {
            schema,
            wrapped: !is_object,
        })
    }
}

/// Puts any schema into the field of a closed object.
pub(crate) fn wrap(mut schema: Value) -> Value {
    redirect_root(&mut schema);
    let mut take = |name| schema.as_object_mut().and_then(|inner| inner.remove(name));
    let defs = ["$defs", "definitions"].map(|name| (name, take(name)));
    let mut wrapper = closed_object(&schema);
    for (name, defs) in defs {
        if let Some(defs) = defs {
            wrapper[name] = defs;
        }
    }
    wrapper
}

/// A closed object with the one field that outputs are wrapped in.
fn closed_object(schema: &Value) -> Value {
    json!({
        "type": "object",
        "properties": {FIELD: schema},
        "required": [FIELD],
        "additionalProperties": false,
    })
}

/// References to the root lead to where it is now.
fn redirect_root(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(target) if key == "$ref" && target == "#" => {
                        *target = format!("#/properties/{FIELD}");
                    }
                    other => redirect_root(other),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(redirect_root),
        _ => {}
    }
}

/// Kept as they are: what strict mode enforces, and what it takes no notice of.
const KEPT: [&str; 12] = [
    "type",
    "description",
    "enum",
    "const",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
    "pattern",
];

/// The formats that are enforced.
const FORMATS: [&str; 9] = [
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "uuid",
];

fn strict(schema: &Value, at: &str) -> Result<Value> {
    let Some(map) = schema.as_object() else {
        return Err(unsupported(at, "a value of any type"));
    };
    if let Some(target) = map.get("$ref") {
        return reference(map, target, at);
    }
    if let Some(Value::Array(all)) = map.get("allOf") {
        return strict(&merged(map, all, at)?, at);
    }
    let mut out = Map::new();
    let mut notes = Vec::new();
    for (keyword, value) in map {
        take_keyword(&mut out, &mut notes, keyword, value, at)?;
    }
    if is_object(map) {
        // Closed objects that have to fit together fit nothing.
        if out.contains_key("anyOf") {
            return Err(unsupported(at, "alternatives beside properties"));
        }
        close(&mut out, map, at)?;
    }
    if !["type", "enum", "const", "anyOf"]
        .iter()
        .any(|keyword| out.contains_key(*keyword))
    {
        return Err(unsupported(at, "a value of any type"));
    }
    describe(&mut out, &notes);
    Ok(Value::Object(out))
}

fn take_keyword(
    out: &mut Map<String, Value>,
    notes: &mut Vec<String>,
    keyword: &str,
    value: &Value,
    at: &str,
) -> Result<()> {
    let here = format!("{at}/{keyword}");
    match keyword {
        _ if KEPT.contains(&keyword) => {
            out.insert(keyword.to_owned(), value.clone());
        }
        "properties" | "$defs" | "definitions" => {
            let members = value.as_object().into_iter().flatten();
            let strict: Result<Map<_, _>> = members
                .map(|(name, member)| {
                    Ok((name.clone(), strict(member, &format!("{here}/{name}"))?))
                })
                .collect();
            out.insert(keyword.to_owned(), Value::Object(strict?));
        }
        "items" => {
            out.insert(keyword.to_owned(), strict(value, &here)?);
        }
        "anyOf" | "oneOf" if out.contains_key("anyOf") => {
            return Err(unsupported(&here, "anyOf beside oneOf"));
        }
        "anyOf" | "oneOf" => {
            let arms = value.as_array().into_iter().flatten().enumerate();
            let strict: Result<Vec<_>> = arms
                .map(|(n, arm)| strict(arm, &format!("{here}/{n}")))
                .collect();
            out.insert("anyOf".to_owned(), Value::Array(strict?));
        }
        "format"
            if value
                .as_str()
                .is_some_and(|format| FORMATS.contains(&format)) =>
        {
            out.insert(keyword.to_owned(), value.clone());
        }
        // schemars names the width of numbers; their bounds stand beside it.
        "format" if value.as_str().is_some_and(is_number_format) => {}
        "required" | "additionalProperties" | "title" | "$schema" => {}
        "prefixItems" | "not" | "if" | "patternProperties" | "$dynamicRef" => {
            return Err(unsupported(&here, keyword));
        }
        _ => notes.push(format!("{keyword}: {value}")),
    }
    Ok(())
}

fn is_number_format(format: &str) -> bool {
    format.starts_with("int") || format.starts_with("uint") || ["float", "double"].contains(&format)
}

fn is_object(map: &Map<String, Value>) -> bool {
    match map.get("type") {
        Some(Value::String(name)) => name == "object",
        Some(Value::Array(names)) => names.contains(&json!("object")),
        _ => map.contains_key("properties"),
    }
}

/// Closes an object and requires all that it has.
fn close(out: &mut Map<String, Value>, map: &Map<String, Value>, at: &str) -> Result<()> {
    let is_free = match map.get("additionalProperties") {
        None => !map.contains_key("properties"),
        Some(Value::Bool(free)) => *free && !map.contains_key("properties"),
        Some(_) => true,
    };
    if is_free {
        return Err(unsupported(at, "an object with free keys"));
    }
    out.entry("type").or_insert_with(|| json!("object"));
    let properties = out.entry("properties").or_insert_with(|| json!({}));
    let names: Vec<_> = properties
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
        .cloned()
        .collect();
    let required = map.get("required").and_then(Value::as_array);
    let is_known = |name: &Value| {
        name.as_str()
            .is_some_and(|name| names.iter().any(|n| n == name))
    };
    if !required.is_none_or(|required| required.iter().all(is_known)) {
        return Err(unsupported(at, "a required property without a schema"));
    }
    out.insert("required".to_owned(), json!(names));
    out.insert("additionalProperties".to_owned(), json!(false));
    Ok(())
}

/// A reference has nothing beside it but a description.
fn reference(map: &Map<String, Value>, target: &Value, at: &str) -> Result<Value> {
    let local = target
        .as_str()
        .is_some_and(|target| target.starts_with('#'));
    if !local {
        return Err(unsupported(
            &format!("{at}/$ref"),
            "a reference out of the document",
        ));
    }
    let mut out = Map::new();
    let mut notes = Vec::new();
    for (keyword, value) in map {
        match keyword.as_str() {
            "$ref" | "description" => {
                out.insert(keyword.clone(), value.clone());
            }
            "$defs" | "definitions" => take_keyword(&mut out, &mut notes, keyword, value, at)?,
            "title" | "$schema" => {}
            "type"
            | "properties"
            | "required"
            | "items"
            | "enum"
            | "const"
            | "anyOf"
            | "oneOf"
            | "allOf"
            | "additionalProperties" => {
                return Err(unsupported(
                    &format!("{at}/{keyword}"),
                    "a rule beside `$ref`",
                ));
            }
            _ => notes.push(format!("{keyword}: {value}")),
        }
    }
    describe(&mut out, &notes);
    Ok(Value::Object(out))
}

/// `allOf` as one schema, where its parts don't get in each other's way.
fn merged(map: &Map<String, Value>, all: &[Value], at: &str) -> Result<Value> {
    let mut merged = map.clone();
    merged.remove("allOf");
    if let ([Value::Object(only)], true) = (all, only_annotations(&merged)) {
        let mut only = only.clone();
        only.extend(merged);
        return Ok(Value::Object(only));
    }
    for part in all {
        let Value::Object(part) = part else {
            return Err(unsupported(&format!("{at}/allOf"), "allOf"));
        };
        for (keyword, value) in part {
            match (merged.get_mut(keyword), value) {
                (None, value) => {
                    merged.insert(keyword.clone(), value.clone());
                }
                (Some(there), value) if there == value => {}
                (Some(Value::Object(there)), Value::Object(more))
                    if keyword == "properties"
                        && more.iter().all(|(name, schema)| {
                            there.get(name).is_none_or(|before| before == schema)
                        }) =>
                {
                    there.extend(more.clone());
                }
                (Some(Value::Array(there)), Value::Array(more)) if keyword == "required" => {
                    there.extend(more.clone());
                }
                _ => return Err(unsupported(&format!("{at}/allOf"), "allOf")),
            }
        }
    }
    Ok(Value::Object(merged))
}

fn only_annotations(map: &Map<String, Value>) -> bool {
    map.keys()
        .all(|keyword| ["description", "title", "default", "$schema"].contains(&keyword.as_str()))
}

/// Tells the model what isn't enforced.
fn describe(out: &mut Map<String, Value>, notes: &[String]) {
    if notes.is_empty() {
        return;
    }
    let notes = notes.join("; ");
    let text = match out.get("description").and_then(Value::as_str) {
        Some(description) => format!("{description} ({notes})"),
        None => notes,
    };
    out.insert("description".to_owned(), Value::String(text));
}

fn unsupported(at: &str, what: &str) -> Error {
    Error::new(
        ErrorKind::Config,
        format!(
            "strict mode can't enforce {what} (at {at} of the schema); use another `OutputMode`"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strict_mode_would_get_wrong_is_refused() {
        let text = json!({"type": "string"});
        for schema in [
            json!({"type": "object", "properties": {"a": text}, "anyOf": [{"type": "object", "properties": {"b": text}}]}),
            json!({"anyOf": [text], "oneOf": [{"type": "integer"}]}),
            json!({"type": "object", "properties": {"a": text}, "required": ["b"]}),
            json!({"allOf": [
                {"type": "object", "properties": {"n": {"type": "integer", "minimum": 5}}},
                {"type": "object", "properties": {"n": {"type": "integer"}}},
            ]}),
            json!({
                "$defs": {"A": {"type": "object", "properties": {"a": text}}},
                "allOf": [{"$ref": "#/$defs/A"}],
                "properties": {"b": text},
            }),
        ] {
            let error = strict_schema(&schema).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{schema}");
        }
    }

    #[test]
    fn definitions_go_to_the_wrappers_root() {
        for name in ["$defs", "definitions"] {
            let schema = json!({
                "type": "array",
                "items": {"$ref": format!("#/{name}/A")},
                name: {"A": {"type": "string"}},
            });
            let strict = Strict::of(&schema).unwrap();
            assert!(strict.wrapped);
            assert_eq!(strict.schema[name]["A"], json!({"type": "string"}));
            assert_eq!(strict.schema["properties"]["value"].get(name), None);
        }
    }
}
