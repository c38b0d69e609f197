use mainstem_core::{Result, Text};
use serde_json::{Value, json};

use crate::builder::config;

/// Where a router can send something.
pub(super) struct Destinations(Vec<Destination>);

struct Destination {
    name: Text,
    /// What it is for; may be empty.
    description: Text,
}

impl Destinations {
    pub(super) fn of<N, D>(destinations: impl IntoIterator<Item = (N, D)>) -> Self
    where
        N: Into<Text>,
        D: Into<Text>,
    {
        let destinations = destinations.into_iter();
        let all = destinations.map(|(name, description)| Destination {
            name: name.into(),
            description: description.into(),
        });
        Self(all.collect())
    }

    /// The words that a schema allows, with their descriptions; none, if it allows anything else.
    pub(super) fn of_schema(schema: &Value) -> Option<Self> {
        let mut all = Vec::new();
        gather(schema, &mut all)?;
        Some(Self(all))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &Text> {
        self.0.iter().map(|destination| &destination.name)
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.0.is_empty() {
            return Err(config("a router needs destinations; declare at least one"));
        }
        for (index, name) in self.names().enumerate() {
            if name.trim().is_empty() {
                return Err(config("a router has a destination without a name"));
            }
            if self.names().take(index).any(|other| other == name) {
                return Err(config(format!("a router has two destinations `{name}`")));
            }
        }
        Ok(())
    }

    /// What the model must answer.
    pub(super) fn schema(&self, is_reasoned: bool) -> Value {
        let names: Vec<_> = self.names().map(Text::as_str).collect();
        let to = json!({"type": "string", "enum": names, "description": "Where it goes."});
        let reason = json!({"type": "string", "description": "Why, in one sentence."});
        let (properties, required) = match is_reasoned {
            true => (json!({"reason": reason, "to": to}), json!(["reason", "to"])),
            false => (json!({"to": to}), json!(["to"])),
        };
        json!({
            "title": "Route",
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        })
    }

    /// What the model is told of them.
    pub(super) fn in_words(&self) -> String {
        let mut words =
            "Don't answer the input: say where it goes. The destinations are:".to_owned();
        for Destination { name, description } in &self.0 {
            words.push_str("\n- ");
            words.push_str(name);
            if !description.is_empty() {
                words.push_str(": ");
                words.push_str(description);
            }
        }
        words
    }
}

/// The words that an output of a schema is one of; empty, if it may be anything else.
pub(crate) fn words_of(schema: &Value) -> Vec<Text> {
    let found = Destinations::of_schema(schema);
    found.map_or_else(Vec::new, |all| all.names().cloned().collect())
}

/// Gathers the words that a schema allows; none, if it allows anything else.
fn gather(schema: &Value, all: &mut Vec<Destination>) -> Option<()> {
    let description = schema.get("description").and_then(Value::as_str);
    let mut add = |word: &Value, description: Option<&str>| {
        all.push(Destination {
            name: word.as_str()?.into(),
            description: description.unwrap_or_default().into(),
        });
        Some(())
    };
    if let Some(word) = schema.get("const") {
        return add(word, description);
    }
    if let Some(words) = schema.get("enum") {
        let words = words.as_array()?;
        // The comment on an enum is about none of its words; that on a single one may be.
        let description = description.filter(|_| words.len() == 1);
        return words.iter().try_for_each(|word| add(word, description));
    }
    let either = schema.get("oneOf").or_else(|| schema.get("anyOf"))?;
    let mut either = either.as_array()?.iter();
    either.try_for_each(|schema| gather(schema, all))
}

#[cfg(test)]
mod tests {
    use schemars::{JsonSchema, schema_for};

    use super::*;

    #[derive(JsonSchema)]
    #[allow(dead_code)] // its schema is what counts
    #[schemars(rename_all = "snake_case")]
    /// Not about any of them.
    enum Desk {
        /// Invoices.
        Billing,
        Tech,
        Sales,
    }

    #[derive(JsonSchema)]
    #[allow(dead_code)] // its schema is what counts
    enum Wide {
        None,
        Some(u8),
    }

    fn declared<T: JsonSchema>() -> Option<Vec<(String, String)>> {
        let all = Destinations::of_schema(&schema_for!(T).to_value())?;
        let pair = |one: &Destination| (one.name.to_string(), one.description.to_string());
        Some(all.0.iter().map(pair).collect())
    }

    #[test]
    fn the_variants_of_an_enum_are_destinations_with_their_comments() {
        let mut found = declared::<Desk>().unwrap();
        found.sort();
        let pair = |name: &str, what: &str| (name.to_owned(), what.to_owned());
        let expected = [
            pair("billing", "Invoices."),
            pair("sales", ""),
            pair("tech", ""),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_may_be_something_else_has_no_words() {
        assert!(declared::<String>().is_none());
        assert!(declared::<Wide>().is_none());
        assert!(declared::<Option<Desk>>().is_none());
        assert!(declared::<u8>().is_none());
    }
}
