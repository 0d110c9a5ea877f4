use serde::Deserialize;

use super::{error::AuditError, file::Family};

#[derive(Deserialize)]
struct Attempt {
    charge: Stage,
    captured: Option<Capture>,
    void: Option<Stage>,
    returned: Option<Stage>,
}

#[derive(Deserialize)]
struct Capture {
    operation: Stage,
}

#[derive(Deserialize)]
struct Refund {
    operation: Stage,
}

#[derive(Deserialize)]
struct Stage {
    stage: String,
}

/// Returns how far every operation has come, by its step.
pub(super) fn stages(family: &Family) -> Result<Vec<(String, String)>, AuditError> {
    let mut stages = Vec::new();
    for (number, attempt) in family.shelf::<Attempt>("a/")? {
        let of_attempt = [
            ("c", Some(attempt.charge)),
            ("k", attempt.captured.map(|capture| capture.operation)),
            ("v", attempt.void),
            ("x", attempt.returned),
        ];
        let planned = of_attempt
            .into_iter()
            .filter_map(|(step, stage)| Some((format!("{step}{number}"), stage?.stage)));
        stages.extend(planned);
    }
    for (id, refund) in family.shelf::<Refund>("f/")? {
        stages.push((id.to_owned(), refund.operation.stage));
    }
    Ok(stages)
}
