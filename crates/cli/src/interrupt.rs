//! Ctrl-C.

use mainstem::StopHandle;
use tokio::signal::ctrl_c;

/// Stops the run at the first Ctrl-C, and is done at the second.
pub(crate) async fn interrupted(stop: StopHandle) {
    // Where signals can't be had, Ctrl-C ends the program as it always does.
    if ctrl_c().await.is_err() {
        return std::future::pending().await;
    }
    stop.stop();
    let _ = ctrl_c().await;
}
