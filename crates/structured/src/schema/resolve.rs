//! Where a `$ref` leads to. Nothing is ever fetched.

#[cfg(not(feature = "jsonschema"))]
pub(super) use local::Scope;
#[cfg(feature = "jsonschema")]
pub(super) use registry::{Scope, with_scope};

#[cfg(feature = "jsonschema")]
mod registry {
    use jsonschema::{Draft, Registry, uri};
    use referencing::{Resolver, ResourceRef};
    use serde_json::Value;

    /// How references are read at some place of the schema.
    #[derive(Clone)]
    pub(in super::super) struct Scope<'r>(Resolver<'r>);

    /// Runs something with the scope of a document's root.
    pub(in super::super) fn with_scope<T>(
        root: &Value,
        then: impl FnOnce(Scope<'_>) -> T,
    ) -> Result<T, String> {
        let id = root.get("$id").and_then(Value::as_str).unwrap_or_default();
        let base = uri::from_str(id).map_err(|error| error.to_string())?;
        let registry = Registry::new()
            .add(base.as_str(), root)
            .and_then(|registry| registry.draft(Draft::Draft202012).prepare())
            .map_err(|error| error.to_string())?;
        Ok(then(Scope(registry.resolver(base))))
    }

    impl<'r> Scope<'r> {
        /// The scope within a schema, which may have an `$id` of its own.
        pub(in super::super) fn within(&self, schema: &Value) -> Result<Self, String> {
            self.0
                .in_subresource(ResourceRef::new(schema, Draft::Draft202012))
                .map(Self)
                .map_err(|error| error.to_string())
        }

        /// The schema that a reference means, and its scope.
        pub(in super::super) fn find(&self, reference: &str) -> Result<(&'r Value, Self), String> {
            let found = self
                .0
                .lookup(reference)
                .map_err(|error| error.to_string())?;
            let (contents, resolver, draft) = found.into_inner();
            match draft {
                Draft::Draft202012 => Ok((contents, Self(resolver))),
                _ => Err(format!("`{reference}` is a schema of another draft")),
            }
        }

        /// What a `$dynamicRef` depends on: the documents entered, the outermost first.
        pub(in super::super) fn entered(&self) -> Vec<String> {
            let mut all: Vec<String> = self
                .0
                .dynamic_scope()
                .iter()
                .map(|uri| uri.as_str().to_owned())
                .collect();
            all.reverse();
            let mut seen = Vec::new();
            for uri in all {
                if !seen.contains(&uri) {
                    seen.push(uri);
                }
            }
            seen.push(self.0.base_uri().as_str().to_owned());
            seen
        }
    }
}

#[cfg(not(feature = "jsonschema"))]
mod local {
    use serde_json::Value;

    /// How references are read: as JSON pointers into the document.
    #[derive(Clone)]
    pub(in super::super) struct Scope<'r> {
        pub(in super::super) root: &'r Value,
    }

    impl<'r> Scope<'r> {
        pub(in super::super) fn within(&self, schema: &Value) -> Result<Self, String> {
            if schema.get("$id").is_some() && !std::ptr::eq(schema, self.root) {
                return Err("an `$id` below the root needs the feature `jsonschema`".to_owned());
            }
            Ok(self.clone())
        }

        pub(in super::super) fn find(&self, reference: &str) -> Result<(&'r Value, Self), String> {
            let pointer = reference
                .strip_prefix('#')
                .filter(|pointer| pointer.is_empty() || pointer.starts_with('/'));
            let Some(pointer) = pointer else {
                return Err(format!(
                    "`{reference}` is no JSON pointer into the schema: it needs the feature \
                     `jsonschema`"
                ));
            };
            match self.root.pointer(pointer) {
                Some(found) => Ok((found, self.clone())),
                None => Err(format!("`{reference}` leads nowhere")),
            }
        }

        pub(in super::super) fn entered(&self) -> Vec<String> {
            Vec::new()
        }
    }
}
