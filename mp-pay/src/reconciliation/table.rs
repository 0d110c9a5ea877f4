//! Text in columns.

use std::fmt;

/// A table for people: the cells of a column are as wide as the widest, and amounts stand flush
/// right, so that those of one currency are aligned at their decimals.
///
/// ```
/// use mp_pay::reconciliation::{Column, Table};
///
/// let mut table = Table::new([Column::left("payout"), Column::right("paid")]);
/// table.row(["po_1", "1250.00 EUR"]);
/// table.row(["po_12", "7.50 EUR"]);
/// assert_eq!(table.to_string(), "\
/// payout         paid
/// po_1    1250.00 EUR
/// po_12      7.50 EUR
/// ");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

/// A column of a [`Table`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    title: String,
    right: bool,
}

impl Column {
    /// Returns a column of text.
    #[must_use]
    pub fn left(title: impl Into<String>) -> Self {
        let (title, right) = (title.into(), false);
        Self { title, right }
    }

    /// Returns a column of numbers or amounts.
    #[must_use]
    pub fn right(title: impl Into<String>) -> Self {
        let (title, right) = (title.into(), true);
        Self { title, right }
    }

    fn width(&self, number: usize, rows: &[Vec<String>]) -> usize {
        let cells = rows.iter().filter_map(|row| row.get(number));
        let widths = cells.map(|cell| cell.chars().count());
        widths.fold(self.title.chars().count(), usize::max)
    }
}

impl Table {
    /// Starts a table without rows.
    #[must_use]
    pub fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self {
            columns: columns.into_iter().collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; cells beyond the columns are not shown.
    pub fn row<C: Into<String>>(&mut self, cells: impl IntoIterator<Item = C>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.columns.iter().enumerate();
        let widths: Vec<usize> = columns
            .map(|(number, column)| column.width(number, &self.rows))
            .collect();
        let titles = self.columns.iter().map(|column| column.title.as_str());
        line(f, &self.columns, &widths, titles)?;
        for row in &self.rows {
            line(f, &self.columns, &widths, row.iter().map(String::as_str))?;
        }
        Ok(())
    }
}

fn line<'a>(
    f: &mut fmt::Formatter<'_>,
    columns: &[Column],
    widths: &[usize],
    cells: impl Iterator<Item = &'a str>,
) -> fmt::Result {
    let mut text = String::new();
    for ((column, width), cell) in columns.iter().zip(widths).zip(cells) {
        let gap = if text.is_empty() { "" } else { "  " };
        match column.right {
            true => text.push_str(&format!("{gap}{cell:>width$}")),
            false => text.push_str(&format!("{gap}{cell:<width$}")),
        }
    }
    writeln!(f, "{}", text.trim_end())
}
