use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    counts::Counts, error::AuditError, file::Family, findings::Findings,
    invariant::Invariant::TicketsServedInOrder,
};

/// Where a line keeps its tickets: those that wait, those that were called, those that are done.
const SHELVES: [&str; 3] = ["w/", "c/", "d/"];

#[derive(Deserialize)]
struct Line {
    lanes: Vec<Lane>,
}

#[derive(Deserialize)]
struct Lane {
    letter: String,
    counts: BTreeMap<String, u64>,
}

/// A ticket; its times are written alike, so their text order is the order in time.
#[derive(Deserialize)]
struct Ticket {
    lane: String,
    sequence: u32,
    number: String,
    state: String,
    queued_at: String,
    called_at: Option<String>,
    closed_at: Option<String>,
    calls: u32,
}

impl Ticket {
    /// Returns the place that its number tells a person: 7 for `A007`.
    fn place(&self) -> Option<u32> {
        self.number.strip_prefix(&self.lane)?.parse().ok()
    }

    /// Returns when it was called from the place it has; a call before belongs to an earlier place.
    fn called(&self) -> Option<&str> {
        let called_at = self.called_at.as_deref();
        called_at.filter(|at| *at >= self.queued_at.as_str())
    }

    /// Returns whether it stood in the lane, not called yet, when somebody behind it was called.
    ///
    /// Of a ticket that was called more than once only the last call is known: it may have been
    /// called before, and nothing can be said.
    fn waited_at(&self, moment: &str) -> bool {
        let left = self.called().or(self.closed_at.as_deref());
        self.calls <= 1 && left.is_none_or(|left| left > moment)
    }
}

/// Recomputes the order in which a line's lanes were called, and who is in them.
pub(super) fn check(
    family: &Family,
    counts: &mut Counts,
    findings: &mut Findings,
) -> Result<(), AuditError> {
    let mut lanes: BTreeMap<String, Vec<Ticket>> = BTreeMap::new();
    for shelf in SHELVES {
        for (_, ticket) in family.shelf::<Ticket>(shelf)? {
            counts.tickets += 1;
            lanes.entry(ticket.lane.clone()).or_default().push(ticket);
        }
    }
    for tickets in lanes.values_mut() {
        tickets.sort_by_key(|ticket| ticket.sequence);
        order(&family.partition, tickets, findings);
    }
    for lane in &family.root::<Line>()?.lanes {
        let tickets = lanes.remove(&lane.letter).unwrap_or_default();
        attendance(&family.partition, lane, &tickets, findings);
    }
    let lost = lanes.into_keys().next();
    let problem = "it has tickets in a lane that it does not have";
    findings.expect(
        lost.is_none(),
        TicketsServedInOrder,
        &family.partition,
        problem,
    );
    Ok(())
}

/// Finds tickets that were overtaken, from the last to the first.
fn order(partition: &str, tickets: &[Ticket], findings: &mut Findings) {
    let mut first_behind: Option<(&str, &Ticket)> = None;
    for ticket in tickets.iter().rev() {
        if let Some((at, behind)) = first_behind.filter(|(at, _)| ticket.waited_at(at)) {
            let (number, other) = (&ticket.number, &behind.number);
            let problem = format_args!("{other} was called at {at}, while {number} waited");
            findings.add(TicketsServedInOrder, partition, problem);
        }
        if let Some(at) = ticket.called() {
            let earlier = first_behind.is_none_or(|(first, _)| at < first);
            first_behind = if earlier {
                Some((at, ticket))
            } else {
                first_behind
            };
        }
    }
    for pair in tickets.windows(2) {
        let ordered = pair[0].queued_at <= pair[1].queued_at && pair[0].place() < pair[1].place();
        let problem = format_args!(
            "{} stands before {}, who came earlier",
            pair[0].number, pair[1].number
        );
        findings.expect(ordered, TicketsServedInOrder, partition, problem);
    }
}

/// Holds a lane's counts to its tickets; at the end of the evening nobody is left in it.
fn attendance(partition: &str, lane: &Lane, tickets: &[Ticket], findings: &mut Findings) {
    let letter = &lane.letter;
    for (state, count) in &lane.counts {
        let found = tickets
            .iter()
            .filter(|ticket| state == "joined" || *state == ticket.state)
            .count() as u64;
        let problem =
            format_args!("lane {letter} counts {count} {state}, and has {found} such tickets");
        findings.expect(found == *count, TicketsServedInOrder, partition, problem);
        let left = matches!(state.as_str(), "waiting" | "called") && found > 0;
        let problem = format_args!("{found} in lane {letter} are still {state}");
        findings.expect(!left, TicketsServedInOrder, partition, problem);
    }
}
