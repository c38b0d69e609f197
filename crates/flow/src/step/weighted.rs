use mainstem_core::{StepPlan, StepWrapper};

use crate::Wrapped;

/// How much of the whole a step is; put around it by [`weighted`].
#[derive(Clone, Copy, Debug)]
pub struct Weight(u32);

/// Says how much of the whole a step is, for progress: as much as so many plain steps.
///
/// Without it a step counts as 1, and one that is made of others as much as these.
///
/// ```
/// use mainstem_core::Step;
/// use mainstem_flow::{Flow, weighted};
///
/// let flow = Flow::<String>::new("guide")
///     .step("trim", |text: String| text.trim().to_owned())
///     .step("write", weighted(9, async |text: String| Ok(text)));
/// assert_eq!(flow.plan().total(), 10);
/// ```
pub fn weighted<S>(weight: u32, step: S) -> Wrapped<Weight, S> {
    Wrapped::new(Weight(weight), step)
}

impl StepWrapper for Weight {
    fn plan(&self, inner: StepPlan) -> StepPlan {
        inner.weight(self.0)
    }
}
