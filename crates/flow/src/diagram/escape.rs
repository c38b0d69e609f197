//! Names as they are shown, and as Mermaid takes them.

use std::fmt::Write as _;

/// What Mermaid shows as it is, besides letters and digits.
const HARMLESS: &str = " ,?·…×✓✗–▸↺■";

/// The text on one line, without what commands a terminal or turns the writing around.
pub(super) fn clean(text: &str) -> String {
    text.chars()
        .filter(|&c| !is_invisible(c))
        .map(|c| {
            if c.is_control() || c.is_whitespace() {
                ' '
            } else {
                c
            }
        })
        .collect()
}

/// Marks without a width: some change the direction of what follows, or join what doesn't belong
/// together.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// The text within a quoted label of Mermaid.
///
/// Mermaid looks for directives, entities, icons, Markdown, formulas and HTML also within quotes. So
/// every sign that isn't known to be harmless is written as its number.
pub(super) fn mermaid(text: &str) -> String {
    // `fa:fa-bird` would be an icon even by numbers: an invisible sign parts it.
    let text = clean(text).replace(":fa-", ":\u{2060}fa-");
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_alphanumeric() || HARMLESS.contains(c) {
            escaped.push(c);
        } else {
            let _ = write!(escaped, "#{};", u32::from(c));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_in_a_label_is_markup() {
        assert_eq!(mermaid("écrire, 2 Mal"), "écrire, 2 Mal");
        assert_eq!(mermaid("a\"]; <b>"), "a#34;#93;#59; #60;b#62;");
        assert_eq!(
            mermaid("%%{init}%%\n1. `x`"),
            "#37;#37;#123;init#125;#37;#37; 1#46; #96;x#96;"
        );
        assert_eq!(mermaid("fa:fa-bird"), "fa#58;#8288;fa#45;bird");
        assert_eq!(clean("a\u{1b}[2J\tb\u{202e}c"), "a [2J bc");
    }

    proptest! {
        #[test]
        fn every_text_can_be_read_back(text in any::<String>()) {
            let escaped = mermaid(&text);
            let sound = |c: char| c.is_alphanumeric() || HARMLESS.contains(c) || "#;".contains(c);
            prop_assert!(escaped.chars().all(sound));
            let mut read = String::new();
            let mut rest = &*escaped;
            while let Some((before, after)) = rest.split_once('#') {
                let (number, after) = after.split_once(';').unwrap();
                read.push_str(before);
                read.push(char::from_u32(number.parse().unwrap()).unwrap());
                rest = after;
            }
            read.push_str(rest);
            prop_assert_eq!(read.replace('\u{2060}', ""), clean(&text));
        }
    }
}
