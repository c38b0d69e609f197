use std::fmt;

/// A function and what it needs; made by [`with`].
#[derive(Clone)]
pub struct With<D, F> {
    pub(crate) value: D,
    pub(crate) function: F,
}

/// Hands a function what it needs: a database, a client, settings.
///
/// The function gets a clone of it before the input, at each call: `Arc` what is costly to clone. With
/// it async closures do without capturing, which they can't in a step or a tool.
///
/// ```
/// use std::sync::Arc;
///
/// use mainstem_core::function::{Function, with};
///
/// let birds = Arc::new(vec!["jay", "wren"]);
/// let find = with(birds, |birds: Arc<Vec<&str>>, name: String| birds.contains(&&*name));
/// # fn is_function<A>(_: impl Function<String, A>) {}
/// # is_function(find);
/// ```
pub fn with<D, F>(value: D, function: F) -> With<D, F> {
    With { value, function }
}

/// What it holds may be secret.
impl<D, F> fmt::Debug for With<D, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("With").finish_non_exhaustive()
    }
}
