//! Layers: models around models.

mod breaker;
#[cfg(feature = "cache")]
mod cache;
mod limiter;
mod recovery;

pub use breaker::{Breaker, Guarded};
#[cfg(feature = "cache")]
pub use cache::{Cache, Cached};
pub use limiter::{Limited, Limiter};
use mainstem_core::{Error, Model, ModelEvent, Result, Usage};
pub use recovery::{Recovery, RecoveryBuilder, WhenCut};

/// What can be put around any model.
///
/// Each method gives a model with the same [`id`](Model::id) and [`output_mode`](Model::output_mode).
/// Which goes around which matters: `docs/limits.md` of the book says how they are put together.
pub trait ModelExt: Model + Sized {
    /// Answers what was asked before as before, without asking.
    #[cfg(feature = "cache")]
    fn cached(self, cache: &Cache) -> Cached<Self> {
        Cached::new(self, cache)
    }

    /// Leaves the model alone for a while after failures in a row.
    fn guarded(self, breaker: &Breaker) -> Guarded<Self> {
        Guarded::new(self, breaker)
    }

    /// Limits what goes out, together with all models that hold the same limiter.
    fn limited(self, limiter: &Limiter) -> Limited<Self> {
        Limited::new(self, limiter)
    }
}

impl<M: Model> ModelExt for M {}

/// The answer to a request that isn't sent: it counts as no request.
fn unsent(error: Error) -> [Result<ModelEvent>; 2] {
    [Ok(ModelEvent::Usage(Usage::default())), Err(error)]
}
