//! The commands of a conversation: `/help` and its like.

use std::path::PathBuf;

/// What somebody asks of the program, not of the model.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Help,
    Clear,
    Model(Option<String>),
    Save {
        file: Option<PathBuf>,
        overwrite: bool,
    },
    System(Option<String>),
    Retry,
    Events,
    Quit,
}

/// The name of each command, what follows it, and what it does.
const ALL: [(&str, &str, &str); 8] = [
    ("/help", "", "lists the commands"),
    ("/clear", "", "forgets what was said"),
    (
        "/model",
        " [NAME]",
        "shows the model, or changes it; what was said stays",
    ),
    (
        "/save",
        " [FILE]",
        "saves what was said as Markdown, or JSON by .json; /save! overwrites",
    ),
    (
        "/system",
        " [TEXT]",
        "shows the instructions for the model, or changes them",
    ),
    (
        "/retry",
        "",
        "asks the last question again, in place of its answer",
    ),
    (
        "/events",
        "",
        "shows each event of an answer as a line of JSON, or the text again",
    ),
    ("/quit", "", "ends the chat, as does Ctrl-D"),
];

/// The names of all commands.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|(name, ..)| *name)
}

/// The text of `/help`.
pub(super) fn help() -> String {
    let mut help = String::new();
    for (name, argument, what) in ALL {
        let usage = format!("{name}{argument}");
        help.push_str(&format!("  {usage:<15} {what}\n"));
    }
    help.push_str(
        "Ctrl-C stops an answer. Alt-Enter, or a backslash at the end, begins a new line.\n\
         A blank before a slash makes it a part of a question.",
    );
    help
}

/// The command on a line; none, if it is a question. An error says what is wrong with it.
pub(super) fn parse(line: &str) -> Option<Result<Command, String>> {
    if !line.starts_with('/') || line.contains('\n') {
        return None;
    }
    let (name, argument) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    // A path is no command, nor is a comment of C.
    let is_word = name[1..]
        .trim_end_matches('!')
        .chars()
        .all(char::is_alphabetic);
    if !is_word || name.len() == 1 {
        return None;
    }
    let argument = Some(argument.trim().to_owned()).filter(|argument| !argument.is_empty());
    let command = match (name, &argument) {
        ("/model", _) => Command::Model(argument),
        ("/save" | "/save!", _) => Command::Save {
            file: argument.map(PathBuf::from),
            overwrite: name.ends_with('!'),
        },
        ("/system", _) => Command::System(argument),
        (name, Some(_)) if names().any(|known| known == name) => {
            return Some(Err(format!("{name} takes nothing after it")));
        }
        ("/help", None) => Command::Help,
        ("/clear", None) => Command::Clear,
        ("/retry", None) => Command::Retry,
        ("/events", None) => Command::Events,
        ("/quit", None) => Command::Quit,
        _ => return Some(Err(unknown(name))),
    };
    Some(Ok(command))
}

fn unknown(name: &str) -> String {
    let distance = |known: &&str| strsim::damerau_levenshtein(known, name);
    let nearest = names()
        .filter(|known| known.starts_with(name) || distance(known) <= 2)
        .min_by_key(distance);
    match nearest {
        Some(nearest) => format!("there is no command {name}; did you mean {nearest}?"),
        None => format!("there is no command {name}; /help lists them"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_from_questions() {
        assert_eq!(parse("/quit"), Some(Ok(Command::Quit)));
        assert_eq!(parse("/model "), Some(Ok(Command::Model(None))));
        let model = Command::Model(Some("ollama://qwen3".into()));
        assert_eq!(parse("/model  ollama://qwen3"), Some(Ok(model)));
        let save = Command::Save {
            file: Some("my chat.md".into()),
            overwrite: true,
        };
        assert_eq!(parse("/save! my chat.md"), Some(Ok(save)));
        for question in [
            "help",
            " /help",
            "/etc/hosts",
            "// a comment",
            "/help\nme",
            "/",
            "/1",
        ] {
            assert_eq!(parse(question), None, "{question:?}");
        }
    }

    #[test]
    fn every_name_is_a_command() {
        for name in names() {
            assert!(matches!(parse(name), Some(Ok(_))), "{name}");
            assert!(help().contains(name));
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        let told = |line| parse(line).unwrap().unwrap_err();
        assert_eq!(
            told("/hepl"),
            "there is no command /hepl; did you mean /help?"
        );
        assert_eq!(
            told("/sys"),
            "there is no command /sys; did you mean /system?"
        );
        assert_eq!(
            told("/exit"),
            "there is no command /exit; did you mean /quit?"
        );
        assert_eq!(
            told("/nonsense"),
            "there is no command /nonsense; /help lists them"
        );
        assert_eq!(told("/quit now"), "/quit takes nothing after it");
    }
}
