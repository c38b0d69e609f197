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
/// it async closures do without capturing, which they can't in a step.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), mainstem_core::Error> {
/// use std::sync::Arc;
///
/// use mainstem_flow::{Flow, with};
///
/// struct Birds(Vec<&'static str>);
///
/// let birds = Arc::new(Birds(vec!["jay", "wren"]));
/// let flow = Flow::new("lookup").step(
///     "find",
///     with(birds, async |birds: Arc<Birds>, name: String| Ok(birds.0.contains(&&*name))),
/// );
/// assert!(flow.run("wren").await?.output);
/// # Ok(())
/// # }
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
