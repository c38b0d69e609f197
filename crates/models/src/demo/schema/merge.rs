//! `$ref` and `allOf`: many schemas for one place made one.

use mainstem_core::Result;
use serde_json::{Map, Value, json};

use super::{Place, Writer};

impl Writer<'_> {
    /// A schema without `$ref` and `allOf`: what they lead to is merged into it.
    pub(super) fn flatten(&self, schema: &Value, place: &mut Place) -> Result<Map<String, Value>> {
        let mut flat = Map::new();
        self.gather(schema, place, &mut flat, 0)?;
        Ok(flat)
    }

    fn gather(
        &self,
        schema: &Value,
        place: &mut Place,
        flat: &mut Map<String, Value>,
        level: usize,
    ) -> Result<()> {
        let schema = match schema {
            Value::Bool(true) => return Ok(()),
            Value::Object(schema) if level < 32 => schema,
            Value::Object(_) => return Err(place.cannot("$ref")),
            _ => return Err(place.cannot("false")),
        };
        for (keyword, value) in schema {
            match (keyword.as_str(), value) {
                ("$ref", Value::String(target)) => {
                    let found = self.resolve(target).ok_or_else(|| place.cannot("$ref"))?;
                    place.refs.push(target.clone());
                    self.gather(found, place, flat, level + 1)?;
                }
                ("allOf", Value::Array(schemas)) => {
                    for schema in schemas {
                        self.gather(schema, place, flat, level + 1)?;
                    }
                }
                _ => merge(flat, keyword, value, place)?,
            }
        }
        Ok(())
    }

    /// The schema that a reference inside of the document leads to.
    fn resolve(&self, target: &str) -> Option<&Value> {
        self.root.pointer(target.strip_prefix('#')?)
    }
}

/// Adds a keyword to those that are there: what both ask for must hold.
fn merge(flat: &mut Map<String, Value>, keyword: &str, value: &Value, place: &Place) -> Result<()> {
    let Some(there) = flat.get(keyword) else {
        flat.insert(keyword.to_owned(), value.clone());
        return Ok(());
    };
    if there == value {
        return Ok(());
    }
    let both = match keyword {
        "properties" | "patternProperties" => members(there, value),
        "required" => union(there, value),
        "enum" => common(there, value),
        "type" => types(there, value),
        "minimum" | "exclusiveMinimum" | "minLength" | "minItems" | "minProperties" => {
            extreme(there, value, f64::gt)
        }
        "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" | "maxProperties" => {
            extreme(there, value, f64::lt)
        }
        "items" | "additionalProperties" | "propertyNames" => {
            Some(json!({"allOf": [there, value]}))
        }
        "anyOf" | "oneOf" => pairs(there, value),
        "uniqueItems" => Some(Value::Bool(true)),
        "const" | "pattern" | "format" | "multipleOf" | "prefixItems" => None,
        // A remark, such as `title`.
        _ => Some(there.clone()),
    };
    let both = both.ok_or_else(|| place.cannot(keyword))?;
    flat.insert(keyword.to_owned(), both);
    Ok(())
}

fn members(a: &Value, b: &Value) -> Option<Value> {
    let mut members = a.as_object()?.clone();
    for (name, schema) in b.as_object()? {
        let schema = match members.get(name) {
            Some(there) if there != schema => json!({"allOf": [there, schema]}),
            _ => schema.clone(),
        };
        members.insert(name.clone(), schema);
    }
    Some(Value::Object(members))
}

fn union(a: &Value, b: &Value) -> Option<Value> {
    let mut all = a.as_array()?.clone();
    for item in b.as_array()? {
        if !all.contains(item) {
            all.push(item.clone());
        }
    }
    Some(Value::Array(all))
}

fn common(a: &Value, b: &Value) -> Option<Value> {
    let b = b.as_array()?;
    let both: Vec<_> = a
        .as_array()?
        .iter()
        .filter(|item| b.contains(item))
        .cloned()
        .collect();
    (!both.is_empty()).then_some(Value::Array(both))
}

/// The types that both allow; an integer is a number.
fn types(a: &Value, b: &Value) -> Option<Value> {
    let (a, b) = (names(a), names(b));
    let allows = |names: &[&str], name: &str| {
        names.contains(&name) || (name == "integer" && names.contains(&"number"))
    };
    let mut both: Vec<_> = a.iter().filter(|name| allows(&b, name)).collect();
    let more = b
        .iter()
        .filter(|name| allows(&a, name) && !a.contains(name));
    both.extend(more);
    (!both.is_empty()).then(|| json!(both))
}

fn names(types: &Value) -> Vec<&str> {
    match types {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn extreme(a: &Value, b: &Value, wins: fn(&f64, &f64) -> bool) -> Option<Value> {
    let first = wins(&a.as_f64()?, &b.as_f64()?);
    Some(if first { a.clone() } else { b.clone() })
}

/// Two lists of alternatives, of which one each must hold.
fn pairs(a: &Value, b: &Value) -> Option<Value> {
    let (a, b) = (a.as_array()?, b.as_array()?);
    let pair = |first| {
        b.iter()
            .map(move |second| json!({"allOf": [first, second]}))
    };
    Some(Value::Array(a.iter().flat_map(pair).collect()))
}
