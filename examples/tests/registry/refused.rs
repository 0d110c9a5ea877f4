use mp_core::host::probe::{BadInputs, probe};
use serde_json::Value;

use super::{example::keyed, findings::Findings, unknown, valid::KEY, world::World};

/// Checks that bad input is refused and changes nothing: at the end the valid call still answers as
/// in a world where nobody was refused.
pub(crate) async fn check(name: &str, answer: &Value, findings: &mut Findings) {
    let world = World::about(name).await;
    let (operation, example) = (world.operation(name), world.example(name));
    let caller = example.caller(operation);

    probed(&world, name, &example.input, findings).await;
    unknown::check(&world, example, findings).await;
    let input = keyed(operation, &example.input, KEY);
    let problem = match world.call(&caller, name, input).await {
        Ok(late) if late == *answer => None,
        Ok(late) => Some(format!("is answered {late}, not {answer}")),
        Err(error) => Some(format!("is refused: {error}")),
    };
    findings.case("the valid call after all refusals", problem);

    let mut tried = vec![&example.input];
    for body in &example.bodies {
        // In a world of its own, since the bad inputs that are derived have the same keys.
        probed(&World::about(name).await, name, body, findings).await;
        tried.push(body);
    }
    for member in untried(&operation.input(), &tried, "") {
        findings.case(&member, Some("is in no example".to_owned()));
    }
}

/// Tries every bad input that follows from a good one, and a caller without the scope.
async fn probed(world: &World, name: &str, good: &Value, findings: &mut Findings) {
    let (operation, example) = (world.operation(name), world.example(name));
    let caller = example.caller(operation);
    let before = world.contents().await.without_notes();
    let input = keyed(operation, good, "no-scope");
    let violations = probe(&world.host, &world.store, &caller, operation, &input).await;
    let tried = BadInputs::of(operation, good).len() + 1 - violations.len();
    for _ in 0..tried {
        findings.case("a bad input", None);
    }
    for violation in violations {
        findings.case("bad:", Some(violation.to_string()));
    }
    let after = world.contents().await.without_notes();
    findings.case("all bad input together", after.changed_since(&before));
}

/// Returns the members of a schema that none of the values has, but for the key.
fn untried(schema: &Value, values: &[&Value], path: &str) -> Vec<String> {
    let known = schema.get("properties").and_then(Value::as_object);
    let mut found = Vec::new();
    for (name, schema) in known.into_iter().flatten() {
        let path = format!("{path}/{name}");
        let values: Vec<&Value> = values.iter().filter_map(|each| each.get(name)).collect();
        if values.is_empty() && path != "/idempotency_key" {
            found.push(path);
        } else {
            found.extend(untried(schema, &values, &path));
        }
    }
    found
}

#[test]
fn a_member_that_is_in_no_example_is_found() {
    use serde_json::json;

    let inner = json!({"properties": {"b": {}, "c": {}}});
    let schema = json!({"properties": {"a": inner, "d": {}, "idempotency_key": {}}});
    let values = [json!({"a": {"b": 1}}), json!({"d": 2})];
    let values: Vec<&Value> = values.iter().collect();
    assert_eq!(untried(&schema, &values, ""), ["/a/c"]);
}
