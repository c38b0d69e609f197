use serde_json::{Map, Number, Value};

/// Puts together the values that are judged at their end.
#[derive(Debug, Default)]
pub(super) struct Gather {
    /// The open arrays and objects, from the first one that is needed on.
    open: Vec<Value>,
    /// The keys whose values are to come.
    keys: Vec<String>,
}

impl Gather {
    #[inline]
    pub(super) fn is_active(&self) -> bool {
        !self.open.is_empty()
    }

    /// How many arrays and objects are open.
    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    pub(super) fn array(&mut self) {
        self.open.push(Value::Array(Vec::new()));
    }

    pub(super) fn object(&mut self) {
        self.open.push(Value::Object(Map::new()));
    }

    pub(super) fn key(&mut self, key: &str) {
        self.keys.push(key.to_owned());
    }

    /// The array or object that ended; to be [put](Self::put) where it belongs.
    pub(super) fn close(&mut self) -> Value {
        self.open.pop().unwrap_or_default()
    }

    /// A value is complete.
    pub(super) fn put(&mut self, value: Value) {
        match self.open.last_mut() {
            Some(Value::Array(items)) => items.push(value),
            Some(Value::Object(members)) => {
                let key = self.keys.pop().unwrap_or_default();
                members.insert(key, value);
            }
            // The outermost one: nothing asks for it any more.
            _ => {}
        }
    }
}

/// The value of a number that is JSON.
pub(super) fn number(digits: &[u8]) -> Value {
    serde_json::from_slice::<Number>(digits).map_or(Value::Null, Value::Number)
}
