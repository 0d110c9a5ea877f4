use serde_json::{Value, json};

use super::{BadInput, TEXT_OVERLONG, shape::Shape};

/// A member that no operation has.
const UNKNOWN: &str = "member_that_nobody_knows";

/// A walk through a valid input that collects, at every place, inputs that are bad there.
pub(super) struct Walk<'a> {
    valid: &'a Value,
    found: Vec<BadInput>,
}

/// A place in the input: its path in errors, and its JSON Pointer (RFC 6901).
#[derive(Clone)]
struct Place {
    path: String,
    pointer: String,
}

impl<'a> Walk<'a> {
    /// Collects the bad inputs for a schema and a valid input.
    pub(super) fn through(schema: &Value, valid: &'a Value) -> Vec<BadInput> {
        let mut walk = Self {
            valid,
            found: Vec::new(),
        };
        let root = Place {
            path: String::new(),
            pointer: String::new(),
        };
        for (what, whole) in [
            ("input that is null", Value::Null),
            ("input that is a text", json!("text")),
            ("input that is an empty list", json!([])),
            ("input that is a list of the members", in_order(valid)),
        ] {
            walk.push(what.to_owned(), "input", whole);
        }
        walk.members(Shape::of(schema).for_value(valid), &root, valid);
        walk.found
    }

    fn members(&mut self, shape: Shape<'_>, place: &Place, object: &Value) {
        let Some(known) = shape.get("properties").and_then(Value::as_object) else {
            return;
        };
        let unknown = place.member(UNKNOWN);
        self.replace(&unknown, "that nobody knows", json!(1));
        for (name, schema) in known {
            let here = place.member(name);
            if shape.requires(name) {
                // An amount without a unit may miss a currency as well as a unit of one's own.
                let is_unit = is_amount(object) && name != "amount";
                let field = if is_unit { place } else { &here };
                self.leave_out(place, name, &field.path);
            }
            if let Some(value) = object.get(name) {
                self.value(shape.within(schema), &here, value);
            }
        }
        if is_amount(object) {
            self.amount(place, object);
        }
    }

    fn value(&mut self, shape: Shape<'_>, place: &Place, value: &Value) {
        if !shape.takes_null() {
            self.replace(place, "that is null", Value::Null);
        }
        if let Some(other) = shape.other_type() {
            self.replace(place, "of another type", other);
        }
        let shape = shape.for_value(value);
        match value {
            Value::String(_) => self.text(place),
            Value::Number(_) => self.number(shape, place),
            Value::Object(_) => self.members(shape, place, value),
            Value::Array(items) => {
                if let (Some(schema), Some(first)) = (shape.get("items"), items.first()) {
                    self.value(shape.within(schema), &place.item(), first);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn text(&mut self, place: &Place) {
        for (what, text) in [
            ("that is overlong", "x".repeat(TEXT_OVERLONG)),
            ("with a control character", "a\u{7}b".to_owned()),
        ] {
            self.replace(place, what, json!(text));
            if let Some(bad) = self.found.last_mut() {
                bad.may_be_unknown = true;
            }
        }
    }

    fn number(&mut self, shape: Shape<'_>, place: &Place) {
        let types = shape.get("type");
        if types.is_some_and(|types| types == "integer") {
            self.replace(place, "that is a fraction", json!(1.5));
        }
        if let Some(minimum) = shape.get("minimum").and_then(Value::as_i64) {
            self.replace(place, "below its minimum", json!(minimum.saturating_sub(1)));
        }
        if let Some(maximum) = shape.get("maximum").and_then(Value::as_i64) {
            self.replace(place, "above its maximum", json!(maximum.saturating_add(1)));
        }
    }

    fn amount(&mut self, place: &Place, amount: &Value) {
        self.replace(&place.member("amount"), "that is negative", json!(-1));
        for (unit, value) in [("currency", "XXQ"), ("unit", "not a unit")] {
            if amount.get(unit).is_some() {
                self.replace(&place.member(unit), "that does not exist", json!(value));
            }
        }
    }

    /// Puts a value in a place, or adds a member.
    fn replace(&mut self, place: &Place, what: &str, value: Value) {
        let mut input = self.valid.clone();
        let (parent, name) = place.pointer.rsplit_once('/').unwrap_or_default();
        match input.pointer_mut(parent) {
            Some(Value::Object(members)) => drop(members.insert(unescaped(name), value)),
            Some(Value::Array(items)) => items[0] = value,
            _ => return,
        }
        self.push(format!("{} {what}", place.path), &place.path, input);
    }

    fn leave_out(&mut self, parent: &Place, name: &str, field: &str) {
        let mut input = self.valid.clone();
        if let Some(Value::Object(members)) = input.pointer_mut(&parent.pointer) {
            members.remove(name);
        }
        let what = format!("{} that is missing", parent.member(name).path);
        self.push(what, field, input);
    }

    fn push(&mut self, what: String, field: &str, input: Value) {
        self.found.push(BadInput {
            what,
            field: field.to_owned(),
            may_be_unknown: false,
            input,
        });
    }
}

impl Place {
    fn member(&self, name: &str) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        Self {
            path: format!("{}{dot}{name}", self.path),
            pointer: format!("{}/{}", self.pointer, escaped(name)),
        }
    }

    /// The first item of a list.
    fn item(&self) -> Self {
        Self {
            path: format!("{}[0]", self.path),
            pointer: format!("{}/0", self.pointer),
        }
    }
}

fn is_amount(object: &Value) -> bool {
    object.get("amount").is_some_and(Value::is_i64)
        && (object.get("currency").is_some() || object.get("unit").is_some())
}

fn in_order(valid: &Value) -> Value {
    let members = valid.as_object().into_iter().flatten();
    members.map(|(_, member)| member.clone()).collect()
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn unescaped(name: &str) -> String {
    name.replace("~1", "/").replace("~0", "~")
}
