use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::StrictError;

const KEYWORDS: [&str; 25] = [
    "$defs",
    "$ref",
    "$schema",
    "additionalProperties",
    "anyOf",
    "const",
    "definitions",
    "description",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "multipleOf",
    "pattern",
    "properties",
    "required",
    "title",
    "type",
];
const TYPES: [&str; 7] = [
    "string", "number", "boolean", "integer", "object", "array", "null",
];
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
const MOST_NESTED: usize = 10;
const MOST_PROPERTIES: usize = 5000;
const MOST_ENUM_VALUES: usize = 1000;
const MOST_CHARACTERS: usize = 120_000;
const MANY_ENUM_VALUES: usize = 250;
const MOST_ENUM_CHARACTERS: usize = 15_000;

type Checked = Result<(), StrictError>;

pub(super) fn check(root: &Value) -> Checked {
    let mut walk = Walk {
        root,
        path: Vec::new(),
        properties: 0,
        enum_values: 0,
        characters: 0,
    };
    walk.root()
}

/// A walk over a schema, with what has to be counted over the whole of it.
struct Walk<'a> {
    root: &'a Value,
    path: Vec<String>,
    properties: usize,
    enum_values: usize,
    characters: usize,
}

impl<'a> Walk<'a> {
    fn refuse<T>(&self, reason: impl Into<String>) -> Result<T, StrictError> {
        Err(StrictError {
            context: self.path.clone(),
            reason: reason.into(),
        })
    }

    fn root(&mut self) -> Checked {
        let root = self.root;
        if root.get("anyOf").is_some() {
            return self.refuse("'anyOf' is not permitted at the root of the schema.");
        }
        if root["type"] != "object" {
            let found = &root["type"];
            let reason =
                format!("schema must be a JSON Schema of 'type: \"object\"', got 'type: {found}'.");
            return self.refuse(reason);
        }
        self.schema(root, 0)
    }

    /// Runs a check one key deeper.
    fn below(&mut self, keys: &[&str], check: impl FnOnce(&mut Self) -> Checked) -> Checked {
        self.path.extend(keys.iter().map(|key| (*key).to_owned()));
        check(self)?;
        self.path.truncate(self.path.len() - keys.len());
        Ok(())
    }

    fn schema(&mut self, schema: &'a Value, depth: usize) -> Checked {
        let Value::Object(schema) = schema else {
            return self.refuse(format!("{schema} is not a schema: it must be an object."));
        };
        if let Some(keyword) = schema.keys().find(|key| !KEYWORDS.contains(&key.as_str())) {
            return self.refuse(format!("'{keyword}' is not permitted."));
        }
        self.definitions(schema)?;
        if let Some(target) = schema.get("$ref") {
            return self.reference(schema, target);
        }
        if let Some(branches) = schema.get("anyOf") {
            self.any_of(branches, depth)?;
        } else if !["type", "enum", "const"]
            .iter()
            .any(|key| schema.contains_key(*key))
        {
            return self.refuse("schema must have a 'type' key.");
        }
        self.format(schema)?;
        self.values(schema)?;
        self.types(schema, depth)
    }

    fn definitions(&mut self, schema: &'a Map<String, Value>) -> Checked {
        for keyword in ["$defs", "definitions"] {
            let Some(definitions) = schema.get(keyword) else {
                continue;
            };
            let Value::Object(definitions) = definitions else {
                return self.refuse(format!("'{keyword}' must be an object."));
            };
            for (name, definition) in definitions {
                self.count(0, name.chars().count())?;
                self.below(&[keyword, name], |walk| walk.schema(definition, 0))?;
            }
        }
        Ok(())
    }

    fn reference(&self, schema: &Map<String, Value>, target: &Value) -> Checked {
        let allowed = ["$ref", "description", "$defs", "definitions"];
        if let Some(other) = schema.keys().find(|key| !allowed.contains(&key.as_str())) {
            return self.refuse(format!("$ref cannot have keywords {{'{other}'}}."));
        }
        let pointer = target.as_str().and_then(|target| target.strip_prefix('#'));
        match pointer.map(|pointer| self.root.pointer(pointer)) {
            Some(Some(_)) => Ok(()),
            Some(None) => self.refuse(format!(
                "reference to component {target} which was not found in the schema."
            )),
            None => self.refuse(format!("reference {target} must stay within the schema.")),
        }
    }

    fn any_of(&mut self, branches: &'a Value, depth: usize) -> Checked {
        let branches = match branches {
            Value::Array(branches) if !branches.is_empty() => branches,
            _ => return self.refuse("'anyOf' must be an array with at least one schema."),
        };
        for (index, branch) in branches.iter().enumerate() {
            self.below(&["anyOf", &index.to_string()], |walk| {
                walk.schema(branch, depth)
            })?;
        }
        Ok(())
    }

    fn format(&self, schema: &Map<String, Value>) -> Checked {
        match schema.get("format") {
            Some(Value::String(format)) if FORMATS.contains(&format.as_str()) => Ok(()),
            Some(format) => self.refuse(format!("{format} is not a valid format.")),
            None => Ok(()),
        }
    }

    /// Checks and counts `enum` and `const`.
    fn values(&mut self, schema: &Map<String, Value>) -> Checked {
        let length = |value: &Value| value.as_str().map_or(0, |text| text.chars().count());
        if let Some(value) = schema.get("const") {
            self.count(0, length(value))?;
        }
        let values = match schema.get("enum") {
            None => return Ok(()),
            Some(Value::Array(values)) if !values.is_empty() => values,
            Some(_) => return self.refuse("'enum' must be an array with at least one value."),
        };
        self.enum_values += values.len();
        if self.enum_values > MOST_ENUM_VALUES {
            return self.refuse(format!(
                "the schema has more than {MOST_ENUM_VALUES} enum values in all."
            ));
        }
        let characters = values.iter().map(length).sum();
        if values.len() > MANY_ENUM_VALUES && characters > MOST_ENUM_CHARACTERS {
            let reason = format!(
                "an enum of more than {MANY_ENUM_VALUES} values has more than {MOST_ENUM_CHARACTERS} characters."
            );
            return self.refuse(reason);
        }
        self.count(0, characters)
    }

    fn types(&mut self, schema: &'a Map<String, Value>, depth: usize) -> Checked {
        let names: Vec<&Value> = match schema.get("type") {
            Some(Value::Array(names)) => names.iter().collect(),
            Some(name) => vec![name],
            None => Vec::new(),
        };
        for name in &names {
            if !name.as_str().is_some_and(|name| TYPES.contains(&name)) {
                return self.refuse(format!("{name} is not a valid type."));
            }
        }
        let is = |wanted: &str| names.iter().any(|name| *name == wanted);
        let (object, array) = (is("object"), is("array"));
        if (object || array) && depth == MOST_NESTED {
            return self.refuse(format!(
                "the schema exceeds {MOST_NESTED} levels of nesting."
            ));
        }
        if object || schema.contains_key("properties") {
            self.object(schema, depth + 1)?;
        }
        match schema.get("items") {
            Some(items) => self.below(&["items"], |walk| walk.schema(items, depth + 1)),
            None if array => self.refuse("array schema missing items."),
            None => Ok(()),
        }
    }

    fn object(&mut self, schema: &'a Map<String, Value>, depth: usize) -> Checked {
        if schema.get("additionalProperties") != Some(&Value::Bool(false)) {
            return self
                .refuse("'additionalProperties' is required to be supplied and to be false.");
        }
        let none = Map::new();
        let required = self.required(schema)?;
        let properties = match schema.get("properties") {
            Some(Value::Object(properties)) => Some(properties),
            None => None,
            Some(_) => return self.refuse("'properties' must be an object."),
        };
        self.compare(&required, properties.unwrap_or(&none))?;
        for (name, property) in properties.into_iter().flatten() {
            self.count(1, name.chars().count())?;
            self.below(&["properties", name], |walk| walk.schema(property, depth))?;
        }
        Ok(())
    }

    fn required(&self, schema: &'a Map<String, Value>) -> Result<BTreeSet<&'a str>, StrictError> {
        let names = match schema.get("required") {
            None => return Ok(BTreeSet::new()),
            Some(Value::Array(names)) => names.iter().map(Value::as_str).collect(),
            Some(_) => None,
        };
        match names {
            Some(names) => Ok(names),
            None => self.refuse("'required' must be an array of texts."),
        }
    }

    /// Checks that `required` lists exactly the properties.
    fn compare(&self, required: &BTreeSet<&str>, properties: &Map<String, Value>) -> Checked {
        const RULE: &str = "'required' is required to be supplied and to be an array including every \
                            key in properties.";
        if let Some(name) = properties
            .keys()
            .find(|name| !required.contains(name.as_str()))
        {
            return self.refuse(format!("{RULE} Missing '{name}'."));
        }
        match required
            .iter()
            .find(|name| !properties.contains_key(**name))
        {
            Some(name) => self.refuse(format!("{RULE} Extra required key '{name}' supplied.")),
            None => Ok(()),
        }
    }

    fn count(&mut self, properties: usize, characters: usize) -> Checked {
        self.properties += properties;
        self.characters += characters;
        if self.properties > MOST_PROPERTIES {
            return self.refuse(format!(
                "the schema has more than {MOST_PROPERTIES} properties in all."
            ));
        }
        if self.characters > MOST_CHARACTERS {
            let reason =
                format!("names and values have more than {MOST_CHARACTERS} characters in all.");
            return self.refuse(reason);
        }
        Ok(())
    }
}
