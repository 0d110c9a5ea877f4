//! Judges what all processes have written down.

use std::collections::{BTreeMap, BTreeSet};

use mp_core::work::LEASE;

use crate::{
    child::CONCURRENCY,
    item::{self, KINDS, QUICK},
    log::{Line, Step},
};

/// Judges a whole log in which processes were killed.
pub(crate) fn judge(lines: &[Line]) -> Result<(), String> {
    let cut_off = handled_once_in_a_lease(lines)?;
    if cut_off == 0 {
        return Err("nobody was killed while handling".to_owned());
    }
    bounded(lines)?;
    no_kind_waits_for_the_flood(lines)
}

/// Demands that no lease is handled twice, that an item's handlings do not overlap, and that one
/// which was not settled, because its process was killed, is followed only after its lease; returns
/// how many were cut off.
pub(crate) fn handled_once_in_a_lease(lines: &[Line]) -> Result<usize, String> {
    let lease = i64::try_from(LEASE.as_micros()).expect("fits");
    let mut last: BTreeMap<&str, &Line> = BTreeMap::new();
    let mut cut_off = 0;
    for line in lines {
        let Some(before) = last.insert(&line.item, line) else {
            continue;
        };
        if line.step != Step::Begun {
            if (before.step, before.lease, before.process)
                != (Step::Begun, line.lease, line.process)
            {
                return Err(format!("{line:?} ends what another has begun: {before:?}"));
            }
            continue;
        }
        // What failed is settled as due again, so its lease is over early.
        let over = before.step == Step::Failed || line.lease - lease >= before.lease;
        if !over || line.lease == before.lease {
            return Err(format!("{line:?} within the lease of {before:?}"));
        }
        cut_off += usize::from(before.step == Step::Begun);
    }
    match last.values().find(|line| line.step == Step::Begun) {
        None => Ok(cut_off),
        Some(open) => Err(format!("{open:?} is never taken up again")),
    }
}

fn bounded(lines: &[Line]) -> Result<(), String> {
    let (mut running, mut most) = (BTreeMap::<u32, usize>::new(), 0);
    for line in lines {
        let running = running.entry(line.process).or_default();
        match line.step {
            Step::Begun => *running += 1,
            Step::Done | Step::Failed => *running -= 1,
        }
        most = most.max(*running);
    }
    if (2..=CONCURRENCY).contains(&most) {
        return Ok(());
    }
    Err(format!("{most} at once in a process"))
}

/// When a tenth of the flood has been begun, work of every other kind has been as well.
fn no_kind_waits_for_the_flood(lines: &[Line]) -> Result<(), String> {
    let begun = lines.iter().filter(|line| line.step == Step::Begun);
    let kinds: Vec<&str> = begun.map(|line| item::kind_of(&line.item)).collect();
    let flood = kinds.iter().filter(|kind| **kind == QUICK).count();
    let numbered = kinds.iter().enumerate();
    let tenth = numbered.filter(|(_, kind)| **kind == QUICK).nth(flood / 10);
    let early: BTreeSet<&str> = match tenth {
        Some((position, _)) => kinds[..position].iter().copied().collect(),
        None => BTreeSet::new(),
    };
    match KINDS.iter().find(|kind| !early.contains(**kind)) {
        None => Ok(()),
        Some(kind) => Err(format!("{kind} waits for the flood")),
    }
}
