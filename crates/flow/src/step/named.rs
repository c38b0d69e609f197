use mainstem_core::{Result, StepPath, StepWrapper, Text};

use crate::{Wrapped, child::misbuilt};

/// A step's name, instead of its own; put around it by [`named`].
#[derive(Clone, Debug)]
pub struct Name(Text);

/// Gives a branch a name; without it, agents and functions go by their own.
///
/// ```
/// use mainstem_flow::{Flow, named};
///
/// let flow = Flow::new("measure").parallel(
///     "both",
///     (
///         named("bytes", |text: String| text.len()),
///         named("words", |text: String| text.split(' ').count()),
///     ),
/// );
/// # let _: Flow<String, (usize, usize)> = flow;
/// ```
pub fn named<S>(name: impl Into<Text>, step: S) -> Wrapped<Name, S> {
    Wrapped::new(Name(name.into()), step)
}

impl StepWrapper for Name {
    fn name<'a>(&'a self, _inner: &'a str) -> &'a str {
        &self.0
    }

    fn check(&self, path: &StepPath) -> Result<()> {
        if !self.0.trim().is_empty() {
            return Ok(());
        }
        let around = path.parent().unwrap_or_else(StepPath::run);
        let message = "`named(\"\", ..)` has no name; give it one";
        Err(misbuilt(&around, message))
    }
}
