use mp_core::host::probe::{BadInputs, probe};
use serde_json::Value;

use super::{example::keyed, findings::Findings, unknown, valid::KEY, world::World};

/// Checks that bad input is refused and changes nothing: at the end the valid call still answers as
/// in a world where nobody was refused.
pub(crate) async fn check(name: &str, answer: &Value, findings: &mut Findings) {
    let world = World::new().await;
    let (operation, example) = (world.operation(name), world.example(name));
    let caller = example.caller(operation);

    let before = world.contents().await.without_notes();
    for _ in 0..BadInputs::of(operation, &example.input).len() {
        findings.case("a bad input", None);
    }
    let keyed_input = keyed(operation, &example.input, "no-scope");
    for violation in probe(&world.host, &world.store, &caller, operation, &keyed_input).await {
        findings.case("probed,", Some(violation.to_string()));
    }
    let after = world.contents().await.without_notes();
    findings.case("a caller without the scope", after.changed_since(&before));

    unknown::check(&world, example, findings).await;

    let input = keyed(operation, &example.input, KEY);
    let problem = match world.call(&caller, name, input).await {
        Ok(late) if late == *answer => None,
        Ok(late) => Some(format!("is answered {late}, not {answer}")),
        Err(error) => Some(format!("is refused: {error}")),
    };
    findings.case("the valid call after all refusals", problem);
}
