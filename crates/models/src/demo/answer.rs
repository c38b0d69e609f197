//! Answers in text.

use mainstem_core::{ModelRequest, Role};

use super::{
    asked::{Asked, Outcome, asked},
    library::{Library, library},
    page::{Block, Section},
};

/// About how many characters of a passage are recited.
const LENGTH: usize = 900;

/// What it can be asked, for those who don't know yet.
pub(super) const SUGGESTIONS: [&str; 5] = [
    "How do I stop a run?",
    "How does an agent remember a conversation?",
    "How do I get a struct instead of text?",
    "Which environment variables hold the keys?",
    "How do I test my code without a model?",
];

/// The answer to a request that wants text.
pub(super) fn answer(request: &ModelRequest) -> String {
    match asked(request) {
        Asked::Results(results) => recount(&results),
        Asked::Nothing => {
            suggest("There are no words in your message, and I am only the demo model.")
        }
        Asked::Question { words, .. } if is_greeting(&words) => suggest(
            "Hello! I am Mainstem's demo model. I am not a language model: I recite its docs.",
        ),
        Asked::Question { words, before } => {
            let library = library();
            match passage(library, request, &words, before) {
                Some(section) => recite(library, section, &words),
                None => suggest(
                    "I found nothing about that. I am only the demo model, and know nothing but \
                     Mainstem's docs.",
                ),
            }
        }
    }
}

/// The passage for a question; a very short one counts together with the one before it.
pub(super) fn passage(
    library: &'static Library,
    request: &ModelRequest,
    words: &str,
    before: Option<String>,
) -> Option<&'static Section> {
    let before = before.filter(|_| words.split_whitespace().count() <= 3);
    let query = match &before {
        Some(before) => format!("{words} {before}"),
        None => words.to_owned(),
    };
    let wants_more = before.is_some() && asks_for_more(words);
    library.find(&query, |section| wants_more && was_shown(request, section))
}

fn asks_for_more(words: &str) -> bool {
    const MORE: [&str; 8] = [
        "more", "else", "continue", "next", "again", "on", "further", "another",
    ];
    letters(words).split(' ').any(|word| MORE.contains(&word))
}

fn was_shown(request: &ModelRequest, section: &Section) -> bool {
    let citation = section.citation();
    let mut messages = request.messages.iter();
    messages.any(|message| message.role == Role::Assistant && message.text().contains(&citation))
}

fn is_greeting(words: &str) -> bool {
    const GREETINGS: [&str; 14] = [
        "hello",
        "hi",
        "hey",
        "hello there",
        "hi there",
        "hey there",
        "good morning",
        "good day",
        "good evening",
        "who are you",
        "what are you",
        "what can you do",
        "help",
        "test",
    ];
    GREETINGS.contains(&letters(words).as_str())
}

/// The words alone, in lower case.
fn letters(words: &str) -> String {
    let plain: String = words
        .chars()
        .map(|char| if char.is_alphanumeric() { char } else { ' ' })
        .collect();
    plain
        .to_lowercase()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

fn suggest(sentence: &str) -> String {
    let mut text = format!("{sentence}\n\nAsk me, for example:\n");
    for suggestion in SUGGESTIONS {
        text.push_str(&format!("\n- {suggestion}"));
    }
    text
}

fn recount(results: &[Outcome<'_>]) -> String {
    let mut text = "I am the demo model, and can only repeat what I am told.".to_owned();
    for Outcome { tool, result } in results {
        let tool = tool.unwrap_or("a tool");
        let verb = if result.is_error {
            "failed with"
        } else {
            "answered"
        };
        text.push_str(&format!("\n\n`{tool}` {verb}: {}", result.output));
    }
    text
}

fn recite(library: &Library, section: &Section, words: &str) -> String {
    let mut text = "The demo model found this in the docs:\n\n".to_owned();
    let mut left = LENGTH;
    for (at, block) in section.blocks.iter().enumerate() {
        let Some(block) = fit(library, block, left, at == 0, words) else {
            break;
        };
        left = left.saturating_sub(block.chars().count());
        text.push_str(&block);
        text.push_str("\n\n");
    }
    text + &section.citation()
}

/// A block, if there is room for it; the first one is cut to make it fit.
fn fit(library: &Library, block: &Block, room: usize, first: bool, words: &str) -> Option<String> {
    match block {
        Block::Prose(text) | Block::Code(text) if text.chars().count() <= room => {
            Some(text.clone())
        }
        Block::Prose(text) if first => Some(sentences(text, room).to_owned()),
        Block::Prose(_) | Block::Code(_) => None,
        Block::Table(rows) => rows_about(library, rows, room, words),
    }
}

/// As many whole sentences as there is room for, at least one.
fn sentences(text: &str, room: usize) -> &str {
    let ends: Vec<_> = text.match_indices(". ").map(|(at, _)| at + 1).collect();
    let fitting = ends
        .iter()
        .rev()
        .find(|end| text[..**end].chars().count() <= room);
    let end = fitting.or(ends.first()).copied().unwrap_or(text.len());
    &text[..end]
}

/// A table, whole or with the rows that the question is about; its first two are the head.
fn rows_about(library: &Library, rows: &[String], room: usize, words: &str) -> Option<String> {
    let whole = rows.join("\n");
    if whole.chars().count() <= room {
        return Some(whole);
    }
    let stems = library.stems(words);
    let (head, body) = rows.split_at_checked(2)?;
    let about = |row: &&String| library.stems(row).iter().any(|stem| stems.contains(stem));
    let chosen: Vec<_> = body.iter().filter(about).collect();
    let chosen = if chosen.is_empty() {
        body.iter().collect()
    } else {
        chosen
    };

    let mut text = head.join("\n");
    for row in chosen {
        if text.chars().count() + row.chars().count() > room {
            break;
        }
        text.push('\n');
        text.push_str(row);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_is_at_the_end_of_a_sentence() {
        assert_eq!(sentences("One. Two. Three.", 10), "One. Two.");
        assert_eq!(sentences("One is long. Two.", 3), "One is long.");
        assert_eq!(sentences("One", 1), "One");
    }

    #[test]
    fn every_suggestion_finds_a_passage() {
        for suggestion in SUGGESTIONS {
            assert!(
                library().find(suggestion, |_| false).is_some(),
                "{suggestion}"
            );
        }
    }
}
