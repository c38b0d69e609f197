//! One document, fed in many ways.

use mainstem_structured::{Checker, Schema, Violation};

/// How a document was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) violation: Option<Violation>,
    /// Only the end of the text told.
    pub(crate) at_end: bool,
}

impl Verdict {
    pub(crate) fn is_valid(&self) -> bool {
        self.violation.is_none()
    }

    /// What a table says of it.
    pub(crate) fn line(&self) -> String {
        match &self.violation {
            None => "accepted".to_owned(),
            Some(violation) => format!("refused: {violation}"),
        }
    }
}

/// Feeds the chunks, then ends the document.
pub(crate) fn feed<'t>(schema: &Schema, chunks: impl IntoIterator<Item = &'t [u8]>) -> Verdict {
    let mut checker = schema.checker();
    for chunk in chunks {
        if let Err(violation) = checker.feed(chunk) {
            assert_stays(&mut checker, &violation);
            let violation = Some(violation);
            let at_end = false;
            return Verdict { violation, at_end };
        }
    }
    let violation = checker.finish().err();
    if let Some(violation) = &violation {
        assert_stays(&mut checker, violation);
        let length = checker.text().len() as u64;
        assert!(violation.offset <= length, "beyond the end: {violation:?}");
    }
    Verdict {
        violation,
        at_end: true,
    }
}

/// A refusal is final, whatever comes after it.
fn assert_stays(checker: &mut Checker, violation: &Violation) {
    assert_eq!(checker.feed(b" ").as_ref(), Err(violation));
    assert_eq!(checker.finish().as_ref(), Err(violation));
}

pub(crate) fn whole(schema: &Schema, text: &[u8]) -> Verdict {
    feed(schema, [text])
}

/// A schema looks at a character when its last byte is there, and names the first.
fn is_character(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| text.chars().count() == 1)
}

/// Byte by byte, and that the violation names the very byte at which the checker refused.
pub(crate) fn bytewise(schema: &Schema, text: &[u8]) -> Verdict {
    let mut checker = schema.checker();
    for (at, byte) in text.iter().enumerate() {
        if let Err(violation) = checker.feed(std::slice::from_ref(byte)) {
            let shown = String::from_utf8_lossy(text);
            let offset = usize::try_from(violation.offset).unwrap();
            assert!(
                offset == at || is_character(&text[offset..=at]),
                "refused at byte {at} of {shown}: {violation:?}"
            );
            let violation = Some(violation);
            let at_end = false;
            return Verdict { violation, at_end };
        }
    }
    let violation = checker.finish().err();
    Verdict {
        violation,
        at_end: true,
    }
}

/// Every way of feeding gives the verdict that the whole text gets.
///
/// Two-way splits are made in the first `splits` bytes.
pub(crate) fn every_way(schema: &Schema, text: &[u8], splits: usize) -> Verdict {
    let verdict = whole(schema, text);
    let shown = || {
        String::from_utf8_lossy(text)
            .chars()
            .take(300)
            .collect::<String>()
    };
    assert_eq!(bytewise(schema, text), verdict, "byte by byte: {}", shown());
    for size in [2, 3, 4, 7, 64] {
        let other = feed(schema, text.chunks(size));
        assert_eq!(other, verdict, "in chunks of {size}: {}", shown());
    }
    for at in 0..=text.len().min(splits) {
        let (left, right) = text.split_at(at);
        let other = feed(schema, [left, right]);
        assert_eq!(other, verdict, "split at {at}: {}", shown());
    }
    verdict
}
