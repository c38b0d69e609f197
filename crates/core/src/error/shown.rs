//! Finds the [`Error`] that another error stands for.
//!
//! `anyhow::Error`, once it is a `Box<dyn Error>`, and an error of `#[error(transparent)]` hide
//! the error that they stand for: they print it and give its sources, but neither a downcast nor
//! the chain of sources has the error itself. Printing is the one way to it.

use std::{cell::RefCell, error::Error as StdError, fmt::Write as _};

use super::Error;

thread_local! {
    /// While an error is looked through: the first of ours that was printed.
    static LOOK: RefCell<Look> = const { RefCell::new(Look::Away) };
}

enum Look {
    Away,
    Out,
    Found(Error),
}

/// Called when one of ours is printed.
pub(super) fn note(error: &Error) {
    // Not there while the thread ends; borrowed never, as no foreign code runs below.
    let _ = LOOK.try_with(|look| {
        if let Ok(mut look) = look.try_borrow_mut()
            && matches!(*look, Look::Out)
        {
            *look = Look::Found(error.clone());
        }
    });
}

/// The one of ours that the error stands for: it prints as that does, and nothing else.
pub(super) fn stands_for(error: &(dyn StdError + 'static)) -> Option<Error> {
    let set = |to| LOOK.try_with(|look| look.replace(to)).unwrap_or(Look::Away);
    set(Look::Out);
    let mut text = String::new();
    let printed = write!(text, "{error}");
    let Look::Found(own) = set(Look::Away) else {
        return None;
    };
    (printed.is_ok() && own.to_string() == text).then_some(own)
}
