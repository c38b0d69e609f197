use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::reduce::{Function, Reduce, Typed};

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
    function: Option<KeyFunction<T>>,
}

/// A function that reduces, and how to forget its type.
struct KeyFunction<T> {
    function: Function<T>,
    erase: fn(Function<T>) -> Arc<dyn Reduce>,
}

/// What happens to a value that several wrote: branches, or the context itself since the fork.
///
/// [`Context::merge`](crate::Context::merge) has the rules in full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Merge {
    /// The last one's stays, in branch order; the context itself comes first.
    Replace,
    /// Lists are joined: what was there before, then what each added, in branch order.
    ///
    /// The merge fails if one of them did anything else than add to the list.
    Append,
    /// A function makes one value of them, two at a time: see [`Key::reduced_by`].
    Reduce,
    /// The merge fails and names two of them; the default.
    ///
    /// A rule of a newer version is read as this one.
    #[default]
    #[serde(other)]
    Refuse,
}

impl<T> Key<T> {
    /// A value's name; branches that both write it are a conflict.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            merge: Merge::Refuse,
            function: None,
        }
    }

    /// The same, with another rule for branches.
    ///
    /// # Panics
    ///
    /// For [`Merge::Reduce`], which has a function: use [`reduced_by`](Self::reduced_by). As a
    /// constant, such a key doesn't compile.
    #[must_use]
    pub const fn merged_by(self, merge: Merge) -> Self {
        assert!(
            !matches!(merge, Merge::Reduce),
            "a key with the rule `Reduce` is made by `Key::reduced_by`"
        );
        Self {
            name: self.name,
            merge,
            function: None,
        }
    }

    /// The name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The rule for branches.
    pub const fn merge(&self) -> Merge {
        self.merge
    }

    pub(super) fn function(&self) -> Option<Arc<dyn Reduce>> {
        let it = self.function.as_ref()?;
        Some((it.erase)(it.function))
    }
}

impl<T: Serialize + DeserializeOwned + 'static> Key<T> {
    /// The same, with a function that makes one value of those that several wrote.
    ///
    /// It gets the value as it was at the branch's fork (none, if there was none), the value so far,
    /// and the branch's. The value so far is what the context itself wrote since the fork, or else
    /// the first branch's; then the function is called for each branch that wrote it, in branch
    /// order. If only one wrote it, its value is taken, and the function isn't called.
    ///
    /// A branch begins with the value as of its fork. So what it has at its end holds what was there
    /// before: a sum must take that out again, a maximum needn't.
    ///
    /// The function should give the same for the same values, mustn't use the context, which is
    /// locked while it is called, and all keys of a name should have the same one; a constant is the
    /// best place for a key. In a run with a store the key must be [declared].
    ///
    /// [declared]: crate::Context::declare
    ///
    /// ```
    /// use mainstem_core::{Context, Key};
    ///
    /// const VOTES: Key<u32> =
    ///     Key::new("votes").reduced_by(|before, so_far, branch| so_far + branch - before.unwrap_or(0));
    /// const BEST: Key<u32> = Key::new("best").reduced_by(|_, so_far, branch| so_far.max(branch));
    ///
    /// let ctx = Context::new();
    /// ctx.set(&VOTES, &10)?;
    /// let (left, right) = (ctx.fork("left"), ctx.fork("right"));
    /// left.set(&VOTES, &11)?;
    /// left.set(&BEST, &70)?;
    /// right.set(&VOTES, &12)?;
    /// right.set(&BEST, &90)?;
    /// ctx.merge([&left, &right])?;
    /// assert_eq!(ctx.get(&VOTES)?, Some(13));
    /// assert_eq!(ctx.get(&BEST)?, Some(90));
    /// # Ok::<(), mainstem_core::Error>(())
    /// ```
    #[must_use]
    pub const fn reduced_by(self, function: fn(Option<T>, T, T) -> T) -> Self {
        Self {
            name: self.name,
            merge: Merge::Reduce,
            function: Some(KeyFunction {
                function,
                erase: Typed::erase,
            }),
        }
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
