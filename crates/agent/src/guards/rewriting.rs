//! Guards that give another text than the model's.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, PoisonError},
};

use mainstem_core::{Result, StepResult, Text};

use super::{
    OutputGuard,
    output::{BeginRewriting, Looks},
    refusal::What,
};

/// Gives another text than one answer of a model, while it streams.
///
/// A `FnMut(&str) -> String` is one, that gives a text for each piece. It is called in the poll of the run, so
/// it shouldn't take long. What it can't decide about yet it keeps, and gives it later. An error refuses the
/// answer.
pub trait OutputRewriter: Send {
    /// The next piece of what the model writes; gives what is to follow what it gave before.
    fn take(&mut self, piece: &str) -> StepResult<String>;

    /// All has come; gives what is left, by default nothing.
    fn finish(&mut self) -> StepResult<String> {
        Ok(String::new())
    }

    /// What is to come goes on from this, which it gave before the run was cut off; by default, it needn't
    /// know.
    fn begin_after(&mut self, given: &str) {
        let _ = given;
    }
}

impl<F: FnMut(&str) -> String + Send> OutputRewriter for F {
    fn take(&mut self, piece: &str) -> StepResult<String> {
        Ok(self(piece))
    }
}

/// The guards of one answer that rewrite it: each takes what the one before it gives.
pub(crate) struct Rewriting {
    guards: Vec<(Text, BeginRewriting)>,
    /// They needn't be `Sync`: the locks are never taken.
    rewriters: Vec<Mutex<Box<dyn OutputRewriter>>>,
    /// What none could be made of any more.
    failed: Option<mainstem_core::Error>,
}

impl Rewriting {
    pub(crate) fn begin(guards: &[OutputGuard]) -> Option<Box<Self>> {
        let guards = guards.iter().filter_map(|guard| match &guard.looks {
            Looks::Rewrites(begin) => Some((guard.name.clone(), begin.clone())),
            _ => None,
        });
        let guards: Vec<_> = guards.collect();
        if guards.is_empty() {
            return None;
        }
        let mut rewriting = Self {
            guards,
            rewriters: Vec::new(),
            failed: None,
        };
        rewriting.begin_after("");
        Some(Box::new(rewriting))
    }

    /// Begins, or begins anew, with what was given before.
    pub(crate) fn begin_after(&mut self, given: &str) {
        self.rewriters.clear();
        for (name, begin) in &self.guards {
            let begun = catch_unwind(AssertUnwindSafe(|| {
                let mut rewriter = begin();
                if !given.is_empty() {
                    rewriter.begin_after(given);
                }
                rewriter
            }));
            match begun {
                Ok(rewriter) => self.rewriters.push(Mutex::new(rewriter)),
                Err(_panic) => self.failed = Some(What::Output.panicked(name)),
            }
        }
    }

    /// What takes the place of a piece.
    pub(crate) fn take(&mut self, piece: &str) -> Result<Text> {
        self.pass(piece.to_owned(), false)
    }

    /// What is left, now that all has come.
    pub(crate) fn finish(&mut self) -> Result<Text> {
        self.pass(String::new(), true)
    }

    fn pass(&mut self, mut text: String, is_end: bool) -> Result<Text> {
        if let Some(failed) = self.failed.take() {
            return Err(failed);
        }
        for ((name, _), rewriter) in self.guards.iter().zip(&mut self.rewriters) {
            let rewriter = rewriter.get_mut().unwrap_or_else(PoisonError::into_inner);
            let rewritten = catch_unwind(AssertUnwindSafe(|| {
                let mut given = match text.is_empty() {
                    true => String::new(),
                    false => rewriter.take(&text)?,
                };
                if is_end {
                    given.push_str(&rewriter.finish()?);
                }
                StepResult::Ok(given)
            }));
            text = match rewritten {
                Ok(Ok(given)) => given,
                Ok(Err(error)) => return Err(What::Output.failed(name, error.into())),
                Err(_panic) => return Err(What::Output.panicked(name)),
            };
        }
        Ok(text.into())
    }
}
