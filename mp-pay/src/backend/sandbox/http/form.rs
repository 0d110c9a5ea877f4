use std::collections::BTreeMap;

use super::refusal::Refusal;

/// The most fields of one request.
const FIELDS_MAX: usize = 100;

/// The fields of a request, form-encoded, by their names with Stripe's brackets as they stand.
///
/// Each is taken out as it is read; what is left over at the end is not spoken here, and refused.
#[derive(Debug)]
pub(super) struct Form(BTreeMap<String, String>);

impl Form {
    pub(super) fn parse(encoded: &[u8]) -> Result<Self, Refusal> {
        let mut fields = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(encoded) {
            if fields.len() >= FIELDS_MAX {
                return Err(Refusal::invalid("There are more than 100 parameters."));
            }
            let twice = fields.insert(name.clone().into_owned(), value.into_owned());
            if twice.is_some() {
                return Err(Refusal::invalid("A parameter is given twice.").param(&name));
            }
        }
        Ok(Self(fields))
    }

    /// Returns every field, to tell one request from another.
    pub(super) const fn fields(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Refusal> {
        match self.0.remove(name) {
            Some(empty) if empty.is_empty() => {
                let message = format!("You passed an empty string for '{name}'.");
                let refusal = Refusal::invalid(message).code("parameter_invalid_empty");
                Err(refusal.param(name))
            }
            text => Ok(text),
        }
    }

    /// Reads a field with the type's own parser.
    pub(super) fn read<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let wrong = || Refusal::invalid(format!("Invalid {name}.")).param(name);
        parse(&text).map(Some).ok_or_else(wrong)
    }

    /// Reads an amount of minor units, more than zero.
    pub(super) fn amount(&mut self, name: &str) -> Result<Option<i64>, Refusal> {
        let read = self.read(name, |text| text.parse::<i64>().ok());
        let read = read.map_err(|refusal| refusal.code("parameter_invalid_integer"))?;
        match read {
            Some(amount) if amount < 1 => {
                let refusal = Refusal::invalid("This value must be greater than or equal to 1.");
                Err(refusal.code("parameter_invalid_integer").param(name))
            }
            amount => Ok(amount),
        }
    }

    pub(super) fn flag(&mut self, name: &str) -> Result<Option<bool>, Refusal> {
        self.read(name, |text| text.parse().ok())
    }

    /// Takes out a field that changes nothing here, and all that is nested in it.
    pub(super) fn pass_over(&mut self, name: &str) {
        self.0.retain(|field, _| {
            let rest = field.strip_prefix(name);
            !rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
        });
    }

    /// Refuses what nobody has read.
    pub(super) fn finish(self) -> Result<(), Refusal> {
        match self.0.into_keys().next() {
            Some(name) => {
                let refusal = Refusal::invalid("Received an unknown or unsupported parameter.");
                Err(refusal.code("parameter_unknown").param(&name))
            }
            None => Ok(()),
        }
    }
}

/// Refuses a request without a field that it needs.
pub(super) fn required<T>(name: &str, value: Option<T>) -> Result<T, Refusal> {
    value.ok_or_else(|| {
        let refusal = Refusal::invalid(format!("Missing required param: {name}."));
        refusal.code("parameter_missing").param(name)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_nested_in_a_field_is_passed_over_with_it_and_nothing_else_is() {
        let mut form = Form::parse(b"a[b][c]=1&a[]=2&a=3&ab=4").expect("parses");
        form.pass_over("a");
        assert_eq!(form.fields().keys().collect::<Vec<_>>(), ["ab"]);
        assert!(form.finish().is_err());
    }

    #[test]
    fn a_field_that_is_given_twice_is_refused() {
        assert!(Form::parse(b"amount=1&amount=2").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            if let Ok(mut form) = Form::parse(&bytes) {
                let _ = form.amount("amount");
                form.pass_over("metadata");
                let _ = form.finish();
            }
        }
    }
}
