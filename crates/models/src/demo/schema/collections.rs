//! Objects and arrays.

use mainstem_core::Result;
use serde_json::{Map, Value, json};

use super::{MOST_VALUES, Place, Writer, text::length};

impl Writer<'_> {
    pub(super) fn object(&mut self, schema: &Map<String, Value>, place: &Place) -> Result<Value> {
        let required = names(schema.get("required"));
        let most = length(schema, "maxProperties").unwrap_or(usize::MAX);
        let mut object = Map::new();
        for name in &required {
            let member = self.member_schema(schema, name, place)?;
            object.insert(name.clone(), self.value(&member, &place.member(name))?);
        }
        let optional = schema
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten();
        for (name, member) in optional {
            let wanted = !place.is_deep() && object.len() < most && !object.contains_key(name);
            // What is optional and can't be followed is left out.
            if let Some(value) = wanted
                .then(|| self.value(member, &place.member(name)).ok())
                .flatten()
            {
                object.insert(name.clone(), value);
            }
        }
        self.free_members(schema, &mut object, place)?;
        Ok(Value::Object(object))
    }

    /// The schema of a required member that may not be among the properties.
    fn member_schema(
        &self,
        schema: &Map<String, Value>,
        name: &str,
        place: &Place,
    ) -> Result<Value> {
        let own = schema
            .get("properties")
            .and_then(|properties| properties.get(name));
        match own.or_else(|| schema.get("additionalProperties")) {
            Some(Value::Bool(false)) => Err(place.cannot("required")),
            Some(member) => Ok(member.clone()),
            None => Ok(Value::Bool(true)),
        }
    }

    /// The members of a map, and those that `minProperties` asks for.
    fn free_members(
        &mut self,
        schema: &Map<String, Value>,
        object: &mut Map<String, Value>,
        place: &Place,
    ) -> Result<()> {
        let least = length(schema, "minProperties").unwrap_or(0);
        let most = length(schema, "maxProperties").unwrap_or(usize::MAX);
        let is_map = !schema.contains_key("properties") && !place.is_deep();
        let free = self.free_member(schema);
        let usual = if is_map && free.is_some() { 2 } else { 0 };
        let wanted = least.max(usual.min(most));
        if wanted > MOST_VALUES {
            return Err(place.cannot("minProperties"));
        }
        for _ in 0..4 * wanted {
            let Some((name, member)) = free.as_ref().filter(|_| object.len() < wanted) else {
                break;
            };
            let name = self.value(name, &place.key())?;
            let name = name.as_str().unwrap_or_default().replace(' ', "_");
            if !object.contains_key(&name) {
                let value = self.value(member, &place.member(&name))?;
                object.insert(name, value);
            }
        }
        if object.len() < least {
            Err(place.cannot("minProperties"))
        } else {
            Ok(())
        }
    }

    /// The schemas of the name and the value of a member that isn't among the properties.
    fn free_member(&self, schema: &Map<String, Value>) -> Option<(Value, Value)> {
        let patterns = schema.get("patternProperties").and_then(Value::as_object);
        if let Some((pattern, member)) = patterns.and_then(|patterns| patterns.iter().next()) {
            return Some((json!({"pattern": pattern}), member.clone()));
        }
        let any = || json!({"type": "string"});
        let name = schema.get("propertyNames").cloned().unwrap_or_else(any);
        match schema.get("additionalProperties") {
            Some(Value::Bool(false)) => None,
            Some(Value::Bool(true)) | None => {
                let asked = schema.contains_key("additionalProperties")
                    || schema.contains_key("minProperties");
                asked.then(|| (name, any()))
            }
            Some(member) => Some((name, member.clone())),
        }
    }

    pub(super) fn array(&mut self, schema: &Map<String, Value>, place: &Place) -> Result<Value> {
        let least = length(schema, "minItems").unwrap_or(0);
        let most = length(schema, "maxItems").unwrap_or(usize::MAX);
        let first = schema.get("prefixItems").and_then(Value::as_array);
        let first = first.map(Vec::as_slice).unwrap_or_default();
        let items = schema.get("items").unwrap_or(&Value::Bool(true));
        let unique = schema.get("uniqueItems") == Some(&Value::Bool(true));

        let closed = items == &Value::Bool(false);
        let usual = match (place.is_deep(), first.len()) {
            (true, _) => 0,
            (false, 0) if !closed => 2,
            (false, tuple) => tuple,
        };
        let wanted = least.max(usual.min(most));
        if wanted > MOST_VALUES {
            return Err(place.cannot("minItems"));
        }
        let mut array = Vec::new();
        for _ in 0..8 * wanted {
            if array.len() >= wanted {
                break;
            }
            let item = first.get(array.len()).unwrap_or(items);
            match self.value(item, &place.item(array.len())) {
                Ok(value) if unique && array.contains(&value) => {
                    self.distinct(&mut array, item, wanted);
                }
                Ok(value) => array.push(value),
                // An array of what can't be followed may still be empty.
                Err(_) if array.len() >= least => break,
                Err(error) => return Err(error),
            }
        }
        if array.len() < least {
            Err(place.cannot("uniqueItems"))
        } else {
            Ok(Value::Array(array))
        }
    }

    /// Goes on in a list of given values, where making one anew gives the same again.
    fn distinct(&self, array: &mut Vec<Value>, item: &Value, wanted: usize) {
        let mut place = Place::root();
        let schema = self.flatten(item, &mut place).unwrap_or_default();
        let given = match schema.get("enum") {
            Some(Value::Array(values)) => values.clone(),
            _ => constants(&schema),
        };
        let others = given.into_iter().filter(|value| !array.contains(value));
        let others: Vec<_> = others.take(wanted - array.len()).collect();
        array.extend(others);
    }
}

/// The constants of `oneOf` or `anyOf`, as schemars writes enums with comments.
fn constants(schema: &Map<String, Value>) -> Vec<Value> {
    let alternatives = ["oneOf", "anyOf"]
        .iter()
        .find_map(|keyword| schema.get(*keyword)?.as_array());
    let constants = alternatives.into_iter().flatten();
    constants
        .filter_map(|schema| schema.get("const"))
        .cloned()
        .collect()
}

fn names(value: Option<&Value>) -> Vec<String> {
    let names = value.and_then(Value::as_array).into_iter().flatten();
    names.filter_map(Value::as_str).map(str::to_owned).collect()
}
