//! In which pieces an answer comes, and how fast.

use std::time::Duration;

/// The most characters of a word that one piece has.
const PIECE: usize = 6;

#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    delay: Duration,
}

impl Pace {
    pub(super) fn new(delay: Duration) -> Self {
        Self { delay }
    }

    pub(super) fn delay(self) -> Duration {
        self.delay
    }

    /// Waits; with no delay it needs no timer.
    pub(super) async fn wait(self) {
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self::new(Duration::from_millis(15))
    }
}

/// Words with the white space before them; long ones in several pieces.
pub(super) fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut letters) = (0, 0);
    for (at, char) in text.char_indices() {
        let full = letters == PIECE || (char.is_whitespace() && letters > 0);
        if full {
            pieces.push(&text[start..at]);
            (start, letters) = (at, 0);
        }
        if !char.is_whitespace() {
            letters += 1;
        }
    }
    if start < text.len() {
        pieces.push(&text[start..]);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_word_parts_and_nothing_is_lost() {
        let text = "An  agent\n    remembers «Jürgen».\n";
        assert_eq!(
            pieces(text),
            [
                "An",
                "  agent",
                "\n    rememb",
                "ers",
                " «Jürge",
                "n».",
                "\n"
            ]
        );
        assert!(pieces("").is_empty());
    }
}
