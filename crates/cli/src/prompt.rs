//! Where the questions come from.

use std::io::{self, IsTerminal as _};

use mainstem::{Error, ErrorKind, Result};

/// What is to be answered.
pub(crate) enum Prompt {
    /// One question.
    Once(String),
    /// The lines that somebody types.
    Lines,
}

/// Reads the question from the command line and standard input.
pub(crate) fn read(argument: Option<String>) -> Result<Prompt> {
    let stdin = io::stdin();
    let (argument, piped) = match (argument, stdin.is_terminal()) {
        (None, true) => return Ok(Prompt::Lines),
        (argument, true) => (argument, String::new()),
        (argument, false) => (argument, read_all(stdin.lock())?),
    };
    let prompt = joined(
        argument.unwrap_or_default(),
        piped.trim_end_matches(['\r', '\n']),
    );
    if prompt.trim().is_empty() {
        let message = "the prompt is empty; give it as an argument, or on standard input";
        return Err(Error::new(ErrorKind::Input, message));
    }
    Ok(Prompt::Once(prompt))
}

fn read_all(mut stdin: impl io::Read) -> Result<String> {
    let mut bytes = Vec::new();
    stdin.read_to_end(&mut bytes).map_err(|error| {
        Error::new(ErrorKind::Input, "can't read standard input").with_source(error)
    })?;
    String::from_utf8(bytes)
        .map_err(|_| Error::new(ErrorKind::Input, "standard input isn't text in UTF-8"))
}

fn joined(argument: String, piped: &str) -> String {
    match (argument.is_empty(), piped.is_empty()) {
        (false, false) => format!("{argument}\n\n{piped}"),
        (true, _) => piped.to_owned(),
        (_, true) => argument,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prompt_comes_before_the_pipe() {
        assert_eq!(joined("Sum up:".into(), "a\nb"), "Sum up:\n\na\nb");
        assert_eq!(joined("Hello".into(), ""), "Hello");
        assert_eq!(joined(String::new(), "a\n\nb"), "a\n\nb");
    }
}
