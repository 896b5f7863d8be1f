//! Columns that line up, fewer of them where there is little room.

use super::page::Page;
use super::text::{Ink, Text};

/// Columns between two columns.
const GAP: usize = 2;

/// A tail with less room than this, or less than its longest word, goes below its row.
const TAIL: usize = 20;

/// How one column is set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    title: &'static str,
    right: bool,
    /// When it is left out for want of room, the highest first; 0 is never.
    spare: u8,
}

impl Column {
    /// A column of words.
    pub(super) const fn words(title: &'static str) -> Self {
        Self {
            title,
            right: false,
            spare: 0,
        }
    }

    /// A column of numbers.
    pub(super) const fn numbers(title: &'static str) -> Self {
        Self {
            title,
            right: true,
            spare: 0,
        }
    }

    /// This column may be left out for want of room, after those with a higher `order`.
    pub(super) const fn spare(self, order: u8) -> Self {
        Self {
            spare: order,
            ..self
        }
    }
}

/// Rows of as many cells as there are columns, and a tail: the last cell, which may be any length
/// and wraps.
pub(super) struct Table {
    indent: usize,
    columns: Vec<Column>,
    tail: &'static str,
    rows: Vec<(Vec<Text>, Text)>,
}

impl Table {
    /// An empty table. Titles that are all empty make no line.
    pub(super) fn new(indent: usize, columns: &[Column], tail: &'static str) -> Self {
        Self {
            indent,
            columns: columns.to_vec(),
            tail,
            rows: Vec::new(),
        }
    }

    pub(super) fn row<const N: usize>(&mut self, cells: [Text; N], tail: Text) {
        debug_assert_eq!(N, self.columns.len(), "as many cells as columns");
        self.rows.push((cells.into(), tail));
    }

    pub(super) fn print(self, page: &mut Page) {
        let layout = self.layout(page.style().width.saturating_sub(self.indent));
        if !self.rows.is_empty() && self.has_titles() {
            let titles = self.columns.iter().map(|column| column.title);
            let titles: Vec<_> = titles.map(|title| Text::new(Ink::Dim, title)).collect();
            let tail = if layout.beside { self.tail } else { "" };
            self.print_row(&layout, &titles, &Text::new(Ink::Dim, tail), page);
        }
        for (cells, tail) in &self.rows {
            self.print_row(&layout, cells, tail, page);
        }
    }

    /// Chooses the columns for which there is `room`.
    fn layout(&self, room: usize) -> Layout {
        let mut shown: Vec<_> = (self.columns.iter().copied().enumerate())
            .filter_map(|(index, column)| {
                let width = self.width_of(index)?;
                Some((index, column, width))
            })
            .collect();
        let taken = |shown: &[(usize, Column, usize)]| -> usize {
            shown.iter().map(|(_, _, width)| width + GAP).sum()
        };
        while taken(&shown).saturating_sub(GAP) > room {
            let spare = (shown.iter().enumerate())
                .filter(|(_, (_, column, _))| column.spare > 0)
                .max_by_key(|(_, (_, column, _))| column.spare);
            let Some((position, _)) = spare else { break };
            shown.remove(position);
        }
        let tails = self.rows.iter().map(|(_, tail)| tail);
        let needed = tails
            .map(|tail| tail.width().min(TAIL).max(tail.longest_word()))
            .max();
        let before = taken(&shown);
        Layout {
            beside: before + needed.unwrap_or_default() <= room,
            before,
            shown,
        }
    }

    /// The width of a column, title included; none if nothing is in it.
    fn width_of(&self, index: usize) -> Option<usize> {
        let cells = self.rows.iter().filter_map(|(cells, _)| cells.get(index));
        let widest = cells.map(Text::width).max().filter(|width| *width > 0)?;
        Some(widest.max(self.columns.get(index)?.title.len()))
    }

    fn has_titles(&self) -> bool {
        !self.tail.is_empty() || self.columns.iter().any(|column| !column.title.is_empty())
    }

    fn print_row(&self, layout: &Layout, cells: &[Text], tail: &Text, page: &mut Page) {
        let mut line = Text::default();
        for (index, column, width) in &layout.shown {
            let Some(cell) = cells.get(*index) else {
                continue;
            };
            let padding = " ".repeat(width.saturating_sub(cell.width()));
            if column.right {
                line.push(Ink::Plain, &padding);
                line.append(cell);
            } else {
                line.append(cell);
                line.push(Ink::Plain, &padding);
            }
            line.push(Ink::Plain, &" ".repeat(GAP));
        }
        if !layout.beside {
            page.line(self.indent, &line);
            let below = self.indent + GAP;
            page.paragraph(below, below, tail);
            return;
        }
        let beside = self.indent + layout.before;
        let room = page.style().width.saturating_sub(beside);
        let mut tails = tail.lines(room, room).into_iter();
        if let Some(first) = tails.next() {
            line.append(&first);
        }
        page.line(self.indent, &line);
        for rest in tails {
            page.line(beside, &rest);
        }
    }
}

/// What is shown of a table, and how.
struct Layout {
    /// Each column with its index and its width.
    shown: Vec<(usize, Column, usize)>,
    /// Columns that they take, with the gap after each.
    before: usize,
    /// Whether the tail has its place in the row; otherwise it goes below.
    beside: bool,
}

#[cfg(test)]
mod tests {
    use super::super::style::Style;
    use super::*;

    fn printed(width: usize) -> String {
        let columns = [
            Column::words("name"),
            Column::numbers("lost").spare(1),
            Column::numbers("rate").spare(2),
            Column::words("nothing"),
        ];
        let mut table = Table::new(2, &columns, "why");
        let cells = |texts: [&str; 4]| texts.map(Text::plain);
        table.row(
            cells(["eth0", "1 204", "120/s", ""]),
            Text::plain("the ring of the card is full"),
        );
        table.row(cells(["wlan0", "7", "0.7/s", ""]), Text::default());
        let mut page = Page::new(Style {
            width,
            colour: false,
            unicode: true,
        });
        table.print(&mut page);
        page.finish()
    }

    #[test]
    fn columns_line_up_and_empty_ones_are_left_out() {
        let text = printed(60);
        assert_eq!(
            text,
            "  name    lost   rate  why\n\
             \x20 eth0   1 204  120/s  the ring of the card is full\n\
             \x20 wlan0      7  0.7/s\n"
        );
    }

    #[test]
    fn a_long_tail_wraps_beside_its_row_or_goes_below() {
        assert!(
            printed(44).contains("120/s  the ring of the card\n                       is full\n")
        );
        assert!(printed(24).contains("120/s\n    the ring of the card\n    is full\n"));
    }

    #[test]
    fn where_there_is_no_room_the_least_important_column_goes_first() {
        assert!(printed(16).starts_with("  name    lost\n"));
        assert!(printed(10).starts_with("  name\n"));
    }
}
