//! What OpenAI's strict structured outputs refuse.
//!
//! [`check`] looks at a schema by the published rules. The server does so for
//! `response_format` and for the parameters of tools, where they say
//! `"strict": true`, and answers 400 with the message.
//!
//! The rules, as they stand in this module:
//!
//! - The root is an object and not an `anyOf`.
//! - Every object says `additionalProperties: false` and lists all properties in
//!   `required`; an optional field is one that may be `null`.
//! - Only the keywords that are documented as supported may stand in a schema.
//! - `format` is one of the documented formats.
//! - A `$ref` stays in the document, leads somewhere, and has no neighbour but
//!   `description`.
//! - At most 10 objects and arrays inside each other, 5,000 properties, 1,000 values
//!   of enums, 120,000 characters of names and values, and 15,000 characters in an
//!   enum of more than 250 texts.

mod request;
mod schema;

use std::error::Error;
use std::fmt;

use serde_json::Value;

pub(crate) use request::{check_format, check_function, check_request};

/// The reason for which a schema is refused, and the place of it.
///
/// ```
/// use mainstem_testkit::strict;
/// use serde_json::json;
///
/// let schema = json!({"type": "object", "properties": {"a": {"type": "object"}}});
/// let error = strict::check(&schema).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "In context=(), 'additionalProperties' is required to be supplied and to be false.",
/// );
/// assert!(error.context().is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrictError {
    context: Vec<String>,
    reason: String,
}

impl StrictError {
    /// Returns the keys that lead from the root to the schema at fault.
    #[must_use]
    pub fn context(&self) -> &[String] {
        &self.context
    }

    /// Returns the reason without the place.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for StrictError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("In context=(")?;
        for (index, key) in self.context.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            let comma = if index + 1 < self.context.len() || index == 0 {
                ","
            } else {
                ""
            };
            write!(f, "{space}'{key}'{comma}")?;
        }
        write!(f, "), {}", self.reason)
    }
}

impl Error for StrictError {}

/// Checks a schema by the rules of strict mode.
///
/// # Errors
///
/// When strict mode refuses the schema.
///
/// ```
/// use mainstem_testkit::strict;
/// use serde_json::json;
///
/// let schema = json!({
///     "type": "object",
///     "properties": {"age": {"type": ["integer", "null"], "minimum": 0}},
///     "required": ["age"],
///     "additionalProperties": false,
/// });
/// assert!(strict::check(&schema).is_ok());
/// ```
pub fn check(schema: &Value) -> Result<(), StrictError> {
    schema::check(schema)
}
