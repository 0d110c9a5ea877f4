use std::fmt;

use serde_json::{Value, json};

use super::cases::Walk;
use crate::host::{Effect, KEY, Operation};

/// How long an overlong text is, in characters: longer than any member of an operation may be.
pub const TEXT_OVERLONG: usize = 10_000;

/// An input that an operation must refuse.
#[derive(Clone, PartialEq)]
pub struct BadInput {
    pub(super) what: String,
    pub(super) field: String,
    pub(super) may_be_unknown: bool,
    pub(super) input: Value,
}

impl BadInput {
    /// Returns what is wrong with it, such as `price.amount that is negative`.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Returns the path of the member that the refusal must name.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// Returns whether it may be refused as naming nothing: a text that is well-formed as far as
    /// the schema says.
    #[must_use]
    pub const fn may_be_unknown(&self) -> bool {
        self.may_be_unknown
    }

    /// Returns whether an error that names `field` is about this: the member itself, what it is
    /// part of, or a part of it.
    #[must_use]
    pub fn is_about(&self, field: &str) -> bool {
        is_within(field, &self.field) || is_within(&self.field, field)
    }

    /// Returns the input.
    #[must_use]
    pub const fn input(&self) -> &Value {
        &self.input
    }
}

/// Shows no more of the input than its name: it may be long.
impl fmt::Debug for BadInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BadInput")
            .field("what", &self.what)
            .field("field", &self.field)
            .finish_non_exhaustive()
    }
}

/// The bad inputs that follow from an operation's schema and one valid input:
///
/// - the whole: no object, and an object with a member too many;
/// - each required member left out; each member null, and of another type;
/// - each integer a fraction; each number below its minimum, or above its maximum;
/// - each text of [`TEXT_OVERLONG`] characters, and with a control character;
/// - each amount negative, and of an unknown currency or a malformed unit;
/// - and all of that inside every object and the first item of every list.
#[derive(Clone, Debug)]
pub struct BadInputs(Vec<BadInput>);

impl BadInputs {
    /// Derives them; a member that `valid` does not have is only tried where it is required.
    #[must_use]
    pub fn of(operation: &Operation, valid: &Value) -> Self {
        let mut valid = valid.clone();
        let has_effect = operation.effect() != Effect::Read;
        if let (true, Some(members)) = (has_effect, valid.as_object_mut()) {
            members.insert(KEY.to_owned(), json!("probe"));
        }
        let mut inputs = Walk::through(&operation.input(), &valid);
        for (number, bad) in inputs.iter_mut().enumerate() {
            give_key_of_its_own(bad, number);
        }
        Self(inputs)
    }

    /// Leaves out the cases about a member for which some of them are right.
    #[must_use]
    pub fn except(mut self, field: &str) -> Self {
        self.0.retain(|bad| bad.field != field);
        self
    }

    /// Returns how many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there are none, which is never so for an operation that is strict.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl IntoIterator for BadInputs {
    type Item = BadInput;
    type IntoIter = std::vec::IntoIter<BadInput>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Two different inputs under one key would be refused for the key.
fn give_key_of_its_own(bad: &mut BadInput, number: usize) {
    if bad.field == KEY {
        return;
    }
    if let Some(key) = bad.input.get_mut(KEY) {
        *key = json!(format!("probe-{number}"));
    }
}

/// Returns whether `path` is `whole` or a part of it.
fn is_within(path: &str, whole: &str) -> bool {
    path.strip_prefix(whole)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']) && !whole.is_empty())
}
