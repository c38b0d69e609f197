//! The run that a path names.

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;

use crate::refusal::Refusal;

/// The id in the path; what is no text is no run's.
pub(super) struct AskedRun(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for AskedRun {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(id)) => Ok(Self(id)),
            Err(_) => Err(Refusal::no_such_run()),
        }
    }
}
