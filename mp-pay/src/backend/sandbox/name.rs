//! What the sandbox calls what it does: by the same names as over HTTP, where there are any.

use crate::{
    backend::Reference,
    intent::IntentId,
    operation::{OperationKey, Step},
    refund::RefundId,
};

mp_core::id_type!(
    /// Names what an intent charges: its own id with Stripe's other prefix.
    pub(super) ChargeId, "ch"
);

/// Returns the name of what is done under a key for the `number`th time, from 0.
///
/// As at Stripe, a charge is known by its payment intent, which is there before its payer has acted
/// and is the same for every attempt at it.
pub(super) fn of(key: OperationKey, number: usize) -> Option<Reference> {
    let name = match (key.step, number) {
        (Step::Charge(_), 0) => key.intent.to_string(),
        (Step::Charge(_), again) => format!("{}.{again}", key.intent),
        (Step::Refund(refund), 0) => of_refund(key.intent, refund),
        (Step::Refund(refund), again) => format!("{}.{again}", of_refund(key.intent, refund)),
        (_, 0) => ["sb_", key.text().as_str(), ".0"].concat(),
        _ => format!("sb_{key}.{number}"),
    };
    Reference::new(name).ok()
}

pub(super) fn of_charge(intent: IntentId) -> String {
    ChargeId::from_bytes(intent.to_bytes()).to_string()
}

/// Returns a refund's name, which has both its own id and its intent's in it.
pub(super) fn of_refund(intent: IntentId, refund: RefundId) -> String {
    let letters = |id: String| id.rsplit('_').next().map(str::to_owned).unwrap_or_default();
    let (intent, refund) = (letters(intent.to_string()), letters(refund.to_string()));
    format!("re_{intent}{refund}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_again_under_a_key_has_a_name_of_its_own() {
        let intent = IntentId::derived(&["a"]);
        let steps = [
            Step::Charge(1),
            Step::Increase(1, 1),
            Step::Capture(1, 1),
            Step::Void(1, 1),
            Step::Return(1, 1),
            Step::Refund(RefundId::derived(&["b"])),
        ];
        let mut names = Vec::new();
        for step in steps {
            let key = OperationKey { intent, step };
            names.extend((0..3).map(|number| of(key, number).expect("it is visible ASCII")));
        }
        let told = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!((told, names.len()), (18, 18));
        assert!(names.iter().any(|name| name.as_str() == intent.to_string()));
    }
}
