//! What is known of the terminal, and what is changed of it.

use std::io::{self, IsTerminal as _};

use anstream::{AutoStream, ColorChoice};
use terminal_size::{Height, Width, terminal_size};

use crate::markdown::Size;

/// The size of the screen, but for its last column: a row that fills it would end in a state of
/// which terminals have different opinions.
pub(crate) fn size() -> Size {
    let (columns, rows) = terminal_size().map_or((80, 24), |(Width(columns), Height(rows))| {
        (usize::from(columns), usize::from(rows))
    });
    Size {
        columns: columns.saturating_sub(1).max(1),
        rows: rows.max(1),
    }
}

/// Whether stdout is a terminal that shows styles, and whose user wants them.
pub(crate) fn has_styles() -> bool {
    let stdout = io::stdout();
    stdout.is_terminal() && AutoStream::choice(&stdout) != ColorChoice::Never
}

/// Whether the terminal can move its cursor.
pub(crate) fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

pub(crate) use modes::Modes;

#[cfg(unix)]
mod modes {
    use std::io;

    use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

    /// How the terminal treats its keys; as it was before, when this is dropped.
    pub(crate) struct Modes(Option<Termios>);

    impl Modes {
        pub(crate) fn keep() -> Self {
            Self(tcgetattr(io::stdin()).ok())
        }

        /// Keys that are pressed aren't shown until this is dropped: they would stand in the midst
        /// of an answer. They aren't lost.
        pub(crate) fn without_echo() -> Self {
            let before = Self::keep();
            if let Some(mut modes) = before.0.clone() {
                modes.local_flags.remove(LocalFlags::ECHO);
                set(&modes);
            }
            before
        }
    }

    impl Drop for Modes {
        fn drop(&mut self) {
            if let Some(modes) = &self.0 {
                set(modes);
            }
        }
    }

    /// Without it there would only be more to see.
    fn set(modes: &Termios) {
        let _ = tcsetattr(io::stdin(), SetArg::TCSADRAIN, modes);
    }
}

#[cfg(not(unix))]
mod modes {
    /// How the terminal treats its keys: on this system that stays as it is.
    pub(crate) struct Modes;

    impl Modes {
        pub(crate) fn keep() -> Self {
            Self
        }

        pub(crate) fn without_echo() -> Self {
            Self
        }
    }
}
