//! A report as tables for people.

use std::fmt;

use mp_core::{Timestamp, amount::Money};

use super::{
    Column, Difference, Differing, Expected, Extra, ExtraReason, Listed, Report, ReportLine, Table,
};

/// What there is to see: the sums first, then what somebody has to look into.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "From {} until {}", brief(self.from), brief(self.until))?;
        writeln!(
            f,
            "{} lines: {} matched, {} missing, {} extra, {} differing; {} pending in the next report",
            self.lines,
            self.matched,
            self.missing.count,
            self.extra.count,
            self.differing.count,
            self.pending.count,
        )?;
        self.totals(f)?;
        self.payouts(f)?;
        let missing = expected(&self.missing);
        section(
            f,
            "Missing: ours, and not in the report",
            &self.missing,
            &missing,
        )?;
        section(
            f,
            "Extra: in the report, and not ours",
            &self.extra,
            &extra(&self.extra),
        )?;
        let found = differing(&self.differing);
        section(
            f,
            "Differing: told otherwise than ours",
            &self.differing,
            &found,
        )?;
        let pending = expected(&self.pending);
        section(
            f,
            "Pending: may stand in the next report",
            &self.pending,
            &pending,
        )?;
        let earlier = expected(&self.earlier);
        section(
            f,
            "Earlier: may have stood in the report before",
            &self.earlier,
            &earlier,
        )
    }
}

impl Report {
    fn totals(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amounts = [
            "ours",
            "theirs",
            "difference",
            "pending",
            "fees",
            "paid out",
        ];
        let amounts = amounts.map(Column::right);
        let mut table = Table::new([Column::left("currency")].into_iter().chain(amounts));
        for total in &self.totals {
            let amounts = [
                total.ours,
                total.theirs,
                total.difference,
                total.pending,
                total.fees,
                total.paid_out,
            ];
            let amounts = amounts.map(decimal);
            table.row([total.currency.to_string()].into_iter().chain(amounts));
        }
        write!(f, "\n{table}")
    }

    fn payouts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.payouts.is_empty() {
            return Ok(());
        }
        let [lines, contains, paid] = ["lines", "contains", "paid"].map(Column::right);
        let columns = [
            Column::left("payout"),
            lines,
            contains,
            paid,
            Column::left(""),
        ];
        let mut table = Table::new(columns);
        for payout in &self.payouts {
            let verdict = match payout.adds_up() {
                Some(true) => "adds up",
                Some(false) => "does not add up",
                None => "its own line is not in the report",
            };
            table.row([
                payout.id.to_string(),
                payout.lines.to_string(),
                payout.contains.to_string(),
                payout
                    .paid
                    .map_or_else(|| "-".to_owned(), |paid| paid.to_string()),
                verdict.to_owned(),
            ]);
        }
        write!(f, "\n{table}")
    }
}

fn section<T>(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    listed: &Listed<T>,
    table: &Table,
) -> fmt::Result {
    if listed.count == 0 {
        return Ok(());
    }
    write!(f, "\n{title}\n{table}")?;
    match listed.count - listed.items.len() as u64 {
        0 => Ok(()),
        more => writeln!(f, "and {more} more"),
    }
}

fn expected(listed: &Listed<Expected>) -> Table {
    let left = ["operation", "kind"].map(Column::left);
    let columns = left
        .into_iter()
        .chain([Column::right("amount"), Column::left("known at")]);
    let mut table = Table::new(columns);
    for expected in &listed.items {
        table.row([
            expected.subject.to_string(),
            expected.kind.to_string(),
            expected.amount.to_string(),
            brief(expected.at),
        ]);
    }
    table
}

fn extra(listed: &Listed<Extra>) -> Table {
    let mut table = Table::new([
        Column::right("line"),
        Column::left("named"),
        Column::left("kind"),
        Column::right("amount"),
        Column::left("why"),
    ]);
    for Extra { line, why } in &listed.items {
        let why = match why {
            ExtraReason::NotOurs => "nothing of ours",
            ExtraReason::Archived => "in the archive",
        };
        table.row([
            line.number.to_string(),
            name(line),
            line.kind.to_string(),
            line.amount.to_string(),
            why.to_owned(),
        ]);
    }
    table
}

fn differing(listed: &Listed<Differing>) -> Table {
    let mut table = Table::new([
        Column::right("line"),
        Column::left("operation"),
        Column::right("ours"),
        Column::right("theirs"),
        Column::left("what"),
    ]);
    for differing in &listed.items {
        table.row([
            differing.line.to_string(),
            differing.subject.to_string(),
            differing.ours.to_string(),
            differing.theirs.to_string(),
            differing.what.to_string(),
        ]);
    }
    table
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Amount => f.write_str("another amount"),
            Self::Currency => f.write_str("another currency"),
            Self::Kind(kind) => write!(f, "called a {kind}"),
            Self::Twice => f.write_str("told twice"),
            Self::Late => f.write_str("was due in an earlier report"),
            Self::Open => f.write_str("done there, not known here yet"),
            Self::NotMoved => f.write_str("done there, not done here"),
        }
    }
}

fn name(line: &ReportLine) -> String {
    let key = line.key.map(|key| key.to_string());
    let reference = || line.references.first().map(ToString::to_string);
    key.or_else(reference).unwrap_or_else(|| "-".to_owned())
}

fn decimal(amount: Money) -> String {
    mp_core::amount::Amount::from(amount).to_decimal()
}

/// Returns a moment without its fractions of a second.
fn brief(at: Timestamp) -> String {
    let text = at.to_string();
    match text.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => text,
    }
}
