use std::{fmt, marker::PhantomData, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{Question, Result, RunContext, Step};
use schemars::JsonSchema;

use crate::StepValue;

/// A question to a person; made by [`ask`].
pub struct Ask<F, A> {
    question: Arc<F>,
    _answer: PhantomData<fn() -> A>,
}

/// Asks a person about a value, and gives the value with the typed answer.
///
/// It is [`Flow::ask`](crate::Flow::ask) for branches, items and rounds. While there is no answer the
/// run is suspended.
///
/// ```
/// use mainstem_core::Question;
/// use mainstem_flow::{Flow, ask, named};
///
/// let flow = Flow::new("two").parallel(
///     "sign",
///     (
///         named("boss", ask::<bool, _>(|order: &String| Question::new(format!("Sign {order}?")))),
///         named("bank", ask::<u32, _>(|_: &String| Question::new("What is the number?"))),
///     ),
/// );
/// # let _: Flow<String, ((String, bool), (String, u32))> = flow;
/// ```
pub fn ask<A, F>(question: F) -> Ask<F, A> {
    Ask {
        question: Arc::new(question),
        _answer: PhantomData,
    }
}

impl<In, A, F> Step<In> for Ask<F, A>
where
    In: StepValue,
    A: StepValue + JsonSchema,
    F: Fn(&In) -> Question + Send + Sync + 'static,
{
    type Output = (In, A);

    fn name(&self) -> &str {
        "ask"
    }

    fn kind(&self) -> &'static str {
        "ask"
    }

    fn resumes(&self) -> bool {
        true
    }

    fn call(&self, ctx: RunContext, input: In) -> BoxFuture<'static, Result<(In, A)>> {
        let question = Arc::clone(&self.question);
        async move {
            let answer = ctx.ask_as_step(question(&input)).await?;
            Ok((input, answer))
        }
        .boxed()
    }
}

impl<F, A> Clone for Ask<F, A> {
    fn clone(&self) -> Self {
        Self {
            question: Arc::clone(&self.question),
            _answer: PhantomData,
        }
    }
}

impl<F, A> fmt::Debug for Ask<F, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ask")
    }
}
