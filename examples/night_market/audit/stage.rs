use std::collections::BTreeMap;

use serde::Deserialize;

use super::{error::AuditError, file::Family};

#[derive(Deserialize)]
struct Attempt {
    charge: Stage,
    #[serde(default)]
    captures: BTreeMap<u32, Part>,
    #[serde(default)]
    voids: BTreeMap<u32, Stage>,
    #[serde(default)]
    returns: BTreeMap<u32, Part>,
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
pub(super) fn stages(family: &Family) -> Result<Vec<(String, String)>, AuditError> {
    let mut stages = Vec::new();
    for (number, attempt) in family.shelf::<Attempt>("a/")? {
        stages.push((format!("c{number}"), attempt.charge.stage));
        let part = |(n, part): (u32, Part)| (n, part.operation);
        for (step, planned) in [
            ("k", attempt.captures.into_iter().map(part).collect()),
            ("v", attempt.voids),
            ("x", attempt.returns.into_iter().map(part).collect()),
        ] {
            let named = planned.into_iter().map(|(n, stage)| match n {
                1 => (format!("{step}{number}"), stage.stage),
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
