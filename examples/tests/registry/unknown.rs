use mp_core::ErrorKind;
use serde_json::{Value, json};

use super::{
    example::{Example, Unknown, keyed},
    findings::Findings,
    world::World,
};

/// The length of an id's text after its prefix: 26 characters of Crockford's base 32.
const ID_LENGTH: usize = 26;

/// Checks that what names nothing is refused as such, by the field's name.
pub(crate) async fn check(world: &World, example: &Example, findings: &mut Findings) {
    let operation = world.operation(example.operation);
    let caller = example.caller(operation);
    for (number, unknown) in all(example).into_iter().enumerate() {
        let mut input = keyed(operation, &example.input, &format!("unknown-{number}"));
        *input.pointer_mut(&unknown.pointer).expect("a member") = unknown.value;
        let before = world.contents().await.without_notes();
        let problem = match world.call(&caller, example.operation, input).await {
            Ok(_) => Some("is accepted".into()),
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Some(format!("is refused as {:?}: {error}", error.kind()))
            }
            Err(error) if error.field() != Some(&unknown.field) => {
                Some(format!("is refused for {:?}: {error}", error.field()))
            }
            Err(_) => {
                let after = world.contents().await.without_notes();
                after.changed_since(&before)
            }
        };
        findings.case(&format!("{} that names nothing", unknown.pointer), problem);
    }
}

/// Returns every member that names something, made to name nothing: those that the example tells,
/// and every id in it.
fn all(example: &Example) -> Vec<Unknown> {
    let mut found = example.names.clone();
    ids(&example.input, "", &mut found);
    let is_unlooked = |each: &Unknown| {
        let mut unlooked = example.unlooked.iter();
        unlooked.any(|(pointer, _)| *pointer == each.pointer)
    };
    found.retain(|each| !is_unlooked(each));
    found
}

fn ids(value: &Value, pointer: &str, found: &mut Vec<Unknown>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                ids(member, &format!("{pointer}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                ids(item, &format!("{pointer}/{index}"), found);
            }
        }
        Value::String(text) => found.extend(prefix(text).map(|prefix| Unknown {
            pointer: pointer.to_owned(),
            value: json!(format!("{prefix}_{}", "0".repeat(ID_LENGTH))),
            field: pointer[1..].replace('/', "."),
        })),
        _ => {}
    }
}

/// Returns the prefix of a text that is an id.
pub(crate) fn prefix(text: &str) -> Option<&str> {
    let (prefix, digits) = text.rsplit_once('_')?;
    let is_digit = |digit: u8| digit.is_ascii_digit() || digit.is_ascii_uppercase();
    (digits.len() == ID_LENGTH && digits.bytes().all(is_digit)).then_some(prefix)
}
