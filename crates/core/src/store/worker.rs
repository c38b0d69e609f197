use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Text;

/// The name of one worker: whoever writes the logs of runs, such as one process of several that share a
/// store.
///
/// A worker has a [lease](crate::Store::lease), and renews it. As long as it is good, nobody else can
/// [claim](crate::Store::claim) the worker's runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkerId(Text);

impl WorkerId {
    /// A new name, which no other worker has.
    ///
    /// ```
    /// use mainstem_core::WorkerId;
    /// assert_ne!(WorkerId::new(), WorkerId::new());
    /// ```
    #[allow(clippy::new_without_default)] // each call gives another one
    pub fn new() -> Self {
        Self(uuid::Uuid::new_v4().simple().to_string().into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for WorkerId {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
