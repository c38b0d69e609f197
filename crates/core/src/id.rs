use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Text;

/// The name of one run.
///
/// [`RunId::new`] draws 122 random bits (a version 4 UUID), so that it can't be guessed; an
/// application may also give a name of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(Text);

impl RunId {
    /// A new name that nobody can guess.
    ///
    /// ```
    /// use mainstem_core::RunId;
    /// assert_ne!(RunId::new(), RunId::new());
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

impl From<&str> for RunId {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl From<String> for RunId {
    fn from(name: String) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
