use std::collections::BTreeSet;

use serde_json::{Value, json};

/// One part of a JSON Schema: what is asked of a value in one place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape<'a> {
    root: &'a Value,
    schema: &'a Value,
}

impl<'a> Shape<'a> {
    pub(super) fn of(root: &'a Value) -> Self {
        Self { root, schema: root }
    }

    /// Returns the shape behind references and alternatives that `value` has.
    pub(super) fn for_value(self, value: &Value) -> Self {
        let here = self.resolved();
        here.alternatives()
            .map(Self::resolved)
            .find(|shape| shape.fits(value))
            .map_or(here, |shape| shape.for_value(value))
    }

    /// Returns the shape of a member or an item.
    pub(super) fn within(self, schema: &'a Value) -> Self {
        Self { schema, ..self }
    }

    pub(super) fn get(self, keyword: &str) -> Option<&'a Value> {
        self.schema.get(keyword)
    }

    pub(super) fn requires(self, member: &str) -> bool {
        let required = self.get("required").and_then(Value::as_array);
        required.is_some_and(|required| required.contains(&json!(member)))
    }

    /// Returns a value of a type that is not allowed here, if one is not.
    pub(super) fn other_type(self) -> Option<Value> {
        let types = self.types()?;
        [json!(true), json!(7), json!("text"), json!([])]
            .into_iter()
            .find(|value| !types.iter().any(|allowed| is_of(value, allowed)))
    }

    pub(super) fn takes_null(self) -> bool {
        self.types().is_none_or(|types| types.contains("null"))
    }

    /// Returns the types that are allowed; `None` if all are.
    fn types(self) -> Option<BTreeSet<&'a str>> {
        let here = self.resolved();
        if let Some(types) = here.get("type") {
            let list = types
                .as_array()
                .map_or(std::slice::from_ref(types), Vec::as_slice);
            return Some(list.iter().filter_map(Value::as_str).collect());
        }
        let values = here.get("enum").and_then(Value::as_array);
        let values = values.map(Vec::as_slice);
        let constant = here.get("const").map(std::slice::from_ref);
        if let Some(values) = values.or(constant) {
            return Some(values.iter().map(type_of).collect());
        }
        let mut alternatives = here.alternatives().peekable();
        alternatives.peek()?;
        alternatives.try_fold(BTreeSet::new(), |mut all, shape| {
            all.extend(shape.types()?);
            Some(all)
        })
    }

    fn alternatives(self) -> impl Iterator<Item = Self> {
        let lists = ["anyOf", "oneOf"].map(|keyword| self.get(keyword).and_then(Value::as_array));
        let schemas = lists.into_iter().flatten().flatten();
        schemas.map(move |schema| self.within(schema))
    }

    fn resolved(self) -> Self {
        let pointer = self.get("$ref").and_then(Value::as_str);
        let target = pointer
            .and_then(|pointer| pointer.strip_prefix('#'))
            .and_then(|pointer| self.root.pointer(pointer));
        target.map_or(self, |schema| self.within(schema))
    }

    /// Returns whether the value is of this alternative, as far as its type, its constants and the
    /// names of its members tell.
    fn fits(self, value: &Value) -> bool {
        let of_type = self
            .types()
            .is_none_or(|types| types.iter().any(|allowed| is_of(value, allowed)));
        let constant = self.get("const").is_none_or(|constant| constant == value);
        let listed = self.get("enum").and_then(Value::as_array);
        of_type
            && constant
            && listed.is_none_or(|list| list.contains(value))
            && self.fits_members(value)
    }

    fn fits_members(self, value: &Value) -> bool {
        let (Some(known), Some(members)) = (self.get("properties"), value.as_object()) else {
            return true;
        };
        let required = self.get("required").and_then(Value::as_array);
        let has_required = required.is_none_or(|required| {
            required
                .iter()
                .filter_map(Value::as_str)
                .all(|name| members.contains_key(name))
        });
        let fits = |(name, member): (&String, &Value)| {
            let schema = known.get(name);
            schema.is_some_and(|schema| self.within(schema).resolved().fits(member))
        };
        has_required && members.iter().all(fits)
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn is_of(value: &Value, allowed: &str) -> bool {
    let own = type_of(value);
    own == allowed || own == "integer" && allowed == "number"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alternative_of_a_value_is_told_by_its_type_constants_and_members() {
        let schema = json!({"oneOf": [
            {"type": "null"},
            {"type": "object", "properties": {"kind": {"const": "a"}, "x": {"type": "integer"}}, "required": ["kind"]},
            {"type": "object", "properties": {"kind": {"const": "b"}, "y": {"type": "string"}}, "required": ["kind"]},
            {"$ref": "#/$defs/text"},
        ], "$defs": {"text": {"type": "string", "pattern": "^t$"}}});
        let shape = |value: Value| Shape::of(&schema).for_value(&value).schema.clone();
        assert_eq!(
            shape(json!({"kind": "b", "y": "t"}))["properties"]["kind"]["const"],
            "b"
        );
        assert_eq!(
            shape(json!({"kind": "a"}))["properties"]["kind"]["const"],
            "a"
        );
        assert_eq!(shape(json!("t"))["pattern"], "^t$");
        assert!(Shape::of(&schema).takes_null());
        assert_eq!(Shape::of(&schema).other_type(), Some(json!(true)));
    }

    #[test]
    fn where_everything_is_allowed_there_is_no_other_type() {
        for schema in [
            json!(true),
            json!({}),
            json!({"anyOf": [{"type": "string"}, true]}),
        ] {
            assert_eq!(Shape::of(&schema).other_type(), None, "{schema}");
        }
        let schema = json!({"enum": ["a", 1]});
        assert_eq!(Shape::of(&schema).other_type(), Some(json!(true)));
    }
}
