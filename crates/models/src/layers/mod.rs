//! Layers: models around models.

mod recovery;

pub use recovery::{Recovery, RecoveryBuilder, WhenCut};
