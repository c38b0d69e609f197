//! How the program ends.

use std::{io, process::ExitCode};

use mainstem::{Error, ErrorKind};

use crate::notes;

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Finished,
    /// The machine failed, not the model.
    System,
    Usage,
    Failed,
    Truncated,
    Stopped,
    /// The reader of stdout went away.
    Unread,
}

/// Why there is no complete answer.
#[derive(Debug)]
pub(crate) enum Failure {
    Run(Error),
    /// Stopped twice: the second time nothing is waited for.
    Interrupted,
    Output(io::Error),
    System(io::Error),
    /// There is no listening on the address, for a reason that was found out.
    Listen {
        message: String,
        error: io::Error,
    },
}

impl Exit {
    fn code(self) -> u8 {
        match self {
            Self::Finished => 0,
            Self::System => 1,
            Self::Usage => 2,
            Self::Failed => 3,
            Self::Truncated => 4,
            // As shells have it: 128 and the number of the signal, SIGINT and SIGPIPE.
            Self::Stopped => 130,
            Self::Unread => 141,
        }
    }

    fn of(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Input | ErrorKind::Config => Self::Usage,
            ErrorKind::Truncated => Self::Truncated,
            ErrorKind::Cancelled => Self::Stopped,
            _ => Self::Failed,
        }
    }
}

impl Failure {
    /// Tells the user what there is to tell.
    pub(crate) fn report(self) -> Exit {
        match self {
            Self::Run(error) => {
                notes::failure(&error);
                Exit::of(error.kind())
            }
            Self::Interrupted => {
                notes::stopped();
                Exit::Stopped
            }
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Unread,
            Self::Output(error) => {
                notes::error("can't write to standard output", &error);
                Exit::System
            }
            Self::System(error) => {
                notes::error("can't start", &error);
                Exit::System
            }
            Self::Listen { message, error } => {
                notes::error(&message, &error);
                Exit::System
            }
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Run(error)
    }
}

/// Shows the help that was asked for, or what is wrong with the command line.
pub(crate) fn of_usage(error: &clap::Error) -> ExitCode {
    // There is nowhere left to report that the terminal is gone.
    let _ = error.print();
    let exit = match error.exit_code() {
        0 => Exit::Finished,
        _ => Exit::Usage,
    };
    exit.into()
}
