//! Schemas, and what is made of them before a document comes.

mod compile;
pub(crate) mod node;
pub(crate) mod pattern;
mod plan;
pub(crate) mod residual;
mod resolve;
mod support;

use std::{fmt, sync::Arc};

use schemars::JsonSchema;
use serde_json::Value;

pub(crate) use self::compile::join;
use self::{compile::compile, node::Program, support::Support};
use crate::{
    Checker, Judge, Root,
    kind::{Kind, Kinds},
};

/// A JSON schema, compiled once and shared.
///
/// Draft 2020-12, as schemars derives it. Cheap to clone.
#[derive(Clone)]
pub struct Schema(Arc<Compiled>);

struct Compiled {
    value: Value,
    program: Program,
}

/// How a schema is read; made by [`Schema::options`].
///
/// ```
/// use mainstem_structured::Schema;
///
/// let day = serde_json::json!({"type": "string", "format": "date"});
/// let schema = Schema::options().check_formats(true).from_value(day)?;
/// # #[cfg(feature = "jsonschema")]
/// assert!(schema.checker().feed(b"\"tomorrow\"").is_err());
/// # Ok::<(), mainstem_structured::SchemaError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SchemaOptions {
    formats: bool,
}

impl SchemaOptions {
    /// Asserts `format`; off by default, as draft 2020-12 has it.
    ///
    /// Formats are checked by the `jsonschema` crate; without that feature they never are.
    #[must_use]
    pub fn check_formats(mut self, yes: bool) -> Self {
        self.formats = yes;
        self
    }

    /// The schema of a type; see [`Schema::of`].
    ///
    /// # Errors
    ///
    /// As for [`Schema::of`].
    pub fn of<T: JsonSchema + ?Sized>(self) -> Result<Schema, SchemaError> {
        let generator = schemars::generate::SchemaSettings::draft2020_12().into_generator();
        self.from_value(generator.into_root_schema_for::<T>().to_value())
    }

    /// A schema given as JSON; see [`Schema::from_value`].
    ///
    /// # Errors
    ///
    /// As for [`Schema::from_value`].
    // Not a conversion of `self`.
    #[allow(clippy::wrong_self_convention)]
    pub fn from_value(self, value: Value) -> Result<Schema, SchemaError> {
        if !(value.is_object() || value.is_boolean()) {
            return Err(SchemaError {
                message: "a JSON schema is an object or a boolean".to_owned(),
            });
        }
        let program = program(&value, self.formats)?;
        Ok(Schema(Arc::new(Compiled { value, program })))
    }
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
        SchemaOptions::default().of::<T>()
    }

    /// A schema given as JSON.
    ///
    /// # Errors
    ///
    /// [`SchemaError`], if it isn't an object or a boolean, or can't be compiled (a `$ref` that
    /// leads outside of the document among the reasons: nothing is fetched).
    pub fn from_value(value: Value) -> Result<Self, SchemaError> {
        SchemaOptions::default().from_value(value)
    }

    /// The schema that fits every document: only the syntax counts.
    pub fn any() -> Self {
        Self::from_value(Value::Bool(true)).unwrap_or_else(|_| unreachable!("`true` is a schema"))
    }

    /// Options for reading a schema.
    pub fn options() -> SchemaOptions {
        SchemaOptions::default()
    }

    /// The schema as JSON.
    pub fn as_value(&self) -> &Value {
        &self.0.value
    }

    /// The schema's title, which schemars sets to the type's name.
    pub fn title(&self) -> Option<&str> {
        self.0.value.get("title").and_then(Value::as_str)
    }

    /// What its documents begin with.
    pub(crate) fn root(&self) -> Root {
        let program = &self.0.program;
        let kinds = program.node(program.root).kinds;
        let containers = Kinds::of(Kind::Object).or(Kinds::of(Kind::Array));
        if kinds.and(containers) != kinds {
            Root::Any
        } else if !kinds.has(Kind::Array) {
            Root::Object
        } else if !kinds.has(Kind::Object) {
            Root::Array
        } else {
            Root::Container
        }
    }

    /// A judge of one document, which keeps none of its text.
    pub fn judge(&self) -> Judge {
        Judge::new(self.clone())
    }

    /// A checker for one document.
    pub fn checker(&self) -> Checker {
        Checker::new(self.clone())
    }

    #[inline]
    pub(crate) fn program(&self) -> &Program {
        &self.0.program
    }
}

#[cfg(feature = "jsonschema")]
fn program(value: &Value, formats: bool) -> Result<Program, SchemaError> {
    // It checks the schema, too, against the schema of schemas.
    let whole = support::options(formats)
        .build(value)
        .map_err(|error| SchemaError {
            message: error.to_string(),
        })?;
    let support = Support::new(value, formats);
    let compiled = resolve::with_scope(value, |scope| compile(value, &scope, support));
    let mut program = match compiled {
        Ok(Ok(program)) => program,
        // What only the crate understands is left to it: a schema that refers to itself in place, say.
        Ok(Err(_)) | Err(_) => Program::whole(whole)?,
    };
    program.holds_strings = program.judges_in_context() && compile::lists_values(value);
    Ok(program)
}

#[cfg(not(feature = "jsonschema"))]
fn program(value: &Value, formats: bool) -> Result<Program, SchemaError> {
    let scope = resolve::Scope { root: value };
    compile(value, &scope, Support::new(value, formats)).map_err(|trouble| SchemaError {
        message: trouble.to_string(),
    })
}

#[cfg(feature = "jsonschema")]
impl Program {
    /// Whether values are judged at their end by schemas that aren't looked into here.
    fn judges_in_context(&self) -> bool {
        let alone = ["uniqueItems", "multipleOf", "format", "enum", "const"];
        let residuals = self.nodes.iter().flat_map(|node| &node.residuals);
        self.is_whole
            || residuals
                .into_iter()
                .any(|one| !alone.contains(&one.keyword()))
    }

    /// Judges a document at its end.
    fn whole(validator: jsonschema::Validator) -> Result<Self, SchemaError> {
        let expected = "a document that fits the schema";
        let mut root = node::Node::new(String::new());
        let kinds = crate::kind::Kinds::ALL;
        let residual = residual::Residual::new(kinds, "", expected, Arc::new(validator));
        root.residuals.push(residual);
        root.asserts = true;
        Self::of(root).map_err(|trouble| SchemaError {
            message: trouble.to_string(),
        })
    }
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
    fn nothing_is_fetched() {
        let remote = serde_json::json!({"$ref": "https://example.com/schema.json"});
        assert!(Schema::from_value(remote).is_err());
    }

    #[cfg(feature = "jsonschema")]
    #[test]
    fn what_only_the_crate_understands_is_judged_at_the_end() {
        for schema in [
            serde_json::json!({"$ref": "#", "type": "object"}),
            serde_json::json!({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}),
        ] {
            let schema = Schema::from_value(schema).unwrap();
            let mut judge = schema.judge();
            judge.feed(b"[{}").unwrap();
            assert_eq!(judge.feed(b"]").unwrap_err().offset, 3);
            assert!(schema.judge().feed(b"{\"a\": [1]}").is_ok());
        }
    }

    #[cfg(not(feature = "jsonschema"))]
    #[test]
    fn what_needs_the_feature_is_refused() {
        for schema in [
            serde_json::json!({"uniqueItems": true}),
            serde_json::json!({"properties": {"a": {"pattern": "^a"}}}),
            serde_json::json!({"const": [1]}),
        ] {
            let error = Schema::from_value(schema).unwrap_err().to_string();
            assert!(error.contains("needs the feature `jsonschema`"), "{error}");
        }
        assert!(Schema::from_value(serde_json::json!({"uniqueItems": false})).is_ok());
    }
}
