//! The verdict of `serde_json` and the `jsonschema` crate.

use jsonschema::Validator;
use serde_json::Value;

pub(crate) struct Oracle(Validator);

impl Oracle {
    /// Without network, as we are.
    pub(crate) fn new(schema: &Value, formats: bool) -> Result<Self, String> {
        let mut options = jsonschema::options().offline();
        if formats {
            options = options.should_validate_formats(true);
        }
        let validator = options.build(schema);
        validator.map(Self).map_err(|error| error.to_string())
    }

    pub(crate) fn fits(&self, document: &Value) -> bool {
        self.0.is_valid(document)
    }
}
