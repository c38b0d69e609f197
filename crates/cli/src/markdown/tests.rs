//! The Markdown as it stands on a screen.

use proptest::prelude::*;
use vt100::Parser;

use super::*;

const SIZE: Size = Size {
    columns: 40,
    rows: 200,
};

/// What goes to a terminal that turns `\n` into `\r\n`.
fn shown(pieces: &[&str], size: Size) -> String {
    let mut markdown = Markdown::new(size);
    let mut out: String = pieces
        .iter()
        .map(|piece| markdown.push(piece, size))
        .collect();
    out.push_str(&markdown.end());
    out.replace('\n', "\r\n")
}

/// The screen below a row that isn't ours.
fn screen(out: &str, size: Size) -> vt100::Screen {
    let number = |number: usize| u16::try_from(number).unwrap().try_into().unwrap();
    let mut terminal = Parser::new(number(size.rows), number(size.columns + 1), 0);
    terminal.process(b"before\r\n");
    terminal.process(out.as_bytes());
    terminal.screen().clone()
}

#[track_caller]
fn looks(text: &str, expected: &str) {
    let screen = screen(&shown(&[text], SIZE), SIZE).contents();
    assert_eq!(screen, format!("before\n{expected}"));
}

#[test]
fn each_construct_has_its_look() {
    looks("# Jays\ntext", "Jays\ntext");
    looks("a *jay* is **blue**, `x` ~~red~~", "a jay is blue, x red");
    looks("> a\n> b\n>\n> c", "│ a b\n│\n│ c");
    looks(
        "- a\n- b\n  - c\n\n1. x\n2. y",
        "• a\n• b\n  ◦ c\n\n1. x\n2. y",
    );
    looks("- [ ] a\n- [x] b", "☐ a\n☑ b");
    looks(
        "[docs](https://a.b) <https://c.d>",
        "docs (https://a.b) https://c.d",
    );
    looks("a\n***\nb", &format!("a\n\n{}\n\nb", "─".repeat(40)));
    looks(
        "so:\n```rust\nfn x() {\n\n\t1 }\n```\nend",
        "so:\n\n  fn x() {\n\n      1 }\n\nend",
    );
    looks(
        "1. a\n   ```sh\n   ls\n   ```\n\n   b\n2. c",
        "1. a\n     ls\n\n   b\n2. c",
    );
    looks("a<br>b  \nc", "a\nb\nc");
    looks("-\n- b", "•\n• b");
    looks(
        "7. a\n1. b\n\n1. c\n\n   1. d\n1. e\n* f",
        "7. a\n8. b\n\n9. c\n\n   1. d\n10. e\n• f",
    );
}

#[test]
fn tables_stand_in_columns() {
    looks(
        "| bird | eggs |\n|---|--:|\n| *jay* | 5 |\n| tit | 12 |\n\nend",
        "bird │ eggs\n─────┼─────\njay  │    5\ntit  │   12\n\nend",
    );
    let narrow = "| a | b |\n|---|---|\n| one two three four five six | seven eight nine ten |";
    looks(
        narrow,
        "a                  │ b\n───────────────────┼───────────────────\n\
         one two three four │ seven eight nine\nfive six           │ ten",
    );
}

#[test]
fn long_lines_break_between_words() {
    looks(
        "- the jay is a bird of the crow family, blue and loud",
        "• the jay is a bird of the crow family,\n  blue and loud",
    );
}

#[test]
fn text_is_shown_before_its_block_is_whole() {
    let mut markdown = Markdown::new(SIZE);
    let mut out = String::new();
    for (piece, seen) in [
        ("The ", "The"),
        ("**blu", "The blu"),
        ("e** jay\n", "The blue jay"),
        ("\n- it", "The blue jay\n\n• it"),
        ("\n```\nlet", "The blue jay\n\n• it\n\n  let"),
    ] {
        out.push_str(&markdown.push(piece, SIZE).replace('\n', "\r\n"));
        assert_eq!(screen(&out, SIZE).contents(), format!("before\n{seen}"));
    }
}

#[test]
fn styles_are_codes() {
    let out = shown(&["# J\n*i* **b** `c`"], SIZE);
    let screen = screen(&out, SIZE);
    let cell = |row, column| screen.cell(row, column).unwrap();
    assert!(cell(1, 0).bold() && cell(1, 0).underline());
    assert!(cell(2, 0).italic() && cell(2, 2).bold());
    assert_eq!(cell(2, 4).fgcolor(), vt100::Color::Idx(6));
}

#[test]
fn a_narrower_screen_gets_the_live_block_again() {
    let mut markdown = Markdown::new(SIZE);
    markdown.push("the jay is a bird", SIZE);
    let narrow = Size {
        columns: 10,
        ..SIZE
    };
    let out = markdown.push("!", narrow);
    assert_eq!(out, "\nthe jay is\na bird!");
}

#[test]
fn what_is_live_stays_small_however_long_the_text_is() {
    for (begin, line) in [
        ("", "- a *jay*\n"),
        ("1. jay\n", "   - its `eggs`\n2. jay\n"),
        ("```\n", "let jay;\n"),
        ("", "jay\n\n"),
    ] {
        let mut markdown = Markdown::new(SIZE);
        markdown.push(begin, SIZE);
        for _ in 0..1000 {
            markdown.push(line, SIZE);
            assert!(
                markdown.text.len() < 50 && markdown.painted.len() < 5,
                "{line:?}"
            );
        }
    }
}

#[test]
fn what_has_scrolled_away_is_left_alone() {
    let size = Size {
        columns: 10,
        rows: 3,
    };
    let mut markdown = Markdown::new(size);
    markdown.push("**one two three four five six seven eight nine ten", size);
    // It isn't bold after all; only two rows above the cursor's can be reached.
    let out = markdown.end();
    assert!(out.starts_with("\u{1b}[2A\r"), "{out:?}");
}

#[test]
fn a_paragraph_is_no_code_because_the_address_before_it_is_settled() {
    let text = "# jay\n[a]: b\n\t**x\n- y\n";
    looks(text, "jay\n**x\n• y");
    let pieces: Vec<_> = text.split_inclusive('\n').collect();
    let (whole, lines) = (shown(&[text], SIZE), shown(&pieces, SIZE));
    let (whole, lines) = (screen(&whole, SIZE), screen(&lines, SIZE));
    assert_eq!(whole.contents(), lines.contents());
}

/// Pieces of which answers are made, and pieces that no answer should have.
fn text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "jay",
        "bird ",
        " ",
        "\n",
        "\n\n",
        "**",
        "*",
        "_",
        "`",
        "```",
        "```rs\n",
        "~~~\n",
        "# ",
        "## ",
        "- ",
        "  - ",
        "1. ",
        "> ",
        "| a | b |\n",
        "|---|---|\n",
        "|",
        "[x](",
        "](",
        ")",
        "http://a.b",
        "---\n",
        "===\n",
        "\t",
        "    ",
        "鳥",
        "é",
        "👩‍👧",
        "<br>",
        "<b>",
        "\\",
        "&#27;",
        "&amp;",
        "\u{1b}[2J",
        "\u{1b}]0;t\u{7}",
        "\u{9b}31m",
        "\r",
        "\u{0}",
        "- [ ] ",
        "[a]: b\n",
        "!",
        "averyveryverylongwordthatdoesnotfitintoonerow",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// The pieces of a text that is cut at some of its characters.
fn cut(text: &str, cuts: &[prop::sample::Index]) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(chars.len() + 1)).collect();
    places.extend([0, chars.len()]);
    places.sort_unstable();
    let pieces = places
        .windows(2)
        .map(|pair| chars[pair[0]..pair[1]].iter().collect());
    pieces.collect()
}

/// What is left without the codes that are ours.
fn without_codes(out: &str) -> String {
    let mut rest = String::new();
    let mut parts = out.split("\u{1b}[");
    rest.push_str(parts.next().unwrap_or(""));
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_digit() && c != ';');
        let end = end.expect("a code ends");
        assert!("mAKJ".contains(&part[end..=end]), "{part:?}");
        rest.push_str(&part[end + 1..]);
    }
    rest
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_screen_does_not_depend_on_the_pieces(
        text in text(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let pieces = cut(&text, &cuts);
        let pieces: Vec<_> = pieces.iter().map(String::as_str).collect();
        let (whole, piecemeal) = (shown(&[&text], SIZE), shown(&pieces, SIZE));
        let (whole, piecemeal) = (screen(&whole, SIZE), screen(&piecemeal, SIZE));
        prop_assert_eq!(whole.contents(), piecemeal.contents());
        prop_assert_eq!(whole.contents_formatted(), piecemeal.contents_formatted());
        prop_assert!(piecemeal.contents().starts_with("before"));
        prop_assert_eq!(piecemeal.cursor_position().1, 0);
    }

    #[test]
    fn nothing_but_our_codes_reaches_the_terminal(
        text in text(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        columns in 1_usize..30,
        rows in 1_usize..10,
    ) {
        let size = Size { columns, rows };
        let pieces = cut(&text, &cuts);
        let pieces: Vec<_> = pieces.iter().map(String::as_str).collect();
        let rest = without_codes(&shown(&pieces, size));
        let is_ours = |c: char| !c.is_control() || matches!(c, '\n' | '\r');
        prop_assert!(rest.chars().all(is_ours), "{rest:?}");
    }
}
