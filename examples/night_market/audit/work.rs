use super::{
    error::AuditError,
    evening::Evening,
    findings::Findings,
    invariant::Invariant::{EveryEffectOnce, NoDeadLetters},
    records::Records,
};

/// What a timer's key starts with; everything else among the work is a message.
const TIMER: &str = "~t/";

/// Finds work that was given up, and work that should have been done by the end of the evening:
/// every message, and every timer that is due.
pub(super) fn check(
    records: &dyn Records,
    evening: &Evening,
    findings: &mut Findings,
) -> Result<(), AuditError> {
    for work in records.work()? {
        let (partition, key) = (&work.partition, &work.key);
        // Times are written alike, in universal time and to the microsecond: text order is theirs.
        let later = key.starts_with(TIMER) && work.at > evening.clock;
        if work.dead {
            let problem = format_args!("the work {key} was given up");
            findings.add(NoDeadLetters, partition, problem);
        } else if !later {
            let problem = format_args!("the work {key}, due at {}, is not done", work.at);
            findings.add(EveryEffectOnce, partition, problem);
        }
    }
    Ok(())
}
