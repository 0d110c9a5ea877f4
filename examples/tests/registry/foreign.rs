use mp_core::{Caller, Error, ErrorKind, host::Effect};
use serde_json::{Value, json};

use super::{
    contents::Contents,
    example::{Example, Foreign, STRANGER, keyed, with},
    findings::Findings,
    unknown::prefix,
    world::World,
};

/// Checks what becomes of the valid call when another user makes it, and somebody of another app.
pub(crate) async fn check(name: &str, answer: &Value, findings: &mut Findings) {
    let world = World::about(name).await;
    let (operation, example) = (world.operation(name), world.example(name));
    let stranger = Example::stranger(operation);
    let problem = problem(&world, example, &stranger, example.other_user, None).await;
    findings.case("a call by another user", problem);

    let world = World::about(name).await;
    let namesake = example.namesake(operation);
    let problem = self::problem(&world, example, &namesake, example.other_app, Some(answer)).await;
    findings.case("a call in another app", problem);

    if let Some(member) = example.behalf {
        let problem = on_behalf(&World::about(name).await, example, member).await;
        findings.case("a call on another user's behalf", problem);
    }
}

async fn on_behalf(world: &World, example: &Example, member: &str) -> Option<String> {
    let operation = world.operation(example.operation);
    let input = with(&example.input, json!({member: STRANGER}));
    let input = keyed(operation, &input, "behalf");
    let before = world.contents().await.without_notes();
    let caller = example.caller(operation);
    match world.call(&caller, example.operation, input).await {
        Err(error) if error.kind() == ErrorKind::Forbidden && error.field().is_some() => {
            let after = world.contents().await.without_notes();
            after.changed_since(&before)
        }
        answer => Some(format!("is answered {answer:?}")),
    }
}

/// Says what was wrong; `secret` is what the answer must not show.
async fn problem(
    world: &World,
    example: &Example,
    caller: &Caller,
    foreign: Foreign,
    secret: Option<&Value>,
) -> Option<String> {
    let operation = world.operation(example.operation);
    let before = world.contents().await.without_notes();
    let input = keyed(operation, &example.input, "foreign");
    let answer = world.call(caller, example.operation, input).await;
    let after = world.contents().await.without_notes();
    let problem = match (&answer, foreign) {
        (Err(error), Foreign::Refused) => ill_refused(error),
        (Err(error), Foreign::RefusedAs { code, .. }) if error.code() == code => None,
        (Ok(_), Foreign::Shared { .. }) => None,
        (Ok(shown), Foreign::Apart { .. }) => {
            secret.and_then(|secret| shows(shown, secret, &example.input))
        }
        _ => Some(format!("is answered {answer:?}, though {}", foreign.why())),
    };
    problem.or_else(|| {
        changed(
            &before,
            &after,
            operation.effect(),
            foreign,
            secret.is_some(),
        )
    })
}

fn ill_refused(error: &Error) -> Option<String> {
    let fits = [ErrorKind::NotFound, ErrorKind::Forbidden].contains(&error.kind());
    let (kind, field) = (error.kind(), error.field());
    (!fits || field.is_none()).then(|| format!("is refused as {kind:?} for {field:?}: {error}"))
}

fn changed(
    before: &Contents,
    after: &Contents,
    effect: Effect,
    foreign: Foreign,
    is_other_app: bool,
) -> Option<String> {
    match foreign {
        Foreign::Refused | Foreign::RefusedAs { .. } => after.changed_since(before),
        _ if effect == Effect::Read => after.changed_since(before),
        // Nothing of one app is another's to change.
        Foreign::Apart { .. } => after.touched_since(before),
        Foreign::Shared { .. } if is_other_app => after.touched_since(before),
        Foreign::Shared { .. } => None,
    }
}

/// Finds an id in an answer that stands in another answer too, but not in what was sent.
fn shows(shown: &Value, secret: &Value, sent: &Value) -> Option<String> {
    let [shown, secret, sent] = [shown, secret, sent].map(Value::to_string);
    let mut ids = secret.split('"').filter(|text| prefix(text).is_some());
    let leaked = ids.find(|id| shown.contains(*id) && !sent.contains(*id))?;
    Some(format!("is answered with {leaked}, which is another's"))
}
