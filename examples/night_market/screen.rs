use std::{
    io::{self, IsTerminal, Write as _},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

use super::report::Report;

/// Returns a bar over the evening's visitors; one that shows nothing when nobody watches.
pub(crate) fn bar(visitors: u32, quiet: bool) -> ProgressBar {
    if quiet || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(u64::from(visitors));
    let template = "{prefix} {wide_bar:.yellow/dim} {pos}/{len} visitors  {msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Prints the evening as one screen for a person.
pub(crate) fn show(report: &Report) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "\n  The night market at Temple Street, Hong Kong\n")?;
    for (label, text) in lines(report) {
        writeln!(out, "  {label:<12} {text}")?;
    }
    writeln!(out)?;
    for (name, holds) in report.invariants.each() {
        writeln!(
            out,
            "  {} {}",
            if holds { "✓" } else { "✗ BROKEN" },
            name.replace('_', " ")
        )?;
    }
    writeln!(out, "\n  {}", whereabouts(report))?;
    if let Some(path) = &report.path {
        let shell = if path.contains("://") {
            format!("psql {path} -c")
        } else {
            format!("sqlite3 {path}")
        };
        writeln!(
            out,
            "  Look inside:    {shell} 'SELECT * FROM mp_json LIMIT 5'"
        )?;
        writeln!(
            out,
            "  Check it again: cargo run --release --example night_market -- --audit {path}"
        )?;
    }
    out.flush()
}

fn lines(report: &Report) -> [(&'static str, String); 10] {
    let percent = report.quotes_kept_ratio * 100.0;
    [
        (
            "Visitors",
            format!(
                "{} found a stall in {} searches",
                report.visitors, report.locates
            ),
        ),
        (
            "Links",
            format!(
                "{} verified offline, signed by friends and stalls",
                report.links_verified
            ),
        ),
        (
            "Queues",
            format!(
                "{} tickets, {percent:.1} % of promised waits kept",
                report.tickets
            ),
        ),
        (
            "Payments",
            format!(
                "{} intents, {} declined, {} outcomes lost and found again",
                report.intents, report.declined, report.unknown_resolved
            ),
        ),
        ("Money in", format!("{:>14}", dollars(report.captured))),
        ("Money back", format!("{:>14}", dollars(report.refunded))),
        (
            "Groups",
            format!(
                "{} opened: {} filled, {} expired and gave everybody back what they paid",
                report.groups_opened, report.groups_filled, report.groups_expired
            ),
        ),
        ("Stamps", format!("{} on loyalty cards", report.stamps)),
        (
            "Pace",
            format!(
                "{} operations in {:.1} s: {:.0} a second, each durable when answered",
                report.operations, report.seconds, report.operations_per_second
            ),
        ),
        ("Shared", shared(report)),
    ]
}

fn shared(report: &Report) -> String {
    let own = report.own_operations;
    match report.processes {
        0 | 1 => "by nobody: this process did it all".to_owned(),
        processes => {
            let percent = 100.0 * own as f64 / report.operations.max(1) as f64;
            format!("by {processes} processes: {own} operations, {percent:.1} %, were this one's")
        }
    }
}

/// Writes cents as dollars with thousands apart: 123456789 is `HK$ 1,234,567.89`.
fn dollars(cents: i64) -> String {
    let whole = (cents / 100).unsigned_abs().to_string();
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if cents < 0 { "-" } else { "" };
    format!("HK$ {sign}{grouped}.{:02}", cents.unsigned_abs() % 100)
}

fn whereabouts(report: &Report) -> String {
    let place = report.path.as_deref().unwrap_or("memory, and is gone now");
    match report.resumed_at_operation {
        0 => format!("The evening is kept in {place}"),
        operation => {
            format!("This process came at operation {operation}; the evening is kept in {place}")
        }
    }
}
