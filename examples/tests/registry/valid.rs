use mp_core::{
    ErrorKind,
    host::{Effect, Operation},
};
use serde_json::Value;

use super::{
    example::{Example, keyed},
    findings::Findings,
    world::World,
};

/// The key of every operation's valid call.
pub(crate) const KEY: &str = "valid";

/// Checks that the valid call succeeds, answers what is described, and happens once however often
/// it comes; returns the answer.
pub(crate) async fn check(name: &str, findings: &mut Findings) -> Value {
    let world = World::about(name).await;
    let (operation, example) = (world.operation(name), world.example(name));
    let caller = example.caller(operation);
    let input = keyed(operation, &example.input, KEY);
    let before = world.contents().await;
    let answer = match world.call(&caller, name, input.clone()).await {
        Ok(answer) => answer,
        Err(error) => {
            findings.case("the valid call", Some(format!("is refused: {error}")));
            return Value::Null;
        }
    };
    findings.case("the valid call", undescribed(operation, &answer));
    let after = world.contents().await;
    if operation.effect() == Effect::Read {
        findings.case("a read", after.changed_since(&before));
    }
    let again = world.call(&caller, name, input).await;
    let problem = match again {
        Ok(again) if again == answer => world.contents().await.changed_since(&after),
        Ok(again) => Some(format!("is answered {again}, not {answer}")),
        Err(error) => Some(format!("is refused: {error}")),
    };
    findings.case("the same call again", problem);
    if operation.effect() != Effect::Read {
        reused_keys(&world, example, findings).await;
    }
    answer
}

/// Checks that the key of the valid call is refused with anything else, which under a key of its
/// own is not.
async fn reused_keys(world: &World, example: &Example, findings: &mut Findings) {
    let members = example.input.as_object();
    let is_bare = members.is_some_and(|members| members.is_empty());
    if example.bodies.is_empty() && example.targets.is_empty() && !is_bare {
        let problem = "has no other input to be tried with";
        findings.case("a reused key", Some(problem.to_owned()));
    }
    let bodies = example.bodies.iter().map(|body| ("another body", body));
    let targets = example
        .targets
        .iter()
        .map(|target| ("another target", target));
    for (what, other) in bodies.chain(targets) {
        let problem = reused(world, example, other).await;
        findings.case(&format!("a reused key with {what}"), problem);
        let problem = first_used(example, other).await;
        findings.case(&format!("a key of its own with {what}"), problem);
    }
}

async fn reused(world: &World, example: &Example, other: &Value) -> Option<String> {
    let operation = world.operation(example.operation);
    let before = world.contents().await;
    let input = keyed(operation, other, KEY);
    let caller = example.caller(operation);
    let Err(error) = world.call(&caller, example.operation, input).await else {
        return Some("is accepted".to_owned());
    };
    let is_named = error.field() == Some("idempotency_key");
    if error.kind() != ErrorKind::KeyReused || error.code() != "idempotency_conflict" || !is_named {
        return Some(format!("is refused as {}", error.to_json()));
    }
    world.contents().await.changed_since(&before)
}

async fn first_used(example: &Example, other: &Value) -> Option<String> {
    let world = World::about(example.operation).await;
    let operation = world.operation(example.operation);
    let input = keyed(operation, other, "its-own");
    let caller = example.caller(operation);
    let answer = world.call(&caller, example.operation, input).await;
    answer.err().map(|error| format!("is refused: {error}"))
}

/// Says how an answer differs from what is described of it, at its top.
fn undescribed(operation: &Operation, answer: &Value) -> Option<String> {
    let schema = operation.output().as_value();
    let alternatives = ["oneOf", "anyOf"]
        .into_iter()
        .find_map(|list| schema.get(list)?.as_array());
    let fits = alternatives.map_or_else(
        || is_described(schema, answer),
        |list| list.iter().any(|each| is_described(each, answer)),
    );
    (!fits).then(|| format!("is answered {answer}, which is not what is described: {schema}"))
}

fn is_described(schema: &Value, answer: &Value) -> bool {
    let fits_type = match schema.get("type").and_then(Value::as_str) {
        Some("object") => answer.is_object(),
        Some("array") => answer.is_array(),
        Some("string") => answer.is_string(),
        Some("null") => answer.is_null(),
        _ => false,
    };
    let required = schema.get("required").and_then(Value::as_array);
    let mut required = required.into_iter().flatten().filter_map(Value::as_str);
    let has_required = required.all(|name| answer.get(name).is_some());
    let known = schema.get("properties").and_then(Value::as_object);
    let members = answer.as_object();
    let knows = |name: &String| known.is_some_and(|known| known.contains_key(name));
    fits_type && has_required && members.is_none_or(|members| members.keys().all(knows))
}

#[test]
fn an_answer_of_another_type_or_with_other_members_is_found() {
    use serde_json::json;

    let schema = json!({"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a"]});
    for (answer, fits) in [
        (json!({"a": 1}), true),
        (json!({"a": 1, "b": 2}), true),
        (json!({"b": 2}), false),
        (json!({"a": 1, "c": 3}), false),
        (json!(["a"]), false),
        (json!("a"), false),
    ] {
        assert_eq!(is_described(&schema, &answer), fits, "{answer}");
    }
}
