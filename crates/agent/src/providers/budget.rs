//! What of the context fits into its tokens.

use mainstem_core::TokenCounter;

use super::{ContextBlock, block::PREFACE};

/// What a block lost.
pub(super) struct Cut {
    /// Which block it was.
    pub(super) name: mainstem_core::Text,
    /// Bytes that are left; none, if it is left out.
    pub(super) kept: usize,
    pub(super) of: usize,
}

/// Cuts blocks to a number of tokens, the last ones first.
pub(super) fn cut(
    blocks: Vec<ContextBlock>,
    most: u64,
    counter: &dyn TokenCounter,
) -> (Vec<ContextBlock>, Vec<Cut>) {
    let (mut kept, mut cuts) = (Vec::with_capacity(blocks.len()), Vec::new());
    let mut left = most.checked_sub(counter.count(PREFACE));
    for block in blocks {
        let of = block.text.len();
        let fitting = left.and_then(|left| fit(&block, left, counter));
        let after = fitting.as_ref().map_or(0, |(_, bytes)| *bytes);
        if after < of {
            let name = block.name.clone();
            cuts.push(Cut {
                name,
                kept: after,
                of,
            });
        }
        if let (Some((block, _)), Some(left)) = (fitting, &mut left) {
            *left = left.saturating_sub(counter.count(&block.written()));
            kept.push(block);
        }
    }
    (kept, cuts)
}

/// As much of a block as fits, and how many bytes of its text that is.
fn fit(
    block: &ContextBlock,
    room: u64,
    counter: &dyn TokenCounter,
) -> Option<(ContextBlock, usize)> {
    let fits = |block: &ContextBlock| counter.count(&block.written()) <= room;
    if fits(block) {
        return Some((block.clone(), block.text.len()));
    }
    let up_to = |bytes: usize| ContextBlock::new(block.name.clone(), cut_text(&block.text, bytes));
    // The most bytes that fit: more text is more tokens.
    let (mut most, mut too_many) = (0, block.text.len());
    while most + 1 < too_many {
        let middle = most + (too_many - most) / 2;
        match fits(&up_to(middle)) {
            true => most = middle,
            false => too_many = middle,
        }
    }
    let bytes = end_before(&block.text, most);
    // Not so much that it is cut there, which needs a word, too.
    let cut = up_to(bytes);
    (bytes > 0 && fits(&cut)).then_some((cut, bytes))
}

/// The text up to about this byte, and a word on the rest.
fn cut_text(text: &str, bytes: usize) -> String {
    let kept = &text[..end_before(text, bytes)];
    let (rest, all) = (text.len() - kept.len(), text.len());
    let line = if kept.ends_with('\n') { "" } else { "\n" };
    format!("{kept}{line}[cut here: {rest} of {all} bytes are left out]")
}

/// Where a text is cut: at the last line's end before a byte, or, in its first line, at a character's.
fn end_before(text: &str, bytes: usize) -> usize {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].rfind('\n').map_or(end, |line| line + 1)
}

#[cfg(test)]
mod tests {
    use mainstem_core::RoughTokens;
    use proptest::prelude::*;

    use super::*;

    fn total(blocks: &[ContextBlock]) -> u64 {
        let each = blocks
            .iter()
            .map(|block| RoughTokens.count(&block.written()));
        RoughTokens.count(PREFACE) + each.sum::<u64>()
    }

    #[test]
    fn the_first_blocks_are_the_last_to_be_cut() {
        let lines: String = (0..20).map(|line| format!("line {line}\n")).collect();
        let blocks = vec![
            ContextBlock::new("a", &lines),
            ContextBlock::new("b", &lines),
            ContextBlock::new("c", "short"),
        ];
        let whole = total(&blocks);
        let (kept, cuts) = cut(blocks.clone(), whole, &RoughTokens);
        assert_eq!((kept, cuts.len()), (blocks.clone(), 0));

        let room = total(&blocks[..1]) + 30;
        let (kept, cuts) = cut(blocks.clone(), room, &RoughTokens);
        assert_eq!(kept[0], blocks[0]);
        assert!(
            kept[1].text.starts_with("line 0\nline 1\n"),
            "{}",
            kept[1].text
        );
        assert!(
            kept[1].text.ends_with("of 150 bytes are left out]"),
            "{}",
            kept[1].text
        );
        assert!(total(&kept) <= room);
        assert_eq!((&*cuts[0].name, cuts[0].of), ("b", 150));
        assert!(
            cuts[0].kept > 0 && cuts[0].kept % 7 == 0,
            "whole lines of 7 bytes"
        );

        let (kept, cuts) = cut(blocks, 3, &RoughTokens);
        assert!(kept.is_empty());
        assert_eq!(cuts.iter().map(|cut| cut.kept).sum::<usize>(), 0);
        assert_eq!(cuts.len(), 3);
    }

    proptest! {
        #[test]
        fn what_is_left_is_within_the_limit(
            texts in prop::collection::vec("[a-zé\n]{1,300}", 0..4),
            most in 0..200_u64,
        ) {
            let blocks: Vec<_> = texts.iter().map(|text| ContextBlock::new("a", text)).collect();
            let (kept, cuts) = cut(blocks.clone(), most, &RoughTokens);
            prop_assert!(kept.is_empty() || total(&kept) <= most);
            let lost = cuts.iter().filter(|cut| cut.kept == 0).count();
            prop_assert_eq!(kept.len() + lost, blocks.len());
            if total(&blocks) <= most {
                prop_assert_eq!(kept, blocks);
            }
        }
    }
}
