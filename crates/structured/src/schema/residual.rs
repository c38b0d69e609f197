//! What isn't judged byte by byte, but by the `jsonschema` crate once the value is complete.

#[cfg(feature = "jsonschema")]
pub(crate) use judged::Residual;
#[cfg(not(feature = "jsonschema"))]
pub(crate) use refused::Residual;

#[cfg(feature = "jsonschema")]
mod judged {
    use std::{fmt, sync::Arc};

    use jsonschema::Validator;
    use serde_json::Value;

    use crate::kind::Kinds;

    /// A keyword, or several, for values of some kinds.
    #[derive(Clone)]
    pub(crate) struct Residual {
        kinds: Kinds,
        keyword: &'static str,
        expected: String,
        validator: Arc<Validator>,
    }

    impl Residual {
        pub(crate) fn new(
            kinds: Kinds,
            keyword: &'static str,
            expected: impl Into<String>,
            validator: Arc<Validator>,
        ) -> Self {
            Self {
                kinds,
                keyword,
                expected: expected.into(),
                validator,
            }
        }

        pub(crate) fn kinds(&self) -> Kinds {
            self.kinds
        }

        pub(crate) fn keyword(&self) -> &'static str {
            self.keyword
        }

        pub(crate) fn expected(&self) -> &str {
            &self.expected
        }

        pub(crate) fn fits(&self, value: &Value) -> bool {
            self.validator.is_valid(value)
        }
    }

    impl fmt::Debug for Residual {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_tuple("Residual").field(&self.keyword).finish()
        }
    }
}

#[cfg(not(feature = "jsonschema"))]
mod refused {
    use serde_json::Value;

    use crate::kind::Kinds;

    /// There is none: a schema that needs it is refused.
    #[derive(Clone, Debug)]
    pub(crate) enum Residual {}

    impl Residual {
        pub(crate) fn kinds(&self) -> Kinds {
            match *self {}
        }

        pub(crate) fn keyword(&self) -> &'static str {
            match *self {}
        }

        pub(crate) fn expected(&self) -> &str {
            match *self {}
        }

        pub(crate) fn fits(&self, _: &Value) -> bool {
            match *self {}
        }
    }
}
