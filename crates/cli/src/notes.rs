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

const DIM: Style = Style::new().dimmed();
const ERROR: Style = AnsiColor::Red.on_default().bold();

/// Notes that accompany answers.
pub(crate) struct Notes {
    model: String,
    is_terminal: bool,
    spinner: Option<ProgressBar>,
    /// Whether reasoning or a refusal left a line open.
    is_line_open: bool,
}

impl Notes {
    pub(crate) fn new(model: &str) -> Self {
        Self {
            model: model.to_owned(),
            is_terminal: io::stderr().is_terminal(),
            spinner: None,
            is_line_open: false,
        }
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

/// Asks for a line.
pub(crate) fn ask() {
    if io::stderr().is_terminal() {
        write("> ");
    }
}

pub(crate) fn end_line() {
    write("\n");
}

pub(crate) fn stopped() {
    write(format_args!("{DIM}stopped{DIM:#}\n"));
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

fn chain(what: &str, mut cause: Option<&dyn StdError>) {
    write(format_args!("{ERROR}error:{ERROR:#} {}\n", harmless(what)));
    while let Some(error) = cause {
        write(format_args!(
            "  caused by: {}\n",
            harmless(&error.to_string())
        ));
        cause = error.source();
    }
}

/// There is nowhere left to report that standard error is closed.
fn write(text: impl Display) {
    let mut stderr = anstream::stderr().lock();
    let _ = write!(stderr, "{text}");
    let _ = stderr.flush();
}
