//! What goes to stdout: the answer, or the events, and nothing else.

use std::{
    borrow::Cow,
    collections::HashSet,
    io::{self, IsTerminal as _, Write as _},
};

use mainstem::{Event, EventKind, FinishReason, Partial, Text};

use crate::notes::Notes;

/// Prints the events of runs, one run after the other.
pub(crate) struct Printer {
    is_terminal: bool,
    notes: Notes,
    events: bool,
    /// How much of the present answer was printed, in bytes.
    printed: usize,
    /// Whether the last thing that was printed is a part of a line.
    is_line_open: bool,
    /// The codes of the notices that were told: a conversation hears each once.
    told: HashSet<Text>,
}

impl Printer {
    /// A printer for the answers of a model: their text, or all events as JSON.
    pub(crate) fn new(model: &str, events: bool) -> Self {
        Self {
            is_terminal: io::stdout().is_terminal(),
            notes: Notes::new(model),
            events,
            printed: 0,
            is_line_open: false,
            told: HashSet::new(),
        }
    }

    /// Begins an answer.
    pub(crate) fn begin(&mut self) {
        self.printed = 0;
        if !self.events {
            self.notes.wait();
        }
    }

    /// Shows the next event.
    pub(crate) async fn show(&mut self, event: &Event) -> io::Result<()> {
        if self.events {
            return self.write_event(event).await;
        }
        match &event.kind {
            EventKind::TextDelta(delta) => self.write_text(&delta.text).await?,
            EventKind::JsonDelta(delta) => self.write_text(&delta.text).await?,
            EventKind::ReasoningDelta(delta) => self.notes.reasoning(&delta.text),
            EventKind::RefusalDelta(delta) => self.notes.refusal(&delta.text),
            EventKind::Notice(notice) if self.told.insert(notice.code.clone()) => {
                self.note(&notice.message);
            }
            EventKind::Retracted(_) => self.note("the text so far is void; it begins again"),
            EventKind::RunFinished(end) => match end.finish_reason {
                Some(FinishReason::Length) => {
                    self.end_line().await?;
                    self.note("the answer was cut at its limit of tokens");
                }
                Some(FinishReason::ContentFilter) => {
                    self.end_line().await?;
                    self.note("the answer was cut by the provider's filter");
                }
                _ => {}
            },
            _ => {}
        }
        Ok(())
    }

    /// Ends the answer. What is left of a partial one is printed too: text that an output's checker
    /// refused was never shown.
    pub(crate) async fn end(&mut self, partial: Option<&Partial>) -> io::Result<()> {
        if !self.events {
            let rest = partial.and_then(|partial| partial.text.get(self.printed..));
            self.write_text(rest.unwrap_or_default()).await?;
        }
        self.notes.end();
        self.end_line().await
    }

    /// Ends the answer without waiting for stdout.
    pub(crate) fn give_up(&mut self) {
        self.notes.end();
    }

    fn note(&mut self, text: &str) {
        self.notes.note(text, self.is_line_open && self.is_terminal);
    }

    async fn write_event(&mut self, event: &Event) -> io::Result<()> {
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        write(line).await
    }

    async fn write_text(&mut self, text: &str) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.notes.end();
        self.printed += text.len();
        self.is_line_open = !text.ends_with('\n');
        let text = if self.is_terminal {
            harmless(text)
        } else {
            text.into()
        };
        write(text.into_owned().into_bytes()).await
    }

    async fn end_line(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.is_line_open) {
            write(b"\n".into()).await?;
        }
        Ok(())
    }
}

/// Writes to stdout on a thread of its own: a reader that doesn't read keeps nobody from hearing
/// Ctrl-C.
///
/// Stdout is locked until everything is flushed. Else the program's exit would flush it, and wait.
async fn write(bytes: Vec<u8>) -> io::Result<()> {
    // spawn: a write that blocks can't be cancelled; the program ends without it.
    let written = tokio::task::spawn_blocking(move || {
        let mut stdout = io::stdout().lock();
        stdout.write_all(&bytes)?;
        stdout.flush()
    });
    written.await.map_err(io::Error::other)?
}

/// Text without control characters, by which a model could command the terminal.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    let is_harmful = |c: char| c.is_control() && c != '\n' && c != '\t';
    if text.contains(is_harmful) {
        text.replace(is_harmful, "").into()
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_takes_no_commands_from_a_model() {
        assert_eq!(
            harmless("a\tb\r\n\u{1b}[31mred\u{9b}2J\u{7}"),
            "a\tb\n[31mred2J"
        );
        assert!(matches!(harmless("jäger 🐦\n"), Cow::Borrowed(_)));
    }
}
