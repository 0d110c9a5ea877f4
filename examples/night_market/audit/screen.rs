use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use serde::Serialize;

use super::{
    counts::Counts, evening::Evening, invariant::Invariant, source::Source, verdict::Verdict,
};

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    path: String,
    invariants: BTreeMap<Invariant, bool>,
    counts: &'a Counts,
    findings: Vec<&'a str>,
}

/// What `--json` prints of an evening that is not over.
#[derive(Serialize)]
struct Unfinished {
    path: String,
    over: bool,
    unfinished: String,
}

/// Shows what an audit came to: as one JSON object, or as a screen for a person.
pub(super) fn show(
    source: &Source,
    verdict: &Verdict,
    json: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    if json {
        let report = Report {
            path: source.to_string(),
            invariants: verdict.invariants(),
            counts: &verdict.counts,
            findings: verdict.findings(),
        };
        return print(out, &report);
    }
    writeln!(out, "\n  The books of the night market, added up again")?;
    writeln!(out, "  from the records in {source} alone\n")?;
    for (label, text) in lines(&verdict.counts) {
        writeln!(out, "  {label:<10} {text}")?;
    }
    writeln!(out)?;
    for (invariant, holds) in verdict.each() {
        let mark = if holds { "✓" } else { "✗ BROKEN" };
        writeln!(out, "  {mark} {}", invariant.name().replace('_', " "))?;
    }
    let findings = verdict.findings();
    if !findings.is_empty() {
        writeln!(out)?;
    }
    for finding in findings {
        writeln!(out, "  - {finding}")?;
    }
    out.flush()
}

/// Says that an evening is not over, and what to do about it.
pub(super) fn unfinished(
    source: &Source,
    evening: &Evening,
    json: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    let Evening { visitors, seed, .. } = evening;
    let sentence = format!(
        "the evening in {source} is in tick {} and not over: run it to its end with --visitors \
         {visitors} --seed {seed} --store {}, then audit it",
        evening.tick,
        source.store()
    );
    if json {
        let report = Unfinished {
            path: source.to_string(),
            over: false,
            unfinished: sentence,
        };
        return print(out, &report);
    }
    writeln!(out, "{sentence}")
}

fn print(out: &mut impl Write, report: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, report)?;
    writeln!(out)
}

fn lines(counts: &Counts) -> [(&'static str, String); 6] {
    [
        (
            "Evening",
            format!(
                "{} visitors came, and {} operations were done",
                counts.visitors, counts.operations
            ),
        ),
        (
            "Money",
            format!(
                "{} taken and {} given back, in cents, over {} intents",
                counts.captured, counts.refunded, counts.intents
            ),
        ),
        (
            "Provider",
            format!(
                "{} calls made, {} movements booked",
                counts.provider_calls, counts.provider_movements
            ),
        ),
        (
            "Orders",
            format!(
                "{} placed: {} paid, {} returned",
                counts.orders, counts.orders_paid, counts.orders_returned
            ),
        ),
        (
            "Groups",
            format!(
                "{} opened: {} filled, {} expired; {} seats, {} pieces sold",
                counts.groups_opened,
                counts.groups_filled,
                counts.groups_expired,
                counts.seats,
                counts.sold
            ),
        ),
        (
            "Others",
            format!(
                "{} tickets; {} stamps on {} passes",
                counts.tickets, counts.stamps, counts.passes
            ),
        ),
    ]
}
