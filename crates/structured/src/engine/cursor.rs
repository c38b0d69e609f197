use std::ops::Range;

/// How far a string or key agrees with sorted texts.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    /// The texts that begin like it.
    pub(super) from: u32,
    pub(super) to: u32,
    /// How many bytes agree.
    pub(super) length: u32,
}

impl Cursor {
    pub(super) fn new(texts: &[Box<str>]) -> Self {
        Self {
            from: 0,
            to: texts.len() as u32,
            length: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.from == self.to
    }

    /// The text that is meant, if no more comes.
    pub(super) fn exact(&self, texts: &[Box<str>]) -> Option<u32> {
        // Sorted: the shortest comes first.
        let first = texts.get(self.range().start).filter(|_| !self.is_empty())?;
        (first.len() == self.length as usize).then_some(self.from)
    }

    /// Whether any text goes on.
    pub(super) fn goes_on(&self, texts: &[Box<str>]) -> bool {
        let last = texts[self.range()].last();
        last.is_some_and(|last| last.len() > self.length as usize)
    }

    fn range(&self) -> Range<usize> {
        self.from as usize..self.to as usize
    }

    /// Takes one byte more; afterwards it may be empty.
    #[inline]
    pub(super) fn step(&mut self, texts: &[Box<str>], byte: u8) {
        let at = self.length as usize;
        let texts = &texts[self.range()];
        // A text that ends here has no byte, and comes first.
        let next = |text: &str| text.as_bytes().get(at).copied();
        let (skip, keep) = match texts {
            [only] => (0, usize::from(next(only) == Some(byte))),
            _ => {
                let skip = texts.partition_point(|text| next(text) < Some(byte));
                let rest = &texts[skip..];
                (skip, rest.partition_point(|text| next(text) == Some(byte)))
            }
        };
        self.from += skip as u32;
        self.to = self.from + keep as u32;
        self.length += 1;
    }

    /// Takes all bytes, or those before the first that leaves no text; then says which.
    pub(super) fn take(&mut self, texts: &[Box<str>], bytes: &[u8]) -> Option<usize> {
        for (index, byte) in bytes.iter().enumerate() {
            if self.is_empty() {
                return Some(index);
            }
            self.step(texts, *byte);
            if self.is_empty() {
                return Some(index);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts() -> Vec<Box<str>> {
        ["a", "ab", "abc", "b", "ü"].map(Into::into).into()
    }

    #[test]
    fn it_narrows_to_the_texts_that_begin_so() {
        let texts = texts();
        let mut cursor = Cursor::new(&texts);
        assert_eq!(cursor.exact(&texts), None);
        assert_eq!(cursor.take(&texts, b"ab"), None);
        assert_eq!(cursor.exact(&texts), Some(1));
        assert!(cursor.goes_on(&texts));
        assert_eq!(cursor.take(&texts, b"c"), None);
        assert_eq!(cursor.exact(&texts), Some(2));
        assert!(!cursor.goes_on(&texts));
        assert_eq!(cursor.take(&texts, b"x"), Some(0));
        assert_eq!(cursor.exact(&texts), None);
    }

    #[test]
    fn it_says_which_byte_is_too_much() {
        let texts = texts();
        assert_eq!(Cursor::new(&texts).take(&texts, b"abx"), Some(2));
        assert_eq!(Cursor::new(&texts).take(&texts, "ü".as_bytes()), None);
        assert_eq!(Cursor::new(&texts).take(&texts, "ö".as_bytes()), Some(1));
        assert_eq!(Cursor::new(&[]).take(&[], b"a"), Some(0));
    }
}
