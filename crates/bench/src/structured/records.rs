//! Documents as models write them: a list of records, each alike and none the same.

use anyhow::Result;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Records {
    pub(crate) records: Vec<Record>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Record {
    id: u64,
    name: String,
    score: f64,
    tags: Vec<String>,
    active: bool,
    note: String,
}

/// A document of at least so many bytes, and at most one record more. Always the same one.
pub(crate) fn document(bytes: usize) -> Result<String> {
    let mut random = Random(1);
    // All of its room at once, so that nothing else is ever on the heap beside it.
    let mut text = String::with_capacity(bytes + 512);
    text.push_str(r#"{"records":["#);
    for id in 0.. {
        if id > 0 {
            text.push(',');
        }
        text.push_str(&serde_json::to_string(&record(id, &mut random))?);
        if text.len() + 2 >= bytes {
            break;
        }
    }
    text.push_str("]}");
    Ok(text)
}

fn record(id: u64, random: &mut Random) -> Record {
    Record {
        id,
        name: random.words(2),
        score: random.below(100_000) as f64 / 100.0,
        tags: (0..random.below(4)).map(|_| random.words(1)).collect(),
        active: random.below(2) == 0,
        note: format!(
            "{}\n\"{}\" – {}",
            random.words(6),
            random.words(3),
            random.words(5)
        ),
    }
}

const WORDS: [&str; 12] = [
    "the", "jay", "magpie", "häher", "lays", "five", "eggs", "in", "an", "oak", "before", "snow",
];

/// Numbers without a pattern, the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn words(&mut self, count: usize) -> String {
        let words: Vec<_> = (0..count)
            .map(|_| WORDS[self.below(WORDS.len() as u64) as usize])
            .collect();
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_has_its_size_and_parses() {
        for bytes in [1_000, 10_000, 100_000] {
            let text = document(bytes).unwrap();
            assert!((bytes..bytes + 300).contains(&text.len()), "{}", text.len());
            let records: Records = serde_json::from_str(&text).unwrap();
            assert_eq!(serde_json::to_string(&records).unwrap(), text);
        }
    }
}
