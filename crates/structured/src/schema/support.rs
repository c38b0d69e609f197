//! What the `jsonschema` crate is asked for; without it, a schema that needs it is refused.

#[cfg(feature = "jsonschema")]
pub(super) use judged::{Support, options};
#[cfg(not(feature = "jsonschema"))]
pub(super) use refused::Support;

#[cfg(feature = "jsonschema")]
mod judged {
    use std::{cell::OnceCell, sync::Arc};

    use jsonschema::{ValidationOptions, Validator, ValidatorMap};
    use serde_json::{Map, Value, json};

    use super::super::{compile::Trouble, node::Node, pattern::Pattern, residual::Residual};
    use crate::kind::{Kind, Kinds};

    /// How documents are judged: as `jsonschema` does by default, without network.
    pub(in super::super) fn options<'a>(formats: bool) -> ValidationOptions<'a> {
        let options = jsonschema::options().offline();
        match formats {
            true => options.should_validate_formats(true),
            false => options,
        }
    }

    pub(in super::super) struct Support<'r> {
        root: &'r Value,
        formats: bool,
        /// The validators of all schemas of the document, by pointer.
        map: OnceCell<Option<ValidatorMap>>,
    }

    impl<'r> Support<'r> {
        pub(in super::super) fn new(root: &'r Value, formats: bool) -> Self {
            Self {
                root,
                formats,
                map: OnceCell::new(),
            }
        }

        pub(in super::super) fn pattern(&self, source: &str) -> Result<Pattern, String> {
            let whole = self.validator(&json!({"pattern": source}))?;
            Ok(Pattern::new(source, whole))
        }

        fn validator(&self, schema: &Value) -> Result<Validator, String> {
            let built = options(self.formats).build(schema);
            built.map_err(|error| error.to_string())
        }

        /// What a schema says beyond what the engine can tell.
        pub(in super::super) fn residuals(
            &self,
            node: &mut Node,
            keywords: &Map<String, Value>,
        ) -> Result<(), Trouble> {
            if keywords.get("uniqueItems") == Some(&Value::Bool(true)) {
                let expected = "items that differ from each other";
                self.alone(node, "uniqueItems", keywords, Kind::Array, expected)?;
            }
            if let Some(divisor) = keywords.get("multipleOf") {
                let expected = format!("a multiple of {divisor}");
                self.alone(node, "multipleOf", keywords, Kind::Number, &expected)?;
            }
            if let Some(format) = keywords.get("format").filter(|_| self.formats) {
                let expected = format!("a string of the format {format}");
                self.alone(node, "format", keywords, Kind::String, &expected)?;
            }
            for (keyword, kind, expected) in [
                (
                    "unevaluatedItems",
                    Kind::Array,
                    "no items besides those of the schema",
                ),
                (
                    "unevaluatedProperties",
                    Kind::Object,
                    "no properties besides those of the schema",
                ),
                (
                    "dependencies",
                    Kind::Object,
                    "what other properties ask for",
                ),
            ] {
                let says_nothing = [None, Some(&Value::Bool(true))];
                if !says_nothing.contains(&keywords.get(keyword)) {
                    self.in_context(node, keyword, kind, expected)?;
                }
            }
            Ok(())
        }

        /// A keyword that can be judged without those beside it.
        fn alone(
            &self,
            node: &mut Node,
            keyword: &'static str,
            keywords: &Map<String, Value>,
            kind: Kind,
            expected: &str,
        ) -> Result<(), Trouble> {
            let schema = json!({keyword: keywords[keyword]});
            let validator = self.validator(&schema).map_err(Trouble::Refused)?;
            let kinds = Kinds::of(kind);
            let residual = Residual::new(kinds, keyword, expected, Arc::new(validator));
            node.residuals.push(residual);
            Ok(())
        }

        /// A keyword that depends on those beside it: the whole schema is judged.
        fn in_context(
            &self,
            node: &mut Node,
            keyword: &'static str,
            kind: Kind,
            expected: &str,
        ) -> Result<(), Trouble> {
            let build = || options(self.formats).build_map(self.root).ok();
            let map = self.map.get_or_init(build);
            let pointer = format!("#{}", node.pointer);
            let validator = map.as_ref().and_then(|map| map.get(&pointer));
            let Some(validator) = validator else {
                return Err(Trouble::Whole);
            };
            let kinds = Kinds::of(kind);
            let validator = Arc::new(validator.clone());
            let residual = Residual::new(kinds, keyword, expected, validator);
            node.residuals.push(residual);
            Ok(())
        }

        /// `enum` or `const` with arrays or objects.
        pub(in super::super) fn values(
            &self,
            node: &mut Node,
            keyword: &'static str,
            values: &[Value],
            kinds: Kinds,
        ) -> Result<(), Trouble> {
            let validator = self
                .validator(&json!({"enum": values}))
                .map_err(Trouble::Refused)?;
            let expected = format!("{} that `{keyword}` lists", kinds.phrase());
            let residual = Residual::new(kinds, keyword, expected, Arc::new(validator));
            node.residuals.push(residual);
            Ok(())
        }
    }
}

#[cfg(not(feature = "jsonschema"))]
mod refused {
    use std::marker::PhantomData;

    use serde_json::{Map, Value};

    use super::super::{compile::Trouble, node::Node, pattern::Pattern};
    use crate::kind::Kinds;

    pub(in super::super) struct Support<'r>(PhantomData<&'r Value>);

    impl<'r> Support<'r> {
        pub(in super::super) fn new(_root: &'r Value, _formats: bool) -> Self {
            Self(PhantomData)
        }

        pub(in super::super) fn pattern(&self, _: &str) -> Result<Pattern, String> {
            Err(needed("a pattern"))
        }

        pub(in super::super) fn residuals(
            &self,
            node: &mut Node,
            keywords: &Map<String, Value>,
        ) -> Result<(), Trouble> {
            for keyword in [
                "uniqueItems",
                "multipleOf",
                "unevaluatedItems",
                "unevaluatedProperties",
                "dependencies",
            ] {
                let says_nothing = [None, Some(&Value::Bool(keyword != "uniqueItems"))];
                let says_nothing = says_nothing.contains(&keywords.get(keyword))
                    || keywords.get(keyword) == Some(&Value::Bool(false))
                        && keyword == "uniqueItems";
                if !says_nothing {
                    return Err(refuse(node, &format!("`{keyword}`")));
                }
            }
            Ok(())
        }

        pub(in super::super) fn values(
            &self,
            node: &mut Node,
            keyword: &'static str,
            _: &[Value],
            _: Kinds,
        ) -> Result<(), Trouble> {
            Err(refuse(
                node,
                &format!("`{keyword}` with an array or an object"),
            ))
        }
    }

    fn needed(what: &str) -> String {
        format!("{what} needs the feature `jsonschema`")
    }

    fn refuse(node: &Node, what: &str) -> Trouble {
        Trouble::Refused(format!("at {}: {}", node.pointer, needed(what)))
    }
}
