//! Tables.

use anstyle::Style;
use pulldown_cmark::Alignment;

use super::{row::Row, style, wrap};

/// Between two columns.
const GAP: &str = " │ ";

/// A table, row by row; the first row is its head.
pub(super) struct Table {
    alignments: Vec<Alignment>,
    rows: Vec<Vec<Row>>,
}

impl Table {
    pub(super) fn new(alignments: Vec<Alignment>) -> Self {
        Self {
            alignments,
            rows: Vec::new(),
        }
    }

    pub(super) fn begin_row(&mut self) {
        self.rows.push(Vec::new());
    }

    pub(super) fn add_cell(&mut self, cell: Row) {
        if let Some(row) = self.rows.last_mut() {
            row.push(cell);
        }
    }

    /// Its rows on a screen. Those that no longer fit the screen's height have no say in the widths
    /// of the columns: what has scrolled away can't be made wider.
    pub(super) fn layout(&self, width: usize, height: usize) -> Vec<Row> {
        let widths = self.widths(width, height.saturating_sub(4).max(2));
        let mut rows = Vec::new();
        for (index, cells) in self.rows.iter().enumerate() {
            rows.extend(self.line(cells, &widths));
            if index == 0 {
                let rules: Vec<_> = widths.iter().map(|width| "─".repeat(*width)).collect();
                rows.push(Row::of(&rules.join("─┼─"), style::DIM));
            }
        }
        rows
    }

    fn widths(&self, width: usize, heard: usize) -> Vec<usize> {
        let columns = self.alignments.len();
        let widest = |column: usize| {
            let cells = self.rows.iter().take(heard);
            let widths = cells.filter_map(|row| row.get(column).map(Row::width));
            widths.max().unwrap_or(0).max(1)
        };
        let natural: Vec<_> = (0..columns).map(widest).collect();
        let room = width.saturating_sub(columns.saturating_sub(1) * GAP.chars().count());
        // The widest columns give way first.
        let total = |most: usize| natural.iter().map(|width| *width.min(&most)).sum::<usize>();
        let mut most = natural.iter().copied().max().unwrap_or(1);
        while most > 1 && total(most) > room {
            most -= 1;
        }
        natural.into_iter().map(|width| width.min(most)).collect()
    }

    fn line(&self, cells: &[Row], widths: &[usize]) -> Vec<Row> {
        let empty = Row::default();
        let columns = widths.iter().enumerate();
        let wrapped: Vec<_> = columns
            .map(|(column, width)| wrap::words(cells.get(column).unwrap_or(&empty), *width))
            .collect();
        let height = wrapped.iter().map(Vec::len).max().unwrap_or(0);
        let line = |index: usize| {
            let mut row = Row::default();
            for (column, width) in widths.iter().enumerate() {
                if column > 0 {
                    row.push_str(GAP, style::DIM);
                }
                let cell = wrapped[column].get(index).unwrap_or(&empty);
                let room = width.saturating_sub(cell.width());
                let left = match self.alignments[column] {
                    Alignment::Right => room,
                    Alignment::Center => room / 2,
                    Alignment::Left | Alignment::None => 0,
                };
                row.push_str(&" ".repeat(left), Style::new());
                row.append(cell);
                row.push_str(&" ".repeat(room - left), Style::new());
            }
            row.trimmed()
        };
        (0..height).map(line).collect()
    }
}
