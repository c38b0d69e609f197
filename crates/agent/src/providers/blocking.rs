use mainstem_core::{StepError, StepResult};
use tokio::runtime::Handle;

/// Does what blocks its thread, on a thread where that holds up nobody.
///
/// Outside of tokio there is no such thread: there it is done here and now.
pub(super) async fn blocking<T, F>(work: F) -> StepResult<T>
where
    T: Send + 'static,
    F: FnOnce() -> StepResult<T> + Send + 'static,
{
    match Handle::try_current() {
        // spawn: a read that blocks can't be cancelled; it is short, and ends without whoever waited for it.
        Ok(runtime) => match runtime.spawn_blocking(work).await {
            Ok(done) => done,
            Err(lost) if lost.is_panic() => Err("reading it panicked".into()),
            Err(_) => Err(StepError::terminal(
                "reading it was given up, because the runtime shut down",
            )),
        },
        Err(_) => work(),
    }
}
