//! A conversation at the terminal.

use std::path::Path;

use mainstem::Context;
use tokio::signal::ctrl_c;

use super::{
    Talk,
    commands::{self, Command},
    editor::{Editor, Line},
    history,
    save::Conversation,
};
use crate::{
    exit::{Exit, Failure},
    model::DEMO,
    notes,
    terminal::{self, Modes},
};

pub(super) struct Session {
    talk: Talk,
    context: Context,
    /// The last question, and what was said before it.
    last: Option<(String, Context)>,
}

impl Session {
    pub(super) fn new(talk: Talk) -> Self {
        Self {
            talk,
            context: Context::new(),
            last: None,
        }
    }

    /// Answers lines until somebody has had enough; a failed answer doesn't end it.
    pub(super) async fn run(mut self) -> Result<Exit, Failure> {
        let _modes = Modes::keep();
        let variables = |name: &str| std::env::var(name).ok();
        let history = history::file(&variables).filter(|_| !self.talk.flags.no_history);
        let mut editor = Editor::new(history, terminal::has_styles()).map_err(Failure::System)?;
        self.greet();
        loop {
            notes::blank();
            let line = tokio::select! {
                line = editor.line() => line.map_err(Failure::System)?,
                // Not the key, which the editor reads, but the signal.
                _ = ctrl_c() => return Ok(Exit::Stopped),
            };
            match line {
                Line::End => return Ok(Exit::Finished),
                Line::Interrupt => notes::aside("Ctrl-D or /quit ends the chat."),
                Line::Text(text) if text.is_empty() => {}
                Line::Text(text) => match commands::parse(&text) {
                    None => self.ask(text).await?,
                    Some(Err(wrong)) => notes::refuse(wrong),
                    Some(Ok(Command::Quit)) => return Ok(Exit::Finished),
                    Some(Ok(command)) => self.obey(command).await?,
                },
            }
        }
    }

    /// Tells which model it is, and why.
    fn greet(&mut self) {
        let (model, reason) = (self.talk.chosen.model.id(), self.talk.chosen.reason);
        let version = env!("CARGO_PKG_VERSION");
        if model == DEMO {
            self.talk.printer.leave_out("demo_model");
            notes::headline(format_args!(
                "Mainstem {version} · demo model, offline: it knows the docs alone ({reason})"
            ));
            notes::aside("For a real one set OPENAI_API_KEY, or name it: /model ollama://qwen3");
        } else {
            notes::headline(format_args!("Mainstem {version} · {model} ({reason})"));
        }
        notes::aside("/help lists the commands, Ctrl-D quits");
    }

    async fn ask(&mut self, question: String) -> Result<(), Failure> {
        self.last = Some((question.clone(), self.context.fork("retry")));
        notes::blank();
        let answered = {
            let _modes = Modes::without_echo();
            self.talk.ask(question, Some(&self.context)).await
        };
        match answered {
            Ok(()) => self.talk.printer.tell_figures(),
            Err(Failure::Run(error)) => notes::failure(&error),
            Err(other) => return Err(other),
        }
        Ok(())
    }

    async fn obey(&mut self, command: Command) -> Result<(), Failure> {
        match command {
            Command::Help => notes::tell(commands::help()),
            Command::Clear => {
                self.context = Context::new();
                self.last = None;
                notes::aside("What was said is forgotten.");
            }
            Command::Model(None) => self.tell_model(),
            Command::Model(Some(name)) => match self.talk.change_model(&name) {
                Ok(()) => self.tell_model(),
                Err(error) => notes::failure(&error),
            },
            Command::System(None) => match &self.talk.flags.system {
                Some(system) => notes::tell(system),
                None => notes::aside("There are no instructions."),
            },
            Command::System(text) => {
                self.talk.flags.system = text;
                notes::aside("These are the instructions from now on.");
            }
            Command::Save { file, overwrite } => self.save(file.as_deref(), overwrite),
            Command::Events => {
                let shown = if self.talk.printer.toggle_events() {
                    "Answers are shown as events."
                } else {
                    "Answers are shown as text."
                };
                notes::aside(shown);
            }
            Command::Retry => match self.last.take() {
                Some((question, before)) => {
                    self.context = before;
                    self.ask(question).await?;
                }
                None => notes::refuse("there is no question to ask again"),
            },
            Command::Quit => {}
        }
        Ok(())
    }

    fn save(&self, file: Option<&Path>, overwrite: bool) {
        let messages = self.context.messages();
        if messages.is_empty() {
            return notes::refuse("nothing was said yet");
        }
        let conversation = Conversation {
            model: self.talk.chosen.model.id(),
            instructions: self.talk.flags.system.as_deref(),
            messages: &messages,
        };
        match conversation.save(file, overwrite) {
            Ok(file) => notes::aside(format_args!("Saved as {}.", file.display())),
            Err(wrong) => notes::refuse(wrong),
        }
    }

    fn tell_model(&self) {
        let (model, reason) = (self.talk.chosen.model.id(), self.talk.chosen.reason);
        notes::aside(format_args!("The model is {model} ({reason})."));
    }
}
