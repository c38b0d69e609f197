//! What steps hand to each other.

use std::any::{Any, type_name};

use mainstem_core::{Error, ErrorKind, Result};
use serde::{Serialize, de::DeserializeOwned};

/// A value that one step hands to the next: plain data.
///
/// Everything that is `Serialize`, `DeserializeOwned`, `Send` and `'static` is one. It is kept in the
/// run's log; with a store, the next step gets it as it was read back, so that a run that goes on
/// after a crash sees what the first one saw.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot cross a step boundary",
    label = "what this step gives isn't plain data",
    note = "derive `serde::Serialize` and `serde::Deserialize` for `{Self}`: what one step hands to \
            the next is kept in the run's log"
)]
pub trait StepValue: Serialize + DeserializeOwned + Send + 'static {}

impl<T: Serialize + DeserializeOwned + Send + 'static> StepValue for T {}

/// A value whose type is known to its neighbours only.
pub(crate) type Value = Box<dyn Any + Send>;

/// The value, as the type that the builder made sure of.
pub(crate) fn downcast<T: 'static>(value: Value) -> Result<T> {
    match value.downcast() {
        Ok(value) => Ok(*value),
        Err(_) => Err(Error::new(
            ErrorKind::Value,
            format!(
                "a step was handed something else than `{}`",
                type_name::<T>()
            ),
        )),
    }
}
