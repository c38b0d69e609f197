//! Bytes, and what stands in a string as it is.

/// What ends a run of characters in a string.
pub(super) enum After {
    /// The end of the text at hand.
    Text,
    Quote,
    Backslash,
    /// A control character, which must be escaped.
    Control,
    /// A character of which only the first bytes are there.
    CutCharacter,
    /// Bytes that are no character, from the one at this offset on.
    NotUtf8(u8),
}

/// What a byte in a string is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Class {
    Plain,
    Quote,
    Backslash,
    Control,
    /// Not ASCII.
    Wide,
}

const CLASSES: [Class; 256] = {
    let mut classes = [Class::Plain; 256];
    let mut byte = 0;
    while byte < 256 {
        if byte < 0x20 {
            classes[byte] = Class::Control;
        } else if byte >= 0x80 {
            classes[byte] = Class::Wide;
        }
        byte += 1;
    }
    classes[b'"' as usize] = Class::Quote;
    classes[b'\\' as usize] = Class::Backslash;
    classes
};

/// The text at hand, and how far it is read.
pub(super) struct Reader<'a> {
    pub(super) text: &'a [u8],
    pub(super) base: u64,
    pub(super) i: usize,
}

impl Reader<'_> {
    #[inline(always)]
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.i).copied()
    }

    #[inline(always)]
    pub(super) fn at(&self) -> u64 {
        self.base + self.i as u64
    }

    #[inline(always)]
    pub(super) fn skip_digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.i += 1;
        }
    }

    /// Moves over what stands in a string as it is; says what comes then.
    #[inline(always)]
    pub(super) fn skip_characters(&mut self) -> After {
        let text = self.text;
        loop {
            let mut i = self.i;
            let mut class = Class::Plain;
            while i < text.len() {
                class = CLASSES[text[i] as usize];
                if class != Class::Plain {
                    break;
                }
                i += 1;
            }
            self.i = i;
            match class {
                Class::Plain => return After::Text,
                Class::Quote => return After::Quote,
                Class::Backslash => return After::Backslash,
                Class::Control => return After::Control,
                Class::Wide => match self.character() {
                    Ok(length) => self.i += length,
                    Err(after) => return after,
                },
            }
        }
    }

    /// The length of the character that isn't ASCII (RFC 3629, section 4).
    #[inline(always)]
    fn character(&self) -> Result<usize, After> {
        let bytes = &self.text[self.i..];
        let (length, second) = match bytes[0] {
            0xc2..=0xdf => (2, 0x80..=0xbf),
            0xe0 => (3, 0xa0..=0xbf),
            0xe1..=0xec | 0xee..=0xef => (3, 0x80..=0xbf),
            0xed => (3, 0x80..=0x9f),
            0xf0 => (4, 0x90..=0xbf),
            0xf1..=0xf3 => (4, 0x80..=0xbf),
            0xf4 => (4, 0x80..=0x8f),
            _ => return Err(After::NotUtf8(0)),
        };
        for offset in 1..length {
            match bytes.get(offset) {
                None => return Err(After::CutCharacter),
                Some(byte) if offset == 1 && second.contains(byte) => {}
                Some(0x80..=0xbf) if offset > 1 => {}
                Some(_) => return Err(After::NotUtf8(offset as u8)),
            }
        }
        Ok(length)
    }
}
