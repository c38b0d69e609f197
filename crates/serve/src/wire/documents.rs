//! JSON documents out of pieces.

use std::collections::HashMap;

use mainstem_core::{Place, StepPath};

/// The documents under way, by the step that says them.
#[derive(Debug, Default)]
pub(super) struct Documents {
    open: HashMap<StepPath, Document>,
}

impl Documents {
    /// The next piece of what a step says; each document that it completes is given.
    pub(super) fn feed(
        &mut self,
        path: &StepPath,
        place: Place,
        text: &str,
        mut give: impl FnMut(&str),
    ) {
        let document = match self.open.get_mut(path) {
            Some(document) => document,
            None => self.open.entry(path.clone()).or_default(),
        };
        document.last = place;
        let mut rest = text;
        while let Some(end) = document.end_in(rest) {
            document.text.push_str(&rest[..end]);
            if !document.text.trim_ascii().is_empty() {
                give(&document.text);
            }
            *document = Document {
                last: place,
                ..Document::default()
            };
            rest = &rest[end..];
        }
        document.text.push_str(rest);
    }

    /// A step has ended: so has its document, if it is one that only ends so, as a number does.
    pub(super) fn end(&mut self, ended: &StepPath, mut give: impl FnMut(&str)) {
        let mut over: Vec<_> = self
            .open
            .extract_if(|path, _| path.is_within(ended))
            .filter(|(_, document)| document.is_word)
            .collect();
        over.sort_by_key(|(_, document)| document.last);
        for (_, document) in &over {
            give(&document.text);
        }
    }

    /// What was said of a path and below since a place is void.
    pub(super) fn forget(&mut self, path: &StepPath, since: Place) {
        self.open
            .retain(|said, document| !(said.is_within(path) && document.last >= since));
    }
}

/// A document that isn't complete, byte by byte: how deep it is, and whether in a string.
#[derive(Debug, Default)]
struct Document {
    text: String,
    /// The place of its last piece.
    last: Place,
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    /// A number, `true`, `false` or `null`.
    is_word: bool,
}

impl Document {
    /// Where it ends in what comes next, if it does. Whether it is JSON is for others to say.
    fn end_in(&mut self, text: &str) -> Option<usize> {
        for (at, byte) in text.bytes().enumerate() {
            if self.in_string {
                match byte {
                    _ if self.is_escaped => self.is_escaped = false,
                    b'\\' => self.is_escaped = true,
                    b'"' => {
                        self.in_string = false;
                        if self.depth == 0 {
                            return Some(at + 1);
                        }
                    }
                    _ => {}
                }
                continue;
            }
            let ends_word =
                self.is_word && matches!(byte, b'{' | b'[' | b'"' | b' ' | b'\n' | b'\r' | b'\t');
            if ends_word {
                return Some(at);
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(at + 1);
                    }
                }
                _ if byte.is_ascii_whitespace() => {}
                _ => self.is_word |= self.depth == 0,
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use mainstem_core::{Epoch, Seq};
    use proptest::prelude::*;

    use super::*;

    fn place(seq: u64) -> Place {
        Place::new(Epoch::FIRST, Seq(seq))
    }

    #[test]
    fn documents_that_follow_each_other_are_taken_apart_wherever_they_are_cut() {
        let all = r#" {"a":"}\"","b":[1]}[2]"x y" 12 true{}null"#;
        let whole = [
            r#"{"a":"}\"","b":[1]}"#,
            "[2]",
            r#""x y""#,
            "12",
            "true",
            "{}",
            "null",
        ];
        proptest!(|(cuts in proptest::collection::vec(0..all.len(), 0..6))| {
            let mut cuts = cuts;
            cuts.extend([0, all.len()]);
            cuts.sort_unstable();
            let path = StepPath::run();
            let mut documents = Documents::default();
            let mut given = Vec::new();
            for cut in cuts.windows(2) {
                documents.feed(&path, place(1), &all[cut[0]..cut[1]], |text| given.push(text.trim().to_owned()));
            }
            documents.end(&path, |text| given.push(text.trim().to_owned()));
            prop_assert_eq!(given, whole);
        });
    }

    #[test]
    fn a_document_is_its_steps_alone_and_void_if_part_of_it_is() {
        let step = |name| StepPath::run().child(name);
        let mut documents = Documents::default();
        let mut given = Vec::new();
        for (seq, name, text) in [
            (1, "a", "[1"),
            (2, "b", "[2"),
            (3, "a", ",3]"),
            (4, "c", "[4"),
        ] {
            documents.feed(&step(name), place(seq), text, |text| {
                given.push(text.to_owned());
            });
        }
        documents.forget(&step("b"), place(3));
        documents.forget(&step("c"), place(4));
        for (seq, name, text) in [(5, "b", "]"), (6, "c", "[5]")] {
            documents.feed(&step(name), place(seq), text, |text| {
                given.push(text.to_owned());
            });
        }
        assert_eq!(given, ["[1,3]", "[2]", "[5]"]);
        documents.end(&StepPath::run(), |_| panic!("nothing is left"));
        assert!(documents.open.is_empty());
    }
}
