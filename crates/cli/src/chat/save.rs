//! `/save`: what was said, as a file.

use std::{
    env,
    fs::OpenOptions,
    io::{self, ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use mainstem::{Message, Part, Role};
use serde::Serialize;

/// A conversation, as its JSON has it.
#[derive(Serialize)]
pub(super) struct Conversation<'a> {
    pub(super) model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) instructions: Option<&'a str>,
    pub(super) messages: &'a [Message],
}

impl Conversation<'_> {
    /// Writes it to a file, or to a new one in this folder; says which.
    ///
    /// The file's extension says what becomes of it: JSON by `.json`, else Markdown.
    pub(super) fn save(&self, file: Option<&Path>, overwrite: bool) -> Result<PathBuf, String> {
        let Some(file) = file else {
            return self.save_as_new();
        };
        let file = from_home(file);
        match self.write(&file, overwrite) {
            Ok(()) => Ok(file),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let file = file.display();
                Err(format!(
                    "{file} is there already; /save! {file} overwrites it"
                ))
            }
            Err(error) => Err(format!("can't write {}: {error}", file.display())),
        }
    }

    fn save_as_new(&self) -> Result<PathBuf, String> {
        let mut number = 1_u32;
        loop {
            let file = PathBuf::from(match number {
                1 => "chat.md".to_owned(),
                number => format!("chat-{number}.md"),
            });
            match self.write(&file, false) {
                Ok(()) => return Ok(file),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(format!("can't write {}: {error}", file.display())),
            }
        }
    }

    fn write(&self, file: &Path, overwrite: bool) -> io::Result<()> {
        let is_json = file
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        let content = if is_json {
            serde_json::to_string_pretty(self)? + "\n"
        } else {
            self.markdown()
        };
        let mut options = OpenOptions::new();
        options.write(true);
        if overwrite {
            options.create(true).truncate(true);
        } else {
            options.create_new(true);
        }
        options.open(file)?.write_all(content.as_bytes())
    }

    fn markdown(&self) -> String {
        let mut out = format!("# A chat with {}\n", self.model);
        if let Some(instructions) = self.instructions {
            out.push_str(&format!(
                "\n## Instructions\n\n{}\n",
                instructions.trim_end()
            ));
        }
        for message in self.messages {
            let who = match message.role {
                Role::User => "You",
                Role::Assistant => "Model",
                Role::System => "Instructions",
                _ => "Tool",
            };
            out.push_str(&format!("\n## {who}\n\n{}\n", words(message).trim_end()));
            if message.partial {
                out.push_str("\n*(broken off)*\n");
            }
        }
        out
    }
}

/// The text of a message, and its refusals.
fn words(message: &Message) -> String {
    let words = message.parts.iter().filter_map(|part| match part {
        Part::Refusal(refusal) => Some(&*refusal.text),
        part => part.as_text(),
    });
    words.collect()
}

/// A path in which `~` is the user's home, as in shells.
fn from_home(file: &Path) -> PathBuf {
    match (file.strip_prefix("~"), env::home_dir()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => file.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_well_as_markdown() {
        let mut broken = Message::assistant("Blu");
        broken.partial = true;
        let messages = [
            Message::user("What is a jay?"),
            Message::assistant("A *bird*.\n"),
            Message::user("Which colour?"),
            broken,
        ];
        let conversation = Conversation {
            model: "m",
            instructions: Some("Be brief."),
            messages: &messages,
        };
        assert_eq!(
            conversation.markdown(),
            "# A chat with m\n\n## Instructions\n\nBe brief.\n\n## You\n\nWhat is a jay?\n\n\
             ## Model\n\nA *bird*.\n\n## You\n\nWhich colour?\n\n## Model\n\nBlu\n\n*(broken off)*\n"
        );
    }

    #[test]
    fn home_is_where_shells_have_it() {
        let home = env::home_dir().unwrap();
        assert_eq!(from_home(Path::new("~/a.md")), home.join("a.md"));
        assert_eq!(from_home(Path::new("~a.md")), Path::new("~a.md"));
    }
}
