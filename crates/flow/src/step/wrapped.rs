use mainstem_core::WrappedStep;

use crate::IntoStep;

/// A step with something around it that leaves what it takes and gives as it is: a
/// [`TimeLimit`](crate::TimeLimit), a [`Weight`](crate::Weight), a [`Name`](crate::Name).
#[derive(Clone, Debug)]
pub struct Wrapped<W, S> {
    wrapper: W,
    step: S,
}

impl<W, S> Wrapped<W, S> {
    pub(crate) fn new(wrapper: W, step: S) -> Self {
        Self { wrapper, step }
    }
}

#[diagnostic::do_not_recommend]
impl<In, W, S, M> IntoStep<In, Wrapped<W, M>> for Wrapped<W, S>
where
    S: IntoStep<In, M>,
{
    type Step = WrappedStep<W, S::Step>;

    fn into_step(self) -> Self::Step {
        WrappedStep::new(self.wrapper, self.step.into_step())
    }
}
