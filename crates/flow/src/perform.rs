//! One step, done through the journal.

use std::sync::{Arc, Mutex, PoisonError};

use futures::{FutureExt, future::BoxFuture};
use mainstem_core::{
    DecisionKind, Error, ErrorKind, JournalKey, Json, Result, RunContext, StepScope, Text,
};

use crate::StepValue;

/// The name of a step's output in the journal.
const OUTPUT: &str = "output";

/// Does a step, unless the journal has its output from an earlier time.
///
/// With a store the output is what was read back: the next step then sees now what it would see in
/// a run that was resumed.
pub(crate) async fn perform<T: StepValue>(
    ctx: RunContext,
    name: Text,
    kind: &'static str,
    body: impl FnOnce(RunContext) -> BoxFuture<'static, Result<T>> + Send + 'static,
) -> Result<T> {
    let path = ctx.path().child(&name);
    let key = JournalKey::new(path.clone(), OUTPUT);
    let fresh = Arc::new(Mutex::new(None));
    let unit = {
        let (ctx, fresh) = (ctx.clone(), Arc::clone(&fresh));
        async move {
            let done = ctx.step_in(StepScope::new(name, kind), body).await?;
            *fresh.lock().unwrap_or_else(PoisonError::into_inner) = Some(done.output);
            Ok(done.json)
        }
    };
    let recorded = ctx
        .journal()
        .run(key, DecisionKind::Step, unit.boxed())
        .await?;
    let fresh = fresh.lock().unwrap_or_else(PoisonError::into_inner).take();
    match fresh {
        Some(output) if !ctx.is_stored() => Ok(output),
        _ => read_back(&recorded).map_err(|error| error.with_step(&path)),
    }
}

fn read_back<T: StepValue>(recorded: &Json) -> Result<T> {
    recorded.to().map_err(|error| {
        let name = std::any::type_name::<T>();
        let message = format!(
            "what the step gave can't be read back as `{name}`; its `Serialize` and `Deserialize` \
             must agree"
        );
        Error::new(ErrorKind::Value, message).with_source(error)
    })
}
