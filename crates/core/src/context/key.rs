use std::{fmt, marker::PhantomData};

/// The name and type of a shared value in a [`Context`](crate::Context).
///
/// ```
/// use mainstem_core::{Key, Merge};
///
/// const FACTS: Key<Vec<String>> = Key::new("facts").merged_by(Merge::Append);
/// assert_eq!(FACTS.name(), "facts");
/// ```
pub struct Key<T> {
    name: &'static str,
    merge: Merge,
    _type: PhantomData<fn() -> T>,
}

/// What happens to a value that several wrote: branches, or the context itself since the fork.
///
/// [`Context::merge`](crate::Context::merge) has the rules in full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Merge {
    /// The merge fails and names two of them; the default.
    #[default]
    Refuse,
    /// The last one's stays, in branch order; the context itself comes first.
    Replace,
    /// Lists are joined: what was there before, then what each added, in branch order.
    ///
    /// The merge fails if one of them did anything else than add to the list.
    Append,
}

impl<T> Key<T> {
    /// A value's name; branches that both write it are a conflict.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            merge: Merge::Refuse,
            _type: PhantomData,
        }
    }

    /// The same, with another rule for branches.
    #[must_use]
    pub const fn merged_by(self, merge: Merge) -> Self {
        Self { merge, ..self }
    }

    /// The name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The rule for branches.
    pub const fn merge(&self) -> Merge {
        self.merge
    }
}

impl<T> fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("name", &self.name)
            .field("merge", &self.merge)
            .finish()
    }
}
