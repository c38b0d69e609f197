//! The line editor.

use std::{
    borrow::Cow,
    io,
    path::{Path, PathBuf},
};

use rustyline::{
    Cmd, CompletionType, Config, Context, Editor as LineEditor, EventHandler, Helper, KeyCode,
    KeyEvent, Modifiers,
    completion::{Completer, FilenameCompleter, Pair},
    config::{Behavior, ColorMode},
    error::ReadlineError,
    highlight::Highlighter,
    hint::Hinter,
    history::FileHistory,
    validate::{ValidationContext, ValidationResult, Validator},
};

use super::{commands, history};
use crate::{
    notes::{self, DIM},
    terminal,
};

/// How many lines are remembered.
const HISTORY: usize = 1000;

/// What somebody typed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Text(String),
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-D.
    End,
}

/// Reads lines from the terminal, and remembers them.
pub(super) struct Editor {
    /// Away while a line is read.
    editor: Option<LineEditor<Assistant, FileHistory>>,
    history: Option<PathBuf>,
}

impl Editor {
    /// An editor that remembers its lines in a file. Without the file it works all the same.
    pub(super) fn new(history: Option<PathBuf>, is_coloured: bool) -> io::Result<Self> {
        let config = Config::builder()
            .max_history_size(HISTORY)
            .map_err(io::Error::other)?
            .history_ignore_space(true)
            .completion_type(CompletionType::List)
            .color_mode(if is_coloured {
                ColorMode::Enabled
            } else {
                ColorMode::Disabled
            })
            // What is typed doesn't belong to the answer: that may go to a pipe.
            .behavior(Behavior::PreferTerm)
            .build();
        let mut editor = LineEditor::with_config(config).map_err(io::Error::other)?;
        editor.set_helper(Some(Assistant {
            files: FilenameCompleter::new(),
        }));
        let alt_enter = KeyEvent(KeyCode::Enter, Modifiers::ALT);
        editor.bind_sequence(alt_enter, EventHandler::Simple(Cmd::Newline));
        let history = history.filter(|file| match load(&mut editor, file) {
            Ok(()) => true,
            Err(error) => {
                let file = file.display();
                notes::aside(format_args!("note: there is no history: {file}: {error}"));
                false
            }
        });
        Ok(Self {
            editor: Some(editor),
            history,
        })
    }

    /// The next line that somebody types.
    ///
    /// If this is dropped before its end, the terminal stays as the editor needs it, and there is no
    /// other line.
    pub(super) async fn line(&mut self) -> io::Result<Line> {
        let Some(mut editor) = self.editor.take() else {
            return Ok(Line::End);
        };
        let history = self.history.clone();
        // spawn: a read that blocks can't be cancelled; the program ends without it.
        let read = tokio::task::spawn_blocking(move || {
            let line = read(&mut editor, history.as_deref());
            (editor, line)
        });
        let (editor, line) = read.await.map_err(io::Error::other)?;
        self.editor = Some(editor);
        match line {
            Ok(line) => Ok(Line::Text(line)),
            Err(ReadlineError::Interrupted) => Ok(Line::Interrupt),
            Err(ReadlineError::Eof) => Ok(Line::End),
            Err(error) => Err(io::Error::other(error)),
        }
    }
}

type Result<T> = rustyline::Result<T>;

fn load(editor: &mut LineEditor<Assistant, FileHistory>, file: &Path) -> Result<()> {
    history::prepare(file)?;
    editor.load_history(file)
}

fn read(editor: &mut LineEditor<Assistant, FileHistory>, history: Option<&Path>) -> Result<String> {
    let line = if terminal::is_dumb() {
        // There the editor would write its prompt to stdout.
        notes::ask();
        editor.readline("")
    } else {
        editor.readline(&("> ", "\u{1b}[1m> \u{1b}[0m"))
    }?;
    if !line.trim().is_empty() {
        editor.add_history_entry(&*line)?;
        if let Some(file) = history {
            // A full disk is no reason to lose the question.
            let _ = editor.append_history(file);
        }
    }
    Ok(line.replace("\\\n", "\n").trim_end().to_owned())
}

/// Knows the commands, and when a line is complete.
struct Assistant {
    files: FilenameCompleter,
}

impl Helper for Assistant {}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, ctx: &Context<'_>) -> Result<(usize, Vec<Pair>)> {
        if line.starts_with("/save") && line.contains(' ') {
            return self.files.complete(line, pos, ctx);
        }
        let typed = &line[..pos];
        let fitting =
            commands::names().filter(|name| line.starts_with('/') && name.starts_with(typed));
        let pair = |name: &str| Pair {
            display: name.to_owned(),
            replacement: name.to_owned(),
        };
        Ok((0, fitting.map(pair).collect()))
    }
}

impl Hinter for Assistant {
    type Hint = String;

    /// The rest of the only command that begins so.
    fn hint(&self, line: &str, pos: usize, _: &Context<'_>) -> Option<String> {
        if line.len() < 2 || pos < line.len() {
            return None;
        }
        let mut rests = commands::names().filter_map(|name| name.strip_prefix(line));
        let rest = rests.next().filter(|rest| !rest.is_empty())?;
        rests.next().is_none().then(|| rest.to_owned())
    }
}

impl Highlighter for Assistant {
    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        format!("{DIM}{hint}{DIM:#}").into()
    }
}

impl Validator for Assistant {
    /// A backslash at the end asks for another line.
    fn validate(&self, ctx: &mut ValidationContext<'_>) -> Result<ValidationResult> {
        let backslashes = ctx.input().chars().rev().take_while(|c| *c == '\\').count();
        Ok(if backslashes % 2 == 1 {
            ValidationResult::Incomplete
        } else {
            ValidationResult::Valid(None)
        })
    }
}
