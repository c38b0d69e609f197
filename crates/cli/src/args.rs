//! What the command line says.
#![allow(
    clippy::doc_markdown,
    reason = "clap shows these comments as they are: back-ticks would be noise"
)]

use std::{path::PathBuf, time::Duration};

use clap::{
    Args, Parser, Subcommand, ValueEnum,
    builder::{NonEmptyStringValueParser, StyledStr},
    error::{ContextKind, ContextValue},
};

use crate::{runs::Runs, serve::Serve};

/// Talk to language models, serve agents and flows, draw flows, and look at past runs.
///
/// Without a command it is `mainstem chat`.
#[derive(Debug, Parser)]
#[command(name = "mainstem", version, after_long_help = MORE, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    flags: ChatFlags,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Chat(Chat),
    Serve(Serve),
    Diagram(Diagram),
    Runs(Runs),
}

/// Ask a model, or have a conversation with it.
///
/// With a prompt, or with text on standard input, it answers once. Given both, the text follows the
/// prompt. On a terminal without a prompt it is a conversation, until Ctrl-D or /quit; /help lists its
/// commands.
///
/// The answer alone goes to standard output; notes, the model's reasoning, its refusals and errors go
/// to standard error.
#[derive(Debug, Args)]
#[command(after_long_help = MORE)]
pub(crate) struct Chat {
    /// What to ask; quotes keep the shell's hands off it.
    pub(crate) prompt: Vec<String>,
    #[command(flatten)]
    pub(crate) flags: ChatFlags,
}

impl Chat {
    /// The question, if there is one; without quotes it comes word by word.
    pub(crate) fn prompt(&self) -> Option<String> {
        (!self.prompt.is_empty()).then(|| self.prompt.join(" "))
    }
}

/// Draw the flows that come with the program.
///
/// Without a name it draws all of them. With --run the flow runs, offline with the demo model, and the
/// picture shows what was done and how long it took: live on a terminal, and on standard output in the
/// end.
#[derive(Debug, Args)]
pub(crate) struct Diagram {
    /// Which flow to draw [default: all of them, each with what it does]
    pub(crate) name: Option<String>,

    /// How to draw it
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,

    /// Run the flow on this input, with the offline demo model, and draw the state of the run.
    #[arg(long, value_name = "INPUT", requires = "name", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) run: Option<String>,
}

/// How flows are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A tree of lines
    #[default]
    Text,
    /// A flowchart of Mermaid; all of them as Markdown with a block for each
    Mermaid,
}

/// Which model answers.
#[derive(Clone, Debug, Args)]
pub(crate) struct ModelFlags {
    /// The model: an address such as ollama://qwen3, demo, or a plain name.
    ///
    /// Without it MAINSTEM_MODEL is used; without that openai://gpt-5-mini if OPENAI_API_KEY is set,
    /// else the offline demo model. With --base-url it is the name that the server knows.
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) model: Option<String>,

    /// A server that speaks chat completions, such as http://localhost:8000/v1.
    #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) base_url: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ChatFlags {
    #[command(flatten)]
    pub(crate) answers: ModelFlags,

    /// Instructions for the model.
    #[arg(long, value_name = "TEXT")]
    pub(crate) system: Option<String>,

    /// Make the answer JSON that fits the JSON schema in this file.
    ///
    /// The JSON streams to standard output; if it doesn't fit, the exit code is 3.
    #[arg(long, value_name = "FILE")]
    pub(crate) json_schema: Option<PathBuf>,

    /// The most tokens that the model may write [default: the server's].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_tokens: Option<u32>,

    /// How far the model strays from the likeliest word [default: the server's].
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub(crate) temperature: Option<f64>,

    /// Fail if an answer takes longer than this, by the wall clock [default: no limit].
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, value_parser = seconds)]
    pub(crate) timeout: Option<Duration>,

    /// Print each event of the run as a line of JSON, instead of the text.
    #[arg(long)]
    pub(crate) events: bool,

    /// Show the text as it comes, even on a terminal, where Markdown is shown as it is meant.
    #[arg(long)]
    pub(crate) plain: bool,

    /// Don't keep the lines of a conversation for the next one.
    #[arg(long)]
    pub(crate) no_history: bool,
}

impl Cli {
    /// What the command line says.
    pub(crate) fn read() -> Result<Self, clap::Error> {
        Self::try_parse().map_err(with_tip)
    }

    /// What is to be done.
    pub(crate) fn into_command(self) -> Command {
        let flags = self.flags;
        self.command.unwrap_or(Command::Chat(Chat {
            prompt: Vec::new(),
            flags,
        }))
    }
}

/// Adds a tip for those who asked their question without `chat`.
fn with_tip(mut error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(question)) = error.get(ContextKind::InvalidSubcommand) else {
        return error;
    };
    // A misspelt command has a tip already.
    if error.get(ContextKind::SuggestedSubcommand).is_none() {
        let tip = format!("to ask a question, write `mainstem chat \"{question}\"`");
        let tips = ContextValue::StyledStrs(vec![StyledStr::from(tip)]);
        error.insert(ContextKind::Suggested, tips);
    }
    error
}

/// What is longer is a mistake, and more than clocks can take.
const LONGEST: Duration = Duration::from_secs(100 * 366 * 24 * 60 * 60);

pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "it isn't a number".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if duration > LONGEST => Err("it is longer than a century".to_owned()),
        Ok(duration) if !duration.is_zero() => Ok(duration),
        Err(_) if seconds > 0.0 => Err("it is longer than a century".to_owned()),
        _ => Err("it must be more than 0".to_owned()),
    }
}

/// The end of the long help.
pub(crate) const MORE: &str = "\
Environment:
  MAINSTEM_MODEL     the model, where --model isn't given
  MAINSTEM_PROVIDER  who serves a model that has a plain name
  OPENAI_API_KEY     the key for openai://; each provider has its own, such as
                     ANTHROPIC_API_KEY, GEMINI_API_KEY, GROQ_API_KEY
  OPENAI_BASE_URL    where openai:// is; each provider has its own
  MAINSTEM_API_KEY   the key for --base-url; no other key is sent there
  MAINSTEM_STORE     the file of runs, where --store isn't given
  MAINSTEM_TOKEN     the token that `mainstem serve` asks its clients for
  MAINSTEM_HISTORY   the file of the lines that were typed in conversations; set to nothing
                     there is none [default: ~/.local/state/mainstem/history]
  NO_COLOR           if set, nothing is coloured, and Markdown is shown as it comes

Keys come from the environment alone.

Exit codes:
  0    the model finished its answer
  1    the answer couldn't be written, say because the disk is full
  2    bad usage: a flag, a prompt, a file, a model's name or a missing key
  3    the model failed, took too long, refused, or its output isn't what was asked for
  4    the answer was truncated: it stopped without an end
  130  stopped by Ctrl-C
  141  the reader of standard output went away, as `head` does
  143  ended by SIGTERM

Text that came before a failure stays on standard output.

Examples:
  mainstem chat \"Why is the sky blue?\"
  git diff | mainstem chat --system \"Be brief.\" \"Write a commit message.\"
  mainstem chat --base-url http://localhost:8000/v1 --model qwen3 \"Hello\"
  mainstem chat --json-schema bird.json \"Describe a jay.\" | jq .name
  mainstem diagram guide --run \"What is an event?\"
  mainstem runs --store runs.db --status failed --since 2d";

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_without_a_command_are_those_of_chat() {
        let cli = Cli::try_parse_from(["mainstem", "--model", "demo"]).unwrap();
        let Command::Chat(chat) = cli.into_command() else {
            panic!("it is a chat");
        };
        assert_eq!(chat.flags.answers.model.as_deref(), Some("demo"));
        assert!(chat.prompt.is_empty());
        // A misspelt command is no prompt.
        assert!(Cli::try_parse_from(["mainstem", "caht"]).is_err());
    }

    #[test]
    fn a_question_may_come_word_by_word() {
        let words = [
            "mainstem", "chat", "how", "do", "--model", "demo", "I", "stop?",
        ];
        let cli = Cli::try_parse_from(words).unwrap();
        let Command::Chat(chat) = cli.into_command() else {
            panic!("it is a chat");
        };
        assert_eq!(chat.prompt().as_deref(), Some("how do I stop?"));
    }

    #[test]
    fn a_question_without_a_command_has_a_tip() {
        let told = |argument: &str| {
            let error = Cli::try_parse_from(["mainstem", argument]).unwrap_err();
            with_tip(error).to_string()
        };
        let tip = r#"tip: to ask a question, write `mainstem chat "Why is it blue?"`"#;
        assert!(told("Why is it blue?").contains(tip));
        let misspelt = told("caht");
        assert!(
            misspelt.contains("'chat'") && !misspelt.contains("question"),
            "{misspelt}"
        );
    }

    #[test]
    fn a_timeout_is_more_than_nothing() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for wrong in ["0", "-1", "NaN", "inf", "1e300", "soon", ""] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
