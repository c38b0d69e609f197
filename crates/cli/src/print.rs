//! What goes to stdout: the answer, or the events, and nothing else.

use std::{
    borrow::Cow,
    collections::HashSet,
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

use mainstem::{Event, EventKind, FinishReason, Notice, Partial, RunFinished, Text, Usage};

use crate::{
    markdown::Markdown,
    notes::{self, DIM, Notes},
    terminal,
};

/// Prints the events of runs, one run after the other.
///
/// Nothing is written before [`flush`](Self::flush): what is there at once is shown at once.
pub(crate) struct Printer {
    is_terminal: bool,
    /// Whether answers are Markdown to be shown well.
    is_markdown: bool,
    notes: Notes,
    events: bool,
    /// What is to be written.
    pending: String,
    /// The present answer, if it is shown as Markdown.
    markdown: Option<Markdown>,
    /// How much of the present answer was printed, in bytes.
    printed: usize,
    /// Whether the last thing that was printed is a part of a line.
    is_line_open: bool,
    /// The codes of the notices that were told: a conversation hears each once.
    told: HashSet<Text>,
    /// Notes that wait for the end of the answer, in whose midst they would be.
    later: Vec<String>,
    began: Instant,
    first: Option<Duration>,
    usage: Option<Usage>,
}

/// How answers are printed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// Each event as JSON, instead of the text.
    pub(crate) events: bool,
    /// The text as it comes, even on a terminal.
    pub(crate) plain: bool,
}

impl Printer {
    /// A printer for the answers of a model.
    pub(crate) fn new(model: &str, look: Look) -> Self {
        Self {
            is_terminal: io::stdout().is_terminal(),
            is_markdown: !look.plain && terminal::has_styles(),
            notes: Notes::new(model),
            events: look.events,
            pending: String::new(),
            markdown: None,
            printed: 0,
            is_line_open: false,
            told: HashSet::new(),
            later: Vec::new(),
            began: Instant::now(),
            first: None,
            usage: None,
        }
    }

    /// The name of the model from now on.
    pub(crate) fn rename(&mut self, model: &str) {
        self.notes.rename(model);
    }

    /// Leaves out the notices of this code: they were told otherwise.
    pub(crate) fn leave_out(&mut self, code: &str) {
        self.told.insert(code.into());
    }

    /// Shows events instead of text, or text again; says which.
    pub(crate) fn toggle_events(&mut self) -> bool {
        self.events = !self.events;
        self.events
    }

    /// Begins an answer.
    pub(crate) fn begin(&mut self) {
        self.printed = 0;
        self.began = Instant::now();
        self.first = None;
        self.usage = None;
        if !self.events {
            self.notes.wait();
        }
    }

    /// Shows the next event.
    pub(crate) async fn show(&mut self, event: &Event) -> io::Result<()> {
        if let EventKind::RunFinished(end) = &event.kind {
            self.usage = Some(end.usage);
        }
        if self.events {
            self.pending.push_str(&serde_json::to_string(event)?);
            self.pending.push('\n');
            return Ok(());
        }
        match &event.kind {
            EventKind::TextDelta(delta) => self.text(&delta.text, self.is_markdown),
            EventKind::JsonDelta(delta) => self.text(&delta.text, false),
            EventKind::ReasoningDelta(delta) => {
                self.is_here(&delta.text);
                self.make_room().await?;
                self.notes.reasoning(&delta.text);
            }
            EventKind::RefusalDelta(delta) => {
                self.is_here(&delta.text);
                self.make_room().await?;
                self.notes.refusal(&delta.text);
            }
            EventKind::Notice(notice) => self.notice(notice).await?,
            EventKind::Retracted(_) => {
                self.printed = 0;
                self.make_room().await?;
                self.note("the text so far is void; it begins again")
                    .await?;
            }
            EventKind::RunFinished(end) => self.finished(end).await?,
            _ => {}
        }
        Ok(())
    }

    /// Writes what was shown since the last time.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.notes.end();
        let text = std::mem::take(&mut self.pending);
        self.is_line_open = !text.ends_with('\n');
        let bytes = match &mut self.markdown {
            Some(markdown) => {
                let out = markdown.push(&text, terminal::size());
                self.is_line_open = markdown.is_line_open();
                out
            }
            None if self.events && self.is_markdown => format!("{DIM}{}{DIM:#}", harmless(&text)),
            None if self.is_terminal => harmless(&text).into_owned(),
            None => text,
        };
        write(bytes).await
    }

    /// Ends the answer. What is left of a partial one is printed too: text that an output's checker
    /// refused was never shown.
    pub(crate) async fn end(&mut self, partial: Option<&Partial>) -> io::Result<()> {
        if !self.events {
            let rest = partial.and_then(|partial| partial.text.get(self.printed..));
            self.pending.push_str(rest.unwrap_or_default());
        }
        self.end_line().await?;
        self.notes.end();
        for note in std::mem::take(&mut self.later) {
            self.notes.note(&note, false);
        }
        Ok(())
    }

    /// Ends the answer without waiting for stdout.
    pub(crate) fn give_up(&mut self) {
        self.notes.end();
    }

    /// Tells how long the last answer took, and what it used.
    pub(crate) fn tell_figures(&self) {
        if self.is_terminal {
            notes::aside(figures(self.first, self.began.elapsed(), self.usage));
        }
    }

    fn text(&mut self, text: &str, is_markdown: bool) {
        if text.is_empty() {
            return;
        }
        self.is_here(text);
        self.printed += text.len();
        self.pending.push_str(text);
        if is_markdown && self.markdown.is_none() {
            self.markdown = Some(Markdown::new(terminal::size()));
        }
    }

    fn is_here(&mut self, text: &str) {
        if !text.is_empty() {
            self.first.get_or_insert_with(|| self.began.elapsed());
        }
    }

    async fn notice(&mut self, notice: &Notice) -> io::Result<()> {
        if self.told.insert(notice.code.clone()) {
            self.note(&notice.message).await?;
        }
        Ok(())
    }

    async fn finished(&mut self, end: &RunFinished) -> io::Result<()> {
        if end.finish_reason == Some(FinishReason::Length) {
            self.end_line().await?;
            self.note("the answer was cut at its limit of tokens")
                .await?;
        }
        Ok(())
    }

    async fn note(&mut self, text: &str) -> io::Result<()> {
        self.flush().await?;
        if self.markdown.is_some() {
            self.later.push(text.to_owned());
        } else {
            self.notes.note(text, self.is_line_open && self.is_terminal);
        }
        Ok(())
    }

    /// Ends the line on the terminal, before something else is shown there.
    async fn make_room(&mut self) -> io::Result<()> {
        self.flush().await?;
        if self.is_terminal {
            self.end_line().await?;
        }
        Ok(())
    }

    async fn end_line(&mut self) -> io::Result<()> {
        self.flush().await?;
        let is_line_open = std::mem::take(&mut self.is_line_open);
        match self.markdown.take() {
            Some(mut markdown) => write(markdown.end()).await,
            None if is_line_open => write("\n".into()).await,
            None => Ok(()),
        }
    }
}

fn figures(first: Option<Duration>, total: Duration, usage: Option<Usage>) -> String {
    let mut parts = Vec::new();
    if let Some(first) = first {
        parts.push(format!("first token after {:.1} s", first.as_secs_f64()));
    }
    parts.push(format!("{:.1} s in all", total.as_secs_f64()));
    if let Some(usage) = usage.filter(|usage| usage.total_tokens() > 0) {
        let about = if usage.estimated { "about " } else { "" };
        let (input, output) = (usage.input_tokens, usage.output_tokens);
        parts.push(format!("{about}{input} tokens in, {output} out"));
    }
    parts.join(" · ")
}

/// Writes to stdout on a thread of its own: a reader that doesn't read keeps nobody from hearing
/// Ctrl-C.
///
/// Stdout is locked until everything is flushed. Else the program's exit would flush it, and wait.
pub(crate) async fn write(text: String) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    // spawn: a write that blocks can't be cancelled; the program ends without it.
    let written = tokio::task::spawn_blocking(move || {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
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

    #[test]
    fn figures_are_told_as_far_as_they_are_known() {
        let seconds = Duration::from_secs_f64;
        assert_eq!(figures(None, seconds(1.26), None), "1.3 s in all");
        let mut usage = Usage::new(12, 345);
        assert_eq!(
            figures(Some(seconds(0.5)), seconds(2.0), Some(usage)),
            "first token after 0.5 s · 2.0 s in all · 12 tokens in, 345 out"
        );
        usage.estimated = true;
        assert_eq!(
            figures(None, seconds(2.0), Some(usage)),
            "2.0 s in all · about 12 tokens in, 345 out"
        );
    }
}
