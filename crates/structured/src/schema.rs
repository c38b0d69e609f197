use std::{fmt, sync::Arc};

use schemars::JsonSchema;
use serde_json::Value;

use crate::{Checker, Violation};

/// A JSON schema, compiled once and shared.
///
/// Draft 2020-12, as schemars derives it. Cheap to clone.
#[derive(Clone)]
pub struct Schema(Arc<Compiled>);

struct Compiled {
    value: Value,
    #[cfg(feature = "jsonschema")]
    validator: jsonschema::Validator,
}

impl Schema {
    /// The schema of a type.
    ///
    /// # Errors
    ///
    /// [`SchemaError`], if the type's own `JsonSchema` makes a schema that can't be compiled.
    ///
    /// ```
    /// let schema = mainstem_structured::Schema::of::<Vec<u8>>()?;
    /// assert_eq!(schema.as_value()["type"], "array");
    /// # Ok::<(), mainstem_structured::SchemaError>(())
    /// ```
    pub fn of<T: JsonSchema + ?Sized>() -> Result<Self, SchemaError> {
        let generator = schemars::generate::SchemaSettings::draft2020_12().into_generator();
        Self::from_value(generator.into_root_schema_for::<T>().to_value())
    }

    /// A schema given as JSON.
    ///
    /// # Errors
    ///
    /// [`SchemaError`], if it isn't an object or a boolean, or can't be compiled (a `$ref` that
    /// leads outside of the document among the reasons: nothing is fetched; and a `pattern` with
    /// look-around or back-references: patterns are matched in linear time).
    pub fn from_value(value: Value) -> Result<Self, SchemaError> {
        if !(value.is_object() || value.is_boolean()) {
            return Err(SchemaError {
                message: "a JSON schema is an object or a boolean".to_owned(),
            });
        }
        Ok(Self(Arc::new(Compiled {
            #[cfg(feature = "jsonschema")]
            validator: compile(&value)?,
            value,
        })))
    }

    /// The schema that fits every document: only the syntax counts.
    pub fn any() -> Self {
        Self::from_value(Value::Bool(true)).unwrap_or_else(|_| unreachable!("`true` is a schema"))
    }

    /// The schema as JSON.
    pub fn as_value(&self) -> &Value {
        &self.0.value
    }

    /// The schema's title, which schemars sets to the type's name.
    pub fn title(&self) -> Option<&str> {
        self.0.value.get("title").and_then(Value::as_str)
    }

    /// Whether documents are judged by the schema, not by their syntax alone.
    ///
    /// True with the feature `jsonschema`.
    pub const fn judges() -> bool {
        cfg!(feature = "jsonschema")
    }

    /// A checker for one document.
    pub fn checker(&self) -> Checker {
        Checker::new(self.clone())
    }

    #[cfg(feature = "jsonschema")]
    pub(crate) fn judge(&self, document: &Value) -> Result<(), Violation> {
        self.0
            .validator
            .validate(document)
            .map_err(|error| Violation {
                // The masked text names the rule without the value.
                expected: format!("a valid document: {}", error.masked()),
                pointer: error.instance_path().to_string(),
                schema_pointer: error.schema_path().to_string(),
                offset: 0,
            })
    }

    #[cfg(not(feature = "jsonschema"))]
    #[allow(clippy::unused_self, clippy::unnecessary_wraps)]
    pub(crate) fn judge(&self, _document: &Value) -> Result<(), Violation> {
        Ok(())
    }
}

#[cfg(feature = "jsonschema")]
fn compile(value: &Value) -> Result<jsonschema::Validator, SchemaError> {
    jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        // Linear in the text: a pattern that backtracks could hang on an output of its liking.
        .with_pattern_options(jsonschema::PatternOptions::regex())
        .build(value)
        .map_err(|error| SchemaError {
            message: match error.kind() {
                jsonschema::error::ValidationErrorKind::Format { format } if format == "regex" => {
                    format!("{error} (look-around and back-references aren't known)")
                }
                _ => error.to_string(),
            },
        })
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Schema").field(&self.0.value).finish()
    }
}

impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        self.0.value == other.0.value
    }
}

/// A schema that can't be compiled.
#[derive(Debug)]
pub struct SchemaError {
    message: String,
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the JSON schema can't be used: {}", self.message)
    }
}

impl std::error::Error for SchemaError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_no_schema() {
        let error = Schema::from_value(serde_json::json!(3)).unwrap_err();
        assert!(error.to_string().contains("an object or a boolean"));
    }

    #[cfg(feature = "jsonschema")]
    #[test]
    fn patterns_take_linear_time() {
        let schema = serde_json::json!({"type": "string", "pattern": "^(a|a)*$"});
        let schema = Schema::from_value(schema).unwrap();
        let begin = std::time::Instant::now();
        assert!(schema.judge(&"a".repeat(50_000).into()).is_ok());
        let nearly = "a".repeat(50_000) + "b";
        assert!(schema.judge(&nearly.into()).is_err());
        assert!(begin.elapsed().as_secs() < 20, "it backtracks");
        let look_around = serde_json::json!({"type": "string", "pattern": "^(?=a)"});
        let error = Schema::from_value(look_around).unwrap_err();
        assert!(error.to_string().contains("look-around"), "{error}");
    }

    #[cfg(feature = "jsonschema")]
    #[test]
    fn nothing_is_fetched() {
        let remote = serde_json::json!({"$ref": "https://example.com/schema.json"});
        assert!(Schema::from_value(remote).is_err());
    }
}
