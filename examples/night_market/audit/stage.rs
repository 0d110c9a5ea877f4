use std::collections::BTreeMap;

use serde::Deserialize;

use super::{error::AuditError, file::Family};

/// One try at charging the payer.
#[derive(Deserialize)]
pub(super) struct Attempt {
    charge: Stage,
    #[serde(default)]
    captures: BTreeMap<String, Part>,
    #[serde(default)]
    voids: BTreeMap<String, Stage>,
    #[serde(default)]
    returns: BTreeMap<String, Part>,
}

#[derive(Deserialize)]
struct Part {
    operation: Stage,
}

#[derive(Deserialize)]
struct Stage {
    stage: String,
}

/// Returns how far every operation has come, by its step.
pub(super) fn stages(
    attempts: BTreeMap<String, Attempt>,
    family: &Family,
) -> Result<Vec<(String, String)>, AuditError> {
    let mut stages = Vec::new();
    for (number, attempt) in attempts {
        stages.push((format!("c{number}"), attempt.charge.stage));
        let part = |(n, part): (String, Part)| (n, part.operation);
        for (step, planned) in [
            ("k", attempt.captures.into_iter().map(part).collect()),
            ("v", attempt.voids),
            ("x", attempt.returns.into_iter().map(part).collect()),
        ] {
            let named = planned.into_iter().map(|(n, stage)| match &*n {
                "1" => (format!("{step}{number}"), stage.stage),
                _ => (format!("{step}{number}.{n}"), stage.stage),
            });
            stages.extend(named);
        }
    }
    for (id, refund) in family.shelf::<Part>("f/")? {
        stages.push((id.to_owned(), refund.operation.stage));
    }
    Ok(stages)
}
