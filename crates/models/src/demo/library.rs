//! The bundled pages, and the search in them.

use std::{collections::HashSet, sync::LazyLock};

use bm25::{
    DefaultTokenizer, Language, SearchEngine, SearchEngineBuilder, SearchResult, Tokenizer,
};

use super::page::{Section, sections};

/// The pages of the repository's folder `docs`, by way of this crate's link to it.
const PAGES: &[(&str, &str)] = &[
    (
        "docs/getting-started.md",
        include_str!("../../docs/getting-started.md"),
    ),
    ("docs/agents.md", include_str!("../../docs/agents.md")),
    ("docs/tools.md", include_str!("../../docs/tools.md")),
    ("docs/prompts.md", include_str!("../../docs/prompts.md")),
    ("docs/mcp.md", include_str!("../../docs/mcp.md")),
    ("docs/guards.md", include_str!("../../docs/guards.md")),
    ("docs/flows.md", include_str!("../../docs/flows.md")),
    ("docs/routing.md", include_str!("../../docs/routing.md")),
    (
        "docs/interviews.md",
        include_str!("../../docs/interviews.md"),
    ),
    ("docs/runs.md", include_str!("../../docs/runs.md")),
    ("docs/events.md", include_str!("../../docs/events.md")),
    ("docs/context.md", include_str!("../../docs/context.md")),
    ("docs/errors.md", include_str!("../../docs/errors.md")),
    ("docs/models.md", include_str!("../../docs/models.md")),
    ("docs/limits.md", include_str!("../../docs/limits.md")),
    ("docs/recovery.md", include_str!("../../docs/recovery.md")),
    ("docs/faults.md", include_str!("../../docs/faults.md")),
    (
        "docs/structured.md",
        include_str!("../../docs/structured.md"),
    ),
    ("docs/testing.md", include_str!("../../docs/testing.md")),
    ("docs/cli.md", include_str!("../../docs/cli.md")),
    ("docs/stores.md", include_str!("../../docs/stores.md")),
    ("docs/progress.md", include_str!("../../docs/progress.md")),
    ("docs/resuming.md", include_str!("../../docs/resuming.md")),
    ("docs/serving.md", include_str!("../../docs/serving.md")),
    ("docs/sessions.md", include_str!("../../docs/sessions.md")),
    ("docs/security.md", include_str!("../../docs/security.md")),
    ("docs/traces.md", include_str!("../../docs/traces.md")),
    ("docs/wires.md", include_str!("../../docs/wires.md")),
    ("docs/examples.md", include_str!("../../docs/examples.md")),
];

/// How often a section's heading and its page's title count, as against its prose.
const HEADING_WEIGHT: usize = 3;
const TITLE_WEIGHT: usize = 2;

/// How much of a question a passage must speak of, by the weight of the words.
const LEAST_COVER: f64 = 0.4;

/// What says nothing about where to look.
const EMPTY_WORDS: [&str; 43] = [
    "keep",
    "tell",
    "know",
    "put",
    "give",
    "want",
    "get",
    "make",
    "use",
    "need",
    "say",
    "said",
    "like",
    "would",
    "could",
    "should",
    "show",
    "explain",
    "please",
    "mean",
    "happen",
    "happens",
    "work",
    "works",
    "thing",
    "way",
    "something",
    "anything",
    "must",
    "let",
    "set",
    "one",
    "rust",
    "handle",
    "see",
    "rather",
    "instead",
    "real",
    "still",
    "back",
    "unit",
    "bar",
    "world",
];

/// What newcomers say, and what the docs call it.
const OTHER_WORDS: [(&str, &str); 12] = [
    ("mainstem", "getting started"),
    ("abort", "stop"),
    ("cancel", "stop"),
    ("interrupt", "stop"),
    ("timeout", "time limits"),
    ("deadline", "wall clock time limits"),
    ("history", "conversation messages"),
    ("recall", "memory remember"),
    ("retry", "try again"),
    ("terminal", "command line"),
    ("offline", "demo model local"),
    ("mock", "scripted model testing"),
];

pub(super) struct Library {
    sections: Vec<Section>,
    /// The stems of each section.
    stems: Vec<HashSet<String>>,
    engine: SearchEngine<u32>,
    tokenizer: DefaultTokenizer,
}

/// The library of the bundled pages; made at the first question.
pub(super) fn library() -> &'static Library {
    static LIBRARY: LazyLock<Library> = LazyLock::new(|| Library::of(PAGES));
    &LIBRARY
}

impl Library {
    fn of(pages: &[(&'static str, &'static str)]) -> Self {
        let sections: Vec<_> = pages
            .iter()
            .flat_map(|(page, markdown)| sections(page, markdown))
            .collect();
        let texts: Vec<_> = sections.iter().map(weighted).collect();
        let tokenizer = DefaultTokenizer::new(Language::English);
        Self {
            stems: texts
                .iter()
                .map(|text| tokenizer.tokenize(text).into_iter().collect())
                .collect(),
            engine: SearchEngineBuilder::<u32>::with_corpus(Language::English, texts).build(),
            tokenizer,
            sections,
        }
    }

    /// The stems of the words that matter.
    pub(super) fn stems(&self, text: &str) -> Vec<String> {
        self.tokenizer.tokenize(text)
    }

    /// The words of a question that say what it is about, in the docs' own terms.
    fn terms(&self, question: &str) -> String {
        let mut terms = String::new();
        for word in question.split(|char: char| !char.is_alphanumeric() && char != '_') {
            let lower = word.to_lowercase();
            if EMPTY_WORDS.contains(&lower.as_str()) {
                continue;
            }
            let other = OTHER_WORDS.iter().find(|(said, _)| *said == lower);
            terms.push_str(other.map_or(word, |(_, meant)| meant));
            terms.push(' ');
        }
        terms
    }

    /// The passage that fits best, among those that aren't left out; none, if none fits well.
    pub(super) fn find(
        &self,
        question: &str,
        left_out: impl Fn(&Section) -> bool,
    ) -> Option<&Section> {
        let asked_for = self
            .definition(question)
            .or_else(|| self.headline(question));
        if let Some(section) = asked_for.filter(|found| !left_out(found)) {
            return Some(section);
        }
        let terms = self.terms(question);
        let stems = self.stems(&terms);
        let mut hits = self.engine.search(&terms, None);
        let score = |hit: &SearchResult<u32>| {
            f64::from(hit.score) * (1.0 + self.headed(hit.document.id as usize, &stems))
        };
        hits.sort_by(|a, b| {
            score(b)
                .total_cmp(&score(a))
                .then(a.document.id.cmp(&b.document.id))
        });
        let fitting = hits
            .iter()
            .map(|hit| hit.document.id as usize)
            .filter(|id| self.covers(*id, &stems));
        fitting
            .filter_map(|id| self.sections.get(id))
            .find(|section| !left_out(section))
    }

    /// The opening of the page about a thing, if it is asked what that is.
    fn definition(&self, question: &str) -> Option<&Section> {
        let words = question.trim().to_lowercase();
        let asked = ["what is ", "what are ", "what's ", "define "];
        let thing = asked.iter().find_map(|asks| words.strip_prefix(asks))?;
        let stems = self.stems(thing);
        let is_about = |section: &&Section| {
            section.heading == section.title && self.stems(&section.title) == stems
        };
        self.sections.iter().find(is_about)
    }

    /// The section whose heading is asked, word for word.
    fn headline(&self, question: &str) -> Option<&Section> {
        let question = question.to_lowercase();
        let is_asked = |section: &&Section| {
            let heading = section.heading.to_lowercase();
            heading.split(' ').count() > 2 && question.contains(&heading)
        };
        self.sections.iter().find(is_asked)
    }

    /// Whether a section speaks of most of the words: a common word or two are no match.
    fn covers(&self, id: usize, stems: &[String]) -> bool {
        let Some(there) = self.stems.get(id) else {
            return false;
        };
        let all: f64 = stems.iter().map(|stem| self.weight(stem)).sum();
        let found = stems.iter().filter(|stem| there.contains(*stem));
        found.map(|stem| self.weight(stem)).sum::<f64>() >= LEAST_COVER * all
    }

    /// How much of a question stands in a section's heading, 0 to 1.
    fn headed(&self, id: usize, stems: &[String]) -> f64 {
        let Some(section) = self.sections.get(id) else {
            return 0.0;
        };
        let heading = self.stems(&section.heading);
        let all: f64 = stems.iter().map(|stem| self.weight(stem)).sum();
        let found = stems.iter().filter(|stem| heading.contains(*stem));
        found.map(|stem| self.weight(stem)).sum::<f64>() / all.max(f64::MIN_POSITIVE)
    }

    /// How rare a word is: its inverse document frequency.
    fn weight(&self, stem: &str) -> f64 {
        let all = self.stems.len() as f64;
        let with = self
            .stems
            .iter()
            .filter(|stems| stems.contains(stem))
            .count() as f64;
        (1.0 + (all - with + 0.5) / (with + 0.5)).ln()
    }
}

/// What is searched: the prose, and the headings as often as they count.
fn weighted(section: &Section) -> String {
    let mut text = without_data(&section.prose());
    for _ in 0..HEADING_WEIGHT {
        text.push_str(&section.heading);
        text.push('\n');
    }
    for _ in 0..TITLE_WEIGHT {
        text.push_str(&section.title);
        text.push('\n');
    }
    text
}

/// Without the JSON in tables of examples, which is about anything.
fn without_data(prose: &str) -> String {
    let is_data = |span: &&str| span.starts_with('{') && span.ends_with('}');
    prose
        .split('`')
        .filter(|span| !is_data(span))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_bundled() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs");
        let mut there: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".md"))
            .map(|name| format!("docs/{name}"))
            .collect();
        let mut bundled: Vec<_> = PAGES.iter().map(|(page, _)| (*page).to_owned()).collect();
        there.sort();
        bundled.sort();
        assert_eq!(there, bundled);
    }
}
