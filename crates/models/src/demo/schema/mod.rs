//! A document that follows a JSON schema.

mod collections;
mod merge;
mod number;
mod pattern;
mod text;

use mainstem_core::{Error, ErrorKind, Result};
use serde_json::{Map, Value};

use super::words::Words;

/// From this depth on, optional members are left out and arrays are empty.
const DEEP: usize = 6;
/// A schema that leads deeper than this, whatever is left out, has no finite document.
const DEEPEST: usize = 24;
/// The most values that a document has; alternatives that were tried count, too.
const MOST_VALUES: usize = 10_000;

/// Keywords that would have to be solved, not followed.
const UNSOLVED: [&str; 7] = [
    "not",
    "if",
    "contains",
    "dependentSchemas",
    "dependentRequired",
    "$dynamicRef",
    "$recursiveRef",
];

/// A document that follows a schema, filled with words.
///
/// # Errors
///
/// Of kind [`ErrorKind::Config`], naming the keyword that can't be followed and the place.
pub(super) fn document(schema: &Value, words: &mut Words) -> Result<Value> {
    let mut writer = Writer {
        root: schema,
        words,
        values: 0,
    };
    writer.value(schema, &Place::root())
}

struct Writer<'a> {
    root: &'a Value,
    words: &'a mut Words,
    values: usize,
}

/// Where in the document a value is to stand.
#[derive(Clone)]
struct Place {
    /// A JSON pointer.
    pointer: String,
    /// The name of the property, of the nearest object outwards.
    property: String,
    depth: usize,
    /// The references that led here.
    refs: Vec<String>,
}

impl Place {
    fn root() -> Self {
        Self {
            pointer: String::new(),
            property: String::new(),
            depth: 0,
            refs: Vec::new(),
        }
    }

    fn member(&self, name: &str) -> Self {
        let escaped = name.replace('~', "~0").replace('/', "~1");
        Self {
            property: name.to_owned(),
            ..self.inside(&escaped)
        }
    }

    /// The place of a member's name, where the property around it says nothing.
    fn key(&self) -> Self {
        Self {
            property: String::new(),
            ..self.clone()
        }
    }

    fn item(&self, index: usize) -> Self {
        self.inside(&index.to_string())
    }

    fn inside(&self, token: &str) -> Self {
        Self {
            pointer: format!("{}/{token}", self.pointer),
            depth: self.depth + 1,
            ..self.clone()
        }
    }

    /// Whether it is time to come to an end: far down, or in a type inside of itself.
    fn is_deep(&self) -> bool {
        let inner = self.refs.last();
        let again =
            inner.is_some_and(|last| self.refs.iter().filter(|seen| *seen == last).count() > 1);
        again || self.depth > DEEP
    }

    /// The error of a keyword that can't be followed here.
    fn cannot(&self, keyword: &str) -> Error {
        let place = if self.pointer.is_empty() {
            "the root"
        } else {
            &self.pointer
        };
        Error::new(
            ErrorKind::Config,
            format!("the demo model can't follow the schema's `{keyword}` at `{place}`"),
        )
    }
}

impl Writer<'_> {
    fn value(&mut self, schema: &Value, place: &Place) -> Result<Value> {
        self.values += 1;
        if place.depth > DEEPEST || self.values > MOST_VALUES {
            return Err(place.cannot("$ref"));
        }
        let mut place = place.clone();
        let schema = self.flatten(schema, &mut place)?;
        if let Some(keyword) = UNSOLVED
            .iter()
            .find(|keyword| schema.contains_key(**keyword))
        {
            return Err(place.cannot(keyword));
        }
        if let Some(value) = schema.get("const") {
            return Ok(value.clone());
        }
        if let Some(Value::Array(values)) = schema.get("enum") {
            return self.one_of_values(values, &place);
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(Value::Array(alternatives)) = schema.get(keyword) {
                return self.alternative(keyword, alternatives, &schema, &place);
            }
        }
        self.typed(&schema, &place)
    }

    /// The value that the user spoke of, or else the first.
    fn one_of_values(&self, values: &[Value], place: &Place) -> Result<Value> {
        let heard = |value: &&Value| value.as_str().is_some_and(|word| self.words.heard(word));
        let value = values.iter().find(heard).or(values.first());
        value.cloned().ok_or_else(|| place.cannot("enum"))
    }

    /// The first alternative that can be followed together with what stands beside it.
    fn alternative(
        &mut self,
        keyword: &str,
        alternatives: &[Value],
        beside: &Map<String, Value>,
        place: &Place,
    ) -> Result<Value> {
        let mut rest = beside.clone();
        rest.remove(keyword);
        let mut order: Vec<_> = alternatives.iter().collect();
        // `null` and what needs no reference come to an end soonest.
        order.sort_by_key(|schema| {
            if place.is_deep() {
                depth_of(schema)
            } else {
                is_null(schema).into()
            }
        });

        let mut first_error = None;
        for alternative in order {
            let both = serde_json::json!({"allOf": [rest, alternative]});
            match self.value(&both, place) {
                Ok(value) => return Ok(value),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        Err(first_error.unwrap_or_else(|| place.cannot(keyword)))
    }

    fn typed(&mut self, schema: &Map<String, Value>, place: &Place) -> Result<Value> {
        match type_of(schema, place) {
            "object" => self.object(schema, place),
            "array" => self.array(schema, place),
            "string" => self.string(schema, place).map(Value::String),
            "integer" => number::integer(schema, self.words, place),
            "number" => number::float(schema, self.words, place),
            "boolean" => Ok(Value::Bool(true)),
            "null" => Ok(Value::Null),
            _ => Err(place.cannot("type")),
        }
    }
}

/// The type to write: the first that isn't null, or the one that the keywords speak of.
fn type_of<'a>(schema: &'a Map<String, Value>, place: &Place) -> &'a str {
    match schema.get("type") {
        Some(Value::String(name)) => name,
        Some(Value::Array(names)) => {
            let names: Vec<_> = names.iter().filter_map(Value::as_str).collect();
            let real = names.iter().find(|name| **name != "null").copied();
            let ends = names.contains(&"null") && place.is_deep();
            if ends { "null" } else { real.unwrap_or("null") }
        }
        _ => guess(schema),
    }
}

fn guess(schema: &Map<String, Value>) -> &'static str {
    let has = |keywords: &[&str]| keywords.iter().any(|keyword| schema.contains_key(*keyword));
    if has(&[
        "properties",
        "required",
        "additionalProperties",
        "patternProperties",
        "minProperties",
    ]) {
        "object"
    } else if has(&["items", "prefixItems", "minItems", "maxItems"]) {
        "array"
    } else if has(&[
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
    ]) {
        "number"
    } else {
        "string"
    }
}

fn is_null(schema: &Value) -> bool {
    schema.get("type").is_some_and(|name| name == "null")
}

fn depth_of(schema: &Value) -> u8 {
    if is_null(schema) {
        0
    } else if schema.to_string().contains("\"$ref\"") {
        2
    } else {
        1
    }
}
