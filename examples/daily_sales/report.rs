use std::fmt;

use mp_core::amount::{Currency, Money};

use super::sales::Row;

/// What there is to see in the end.
#[derive(Debug)]
pub(crate) struct Report {
    /// The host's table when its process died.
    pub(crate) at_crash: Vec<Row>,
    /// The table when the next process had caught up.
    pub(crate) table: Vec<Row>,
    /// What the payments' journals come to.
    pub(crate) journals: Vec<Row>,
}

impl Report {
    /// Returns the rows that the crash had kept out of the table, or left unfinished.
    pub(crate) fn missing_at_crash(&self) -> Vec<&Row> {
        let missing = |row: &&Row| !self.at_crash.contains(row);
        self.table.iter().filter(missing).collect()
    }

    /// Returns whether the table says what the journals say.
    pub(crate) fn agrees(&self) -> bool {
        self.table == self.journals
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n  The day's sales, from the host's own table\n")?;
        writeln!(
            f,
            "  {:<12}{:<12}{:>9}{:>16}{:>16}",
            "merchant", "day", "payments", "sold", "refunded"
        )?;
        for row in &self.table {
            writeln!(
                f,
                "  {:<12}{:<12}{:>9}{:>16}{:>16}",
                row.merchant,
                row.day,
                row.payments,
                money(row.sold, &row.currency),
                money(row.refunded, &row.currency)
            )?;
        }
        writeln!(
            f,
            "\n  When the process died in its transaction, it had not counted:"
        )?;
        for row in self.missing_at_crash() {
            writeln!(f, "    {} on {}", row.merchant, row.day)?;
        }
        writeln!(
            f,
            "  The next process went on from the cursors beside the rows."
        )?;
        match self.agrees() {
            true => writeln!(
                f,
                "  ✓ The table and the payments' journals agree to the cent.\n"
            ),
            false => writeln!(f, "  ✗ The journals come to {:#?}\n", self.journals),
        }
    }
}

fn money(cents: i64, currency: &str) -> String {
    Currency::new(currency).map_or_else(
        |_| format!("{cents} {currency}"),
        |currency| Money::new(cents, currency).to_string(),
    )
}
