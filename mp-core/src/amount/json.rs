//! The JSON form of amounts.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{Error as _, Serialize, SerializeMap, Serializer};

use crate::amount::{Amount, Currency, Money, OwnUnit, Unit};

/// The largest number of minor units that JSON carries, on either side of zero: 2⁵³ − 1.
///
/// Beyond it a reader that keeps numbers as doubles cannot tell neighbours apart
/// ([RFC 8259 §6](https://www.rfc-editor.org/rfc/rfc8259#section-6)).
pub const JSON_INTEGER_MAX: i64 = (1 << 53) - 1;

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !is_in_range(self.minor) {
            return Err(S::Error::custom(OUT_OF_RANGE));
        }
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("amount", &self.minor)?;
        match &self.unit {
            Unit::Currency(currency) => map.serialize_entry("currency", currency)?,
            Unit::Own(unit) => map.serialize_entry("unit", unit)?,
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AmountVisitor)
    }
}

impl JsonSchema for Amount {
    fn schema_name() -> Cow<'static, str> {
        "Amount".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "oneOf": [
                fields_schema("currency", &Currency::json_schema(generator)),
                fields_schema("unit", &OwnUnit::json_schema(generator)),
            ]
        })
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Amount::from(*self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let amount = Amount::deserialize(deserializer)?;
        Self::try_from(amount).map_err(|_| D::Error::missing_field("currency"))
    }
}

impl JsonSchema for Money {
    fn schema_name() -> Cow<'static, str> {
        "Money".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        fields_schema("currency", &Currency::json_schema(generator))
    }
}

fn fields_schema(unit_field: &str, unit: &Schema) -> Schema {
    json_schema!({
        "type": "object",
        "properties": {
            "amount": {
                "type": "integer",
                "minimum": -JSON_INTEGER_MAX,
                "maximum": JSON_INTEGER_MAX,
                "description": "minor units, such as cents"
            },
            unit_field: unit,
        },
        "required": ["amount", unit_field],
        "additionalProperties": false
    })
}

fn is_in_range(minor: i64) -> bool {
    (-JSON_INTEGER_MAX..=JSON_INTEGER_MAX).contains(&minor)
}

const OUT_OF_RANGE: &str = "`amount` must be within 2^53 - 1 minor units of zero";

/// Written by hand, because a derived reader would also take `[1250, "EUR"]` and `null`.
struct AmountVisitor;

impl<'de> Visitor<'de> for AmountVisitor {
    type Value = Amount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of `amount` and one of `currency` and `unit`")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Amount, M::Error> {
        let (mut minor, mut unit) = (None, None);
        while let Some(field) = map.next_key()? {
            match field {
                Field::Amount => once(&mut minor, "amount", map.next_value::<Minor>()?.0)?,
                Field::Currency => unit_once(&mut unit, map.next_value::<Currency>()?)?,
                Field::Unit => unit_once(&mut unit, map.next_value::<OwnUnit>()?)?,
            }
        }
        let minor = minor.ok_or_else(|| M::Error::missing_field("amount"))?;
        let unit = unit.ok_or_else(|| M::Error::missing_field("currency` or `unit"))?;
        Ok(Amount { minor, unit })
    }
}

#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Field {
    Amount,
    Currency,
    Unit,
}

fn once<T, E: serde::de::Error>(
    slot: &mut Option<T>,
    field: &'static str,
    value: T,
) -> Result<(), E> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::duplicate_field(field)),
    }
}

fn unit_once<E: serde::de::Error>(slot: &mut Option<Unit>, unit: impl Into<Unit>) -> Result<(), E> {
    match slot.replace(unit.into()) {
        None => Ok(()),
        Some(_) => Err(E::custom(
            "only one of `currency` and `unit` may stand in an amount",
        )),
    }
}

/// An integer that a double can hold, so 1.0 and 1e3 are refused along with 2⁵³.
struct Minor(i64);

impl<'de> Deserialize<'de> for Minor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_i64(MinorVisitor)
    }
}

struct MinorVisitor;

impl Visitor<'_> for MinorVisitor {
    type Value = Minor;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`amount` as an integer of minor units")
    }

    fn visit_i64<E: serde::de::Error>(self, minor: i64) -> Result<Minor, E> {
        if is_in_range(minor) {
            Ok(Minor(minor))
        } else {
            Err(E::custom(OUT_OF_RANGE))
        }
    }

    fn visit_u64<E: serde::de::Error>(self, minor: u64) -> Result<Minor, E> {
        i64::try_from(minor)
            .map_err(|_| E::custom(OUT_OF_RANGE))
            .and_then(|minor| self.visit_i64(minor))
    }
}

#[cfg(test)]
mod tests;
