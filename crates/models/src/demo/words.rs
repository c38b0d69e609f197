//! Words and numbers to fill documents with.

use std::collections::HashMap;

use super::{library::library, page::Section};

/// Where the strings and numbers of a made-up document come from.
///
/// Texts are taken in turn, so that neighbours differ.
pub(super) struct Words {
    /// What names of properties like `title` get.
    titles: Texts,
    /// What names like `summary` get.
    sentences: Texts,
    /// What everything else gets.
    words: Texts,
    /// Numbers that are to be used first.
    numbers: Vec<f64>,
    /// All that the user said, in lower case, to choose among given values.
    said: String,
    /// Whether the whole text goes into strings like `query`.
    whole: Option<String>,
    /// How often each property got a text that is made up from its name. Such texts, and all of the
    /// docs, say that they are a demo; a tool's arguments don't.
    made_up: Option<HashMap<String, usize>>,
    count: usize,
}

/// Texts that are taken in turn, again from the first after the last.
struct Texts {
    texts: Vec<String>,
    taken: usize,
}

impl Texts {
    fn new(texts: Vec<String>) -> Self {
        Self { texts, taken: 0 }
    }

    fn take(&mut self) -> Option<String> {
        let at = self.taken.checked_rem(self.texts.len())?;
        self.taken += 1;
        self.texts.get(at).cloned()
    }
}

impl Words {
    /// The words of a passage of the docs, or else of the question, for a document about it.
    pub(super) fn of_docs(section: Option<&Section>, said: &str) -> Self {
        let (title, prose) = match section {
            Some(section) => (
                section.heading.clone(),
                section.prose().replace(['`', '|', '*'], ""),
            ),
            None => {
                let subject = subject(said);
                let sentence = format!("this is what a model would write about {subject}.");
                (subject, sentence)
            }
        };
        let words = plain_words(&prose);
        Self {
            titles: Texts::new(joined(vec![title], &words)),
            sentences: Texts::new(sentences(&prose)),
            words: Texts::new(words),
            numbers: Vec::new(),
            said: said.to_lowercase(),
            whole: None,
            made_up: Some(HashMap::new()),
            count: 0,
        }
    }

    /// The user's own words, for the arguments of a tool.
    pub(super) fn of_user(said: &str) -> Self {
        let names = names(said);
        let words = match quoted(said) {
            Some(quoted) => vec![quoted],
            None if names.is_empty() => plain_words(said),
            None => names.clone(),
        };
        Self {
            titles: Texts::new(joined(names, &words)),
            sentences: Texts::new(vec![said.trim().to_owned()]),
            words: Texts::new(words),
            numbers: numbers(said),
            said: said.to_lowercase(),
            whole: Some(said.trim().to_owned()),
            made_up: None,
            count: 0,
        }
    }

    /// A text for a property of a name.
    pub(super) fn text(&mut self, property: &str) -> String {
        const LONG: [&str; 8] = [
            "summary",
            "description",
            "content",
            "body",
            "reason",
            "answer",
            "comment",
            "explanation",
        ];
        const WHOLE: [&str; 8] = [
            "query", "question", "text", "input", "message", "prompt", "search", "request",
        ];
        let property = property.to_lowercase();
        let is = |names: &[&str]| names.iter().any(|name| property.contains(name));
        if let Some(whole) = self.whole.as_ref().filter(|_| is(&WHOLE)) {
            return whole.clone();
        }
        let is_title = is(&["title", "name", "subject", "topic"]);
        let from = if is(&LONG) || is(&WHOLE) {
            &mut self.sentences
        } else if is_title {
            &mut self.titles
        } else if let Some(times) = self.made_up.as_mut().filter(|_| !property.is_empty()) {
            return made_up(&property, times);
        } else {
            &mut self.words
        };
        let text = from.take().or_else(|| self.words.take());
        let text = text.unwrap_or_else(|| "jay".to_owned());
        match self.made_up {
            Some(_) => format!("Demo: {text}"),
            None => text,
        }
    }

    /// Another number that the user gave, if it is good for something.
    pub(super) fn number(&mut self, is_good: impl Fn(f64) -> bool) -> Option<f64> {
        let at = self.numbers.iter().position(|number| is_good(*number))?;
        Some(self.numbers.remove(at))
    }

    /// Counts, from 1, for what is made up and should differ.
    pub(super) fn count(&mut self) -> usize {
        self.count += 1;
        self.count
    }

    /// Whether the user said this word.
    pub(super) fn heard(&self, word: &str) -> bool {
        let spoken = self.said.split(|char: char| !char.is_alphanumeric());
        let word = word.to_lowercase();
        spoken.into_iter().any(|said| said == word)
    }
}

/// A text for a property that says nothing of what stands in it but its name.
fn made_up(property: &str, times: &mut HashMap<String, usize>) -> String {
    let name = property.replace(['_', '-'], " ");
    let count = times.entry(property.to_owned()).or_default();
    *count += 1;
    match count {
        1 => format!("demo {name}"),
        count => format!("demo {name} {count}"),
    }
}

/// What a text is about, most likely: a name, what is quoted, or its last words that matter.
fn subject(said: &str) -> String {
    const ASKING: [&str; 12] = [
        "describe", "write", "give", "tell", "make", "list", "extract", "show", "please", "want",
        "need", "create",
    ];
    if let Some(name) = quoted(said).or_else(|| names(said).into_iter().next()) {
        return name;
    }
    let words = said.split(|char: char| !char.is_alphanumeric());
    let mut matter: Vec<_> = words
        .filter(|word| !ASKING.contains(&word.to_lowercase().as_str()))
        .filter(|word| !library().stems(word).is_empty())
        .collect();
    let last = matter.split_off(matter.len().saturating_sub(3));
    if last.is_empty() {
        return "nothing in particular".to_owned();
    }
    last.join(" ")
}

/// The texts, and the words that aren't among them.
fn joined(mut texts: Vec<String>, words: &[String]) -> Vec<String> {
    let new: Vec<_> = words
        .iter()
        .filter(|word| !texts.contains(*word))
        .cloned()
        .collect();
    texts.extend(new);
    texts
}

fn sentences(prose: &str) -> Vec<String> {
    let sentences = prose.split_inclusive(['.', '\n']).map(str::trim);
    sentences
        .filter(|text| text.split(' ').count() > 2)
        .map(str::to_owned)
        .collect()
}

/// Words of some length, each once, without those that every text has.
fn plain_words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split(|char: char| !char.is_alphanumeric()) {
        let matters = word.chars().count() > 3 && !library().stems(word).is_empty();
        if matters && word.parse::<f64>().is_err() && !words.iter().any(|known| known == word) {
            words.push(word.to_owned());
        }
    }
    words
}

/// What stands in quotes.
fn quoted(text: &str) -> Option<String> {
    let (_, rest) = text.split_once(['"', '«', '“'])?;
    let (quoted, _) = rest.split_once(['"', '»', '”'])?;
    (!quoted.trim().is_empty()).then(|| quoted.trim().to_owned())
}

/// Runs of words with a capital that don't begin a sentence: most likely names.
fn names(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let (mut begins, mut open) = (true, false);
    for word in text.split_whitespace() {
        let plain = word.trim_matches(|char: char| !char.is_alphanumeric());
        let is_name = !begins && plain.len() > 1 && plain.starts_with(char::is_uppercase);
        match names.last_mut().filter(|_| open && is_name) {
            Some(name) => *name = format!("{name} {plain}"),
            None if is_name => names.push(plain.to_owned()),
            None => {}
        }
        open = is_name && word.ends_with(char::is_alphanumeric);
        begins = word.ends_with(['.', '!', '?', ':']);
    }
    names
}

fn numbers(text: &str) -> Vec<f64> {
    let digits = |char: char| char.is_ascii_digit() || matches!(char, '.' | '-');
    text.split(|char| !digits(char))
        .map(|number| number.trim_end_matches(['.', '-']))
        .filter_map(|number| number.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subject_is_what_was_asked_about() {
        for (said, expected) in [
            ("Describe a jay.", "jay"),
            ("Please write a recipe for pancakes", "recipe pancakes"),
            ("Tell me about New York.", "New York"),
            ("Who wrote \"Emma\"?", "Emma"),
            ("What is it?", "nothing in particular"),
        ] {
            assert_eq!(subject(said), expected);
        }
    }

    #[test]
    fn names_numbers_and_quotes_are_found_in_a_sentence() {
        let text = "Is it 7.5 degrees in New York, or -3 in Oslo? Write \"cold day\".";
        assert_eq!(names(text), ["New York", "Oslo"]);
        assert_eq!(numbers(text), [7.5, -3.0]);
        assert_eq!(quoted(text).as_deref(), Some("cold day"));
    }
}
