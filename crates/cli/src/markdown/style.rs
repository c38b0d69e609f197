//! How things look.

use anstyle::{AnsiColor, Style};

pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const CODE: Style = AnsiColor::Cyan.on_default();
const HEADING: Style = AnsiColor::Magenta.on_default().bold();

pub(super) const fn heading(level: usize) -> Style {
    match level {
        1 => HEADING.underline(),
        _ => HEADING,
    }
}

/// The mark of a list's item, by the depth of the list.
pub(super) const fn bullet(depth: usize) -> &'static str {
    match depth {
        1 => "• ",
        2 => "◦ ",
        _ => "▪ ",
    }
}
