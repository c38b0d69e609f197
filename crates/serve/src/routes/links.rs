//! Where what belongs to a run is found.

use axum::extract::OriginalUri;
use http::Uri;
use mainstem_core::RunId;
use serde_json::{Value, json};

/// The links of a run, as paths from the server's root.
///
/// The router may be nested under a path of the application; what was asked for tells it.
pub(super) fn links(OriginalUri(original): &OriginalUri, asked: &Uri, id: &RunId) -> Value {
    let base = original
        .path()
        .strip_suffix(asked.path())
        .unwrap_or_default();
    let run = format!("{base}/runs/{id}");
    json!({
        "self": run,
        "events": format!("{run}/events"),
        "output": format!("{run}/output"),
        "input": format!("{run}/input"),
        "progress": format!("{run}/progress"),
    })
}
