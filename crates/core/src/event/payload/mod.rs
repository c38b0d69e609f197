//! The payload of each kind: non-exhaustive structs of the kind's name.

mod model;
mod run;
mod step;

pub use model::*;
pub use run::*;
pub use step::*;
