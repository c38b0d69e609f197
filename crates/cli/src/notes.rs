//! What goes to stderr: notes, thoughts, refusals, errors, and a spinner on a terminal.
//!
//! anstream takes out colours that aren't wanted: in pipes, and by `NO_COLOR`.

use std::{
    error::Error as StdError,
    fmt::Display,
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

use anstyle::{AnsiColor, Style};
use indicatif::ProgressBar;
use mainstem::{Error, ErrorKind};

use crate::print::harmless;

pub(crate) const DIM: Style = Style::new().dimmed();
const ERROR: Style = AnsiColor::Red.on_default().bold();

/// Notes that accompany answers.
pub(crate) struct Notes {
    model: String,
    is_terminal: bool,
    spinner: Option<ProgressBar>,
    /// Whether reasoning or a refusal left a line open.
    is_line_open: bool,
    /// Whether thoughts were shown last.
    is_thinking: bool,
}

impl Notes {
    pub(crate) fn new(model: &str) -> Self {
        Self {
            model: model.to_owned(),
            is_terminal: io::stderr().is_terminal(),
            spinner: None,
            is_line_open: false,
            is_thinking: false,
        }
    }

    /// The name of the model from now on.
    pub(crate) fn rename(&mut self, model: &str) {
        model.clone_into(&mut self.model);
    }

    /// Shows a spinner until something else is shown.
    pub(crate) fn wait(&mut self) {
        if self.is_terminal {
            let spinner = ProgressBar::new_spinner().with_message(format!("{} …", self.model));
            spinner.enable_steady_tick(Duration::from_millis(100));
            self.spinner = Some(spinner);
        }
    }

    /// Makes room for something else: the spinner goes, an open line ends.
    pub(crate) fn end(&mut self) {
        if let Some(spinner) = self.spinner.take() {
            spinner.finish_and_clear();
        }
        if std::mem::take(&mut self.is_line_open) {
            end_line();
        }
        // An answer doesn't look like a part of the thoughts.
        if std::mem::take(&mut self.is_thinking) {
            blank();
        }
    }

    /// Tells something, on a line of its own; stdout may have left one open on the terminal.
    pub(crate) fn note(&mut self, text: &str, is_line_open: bool) {
        let is_line_open = is_line_open && self.is_terminal;
        let tell = || {
            if is_line_open {
                end_line();
            }
            write(format_args!("{DIM}note: {}{DIM:#}\n", harmless(text)));
        };
        match &self.spinner {
            Some(spinner) => spinner.suspend(tell),
            None => {
                self.end();
                tell();
            }
        }
    }

    /// Shows thoughts, to whoever sits at a terminal.
    pub(crate) fn reasoning(&mut self, text: &str) {
        if self.is_terminal {
            self.stream(text, DIM);
            self.is_thinking = true;
        }
    }

    pub(crate) fn refusal(&mut self, text: &str) {
        self.stream(text, Style::new());
    }

    fn stream(&mut self, text: &str, style: Style) {
        if text.is_empty() {
            return;
        }
        if self.spinner.is_some() {
            self.end();
        }
        self.is_line_open = !text.ends_with('\n');
        write(format_args!("{style}{}{style:#}", harmless(text)));
    }
}

/// Asks for a line, where the line editor can't.
pub(crate) fn ask() {
    write("> ");
}

pub(crate) fn end_line() {
    write("\n");
}

/// Sets off an answer from what stands above it.
pub(crate) fn blank() {
    if io::stderr().is_terminal() {
        end_line();
    }
}

/// The first words of a conversation.
pub(crate) fn headline(text: impl Display) {
    let style = Style::new().bold();
    write(format_args!(
        "{style}{}{style:#}\n",
        harmless(&text.to_string())
    ));
}

/// Tells something by the way, in one line or more.
pub(crate) fn aside(text: impl Display) {
    for line in text.to_string().lines() {
        write(format_args!("{DIM}{}{DIM:#}\n", harmless(line)));
    }
}

/// Answers a command.
pub(crate) fn tell(text: impl Display) {
    write(format_args!("{}\n", harmless(&text.to_string())));
}

/// Tells that a command can't be done.
pub(crate) fn refuse(text: impl Display) {
    chain(&text.to_string(), None);
}

pub(crate) fn stopped() {
    aside("(stopped)");
}

/// Tells how a run failed.
pub(crate) fn failure(error: &Error) {
    match error.kind() {
        ErrorKind::Cancelled => stopped(),
        // There is only one step: its name would tell nothing.
        _ => chain(error.message(), error.source()),
    }
}

/// Tells what went wrong, and why.
pub(crate) fn error(what: &str, cause: &dyn StdError) {
    chain(what, Some(cause));
}

fn chain(what: &str, cause: Option<&dyn StdError>) {
    write(format_args!("{ERROR}error:{ERROR:#} {}\n", harmless(what)));
    for cause in causes(what, cause) {
        write(format_args!("  caused by: {}\n", harmless(&cause)));
    }
}

/// The causes, but for those that say nothing new: many errors repeat their cause in their own
/// words.
fn causes(what: &str, mut cause: Option<&dyn StdError>) -> Vec<String> {
    let mut told = vec![what.to_owned()];
    while let Some(error) = cause {
        let text = error.to_string();
        if !text.trim().is_empty() && !told.iter().any(|above| above.contains(text.trim())) {
            told.push(text);
        }
        cause = error.source();
    }
    told.split_off(1)
}

/// There is nowhere left to report that standard error is closed.
fn write(text: impl Display) {
    let mut stderr = anstream::stderr().lock();
    let _ = write!(stderr, "{text}");
    let _ = stderr.flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_that_says_nothing_new_is_not_told() {
        let error = Error::new(ErrorKind::Model, "can't send: refused (os error 111)");
        let error = error.with_source(io::Error::other("refused (os error 111)"));
        let outer = Error::new(ErrorKind::Model, "can't connect").with_source(error);
        assert_eq!(
            causes(outer.message(), outer.source()),
            ["can't send: refused (os error 111)"]
        );
        assert!(causes("x", None).is_empty());
    }
}
