use mp_core::{Scope, host::Operation};

use super::{ListUnresolvedPayouts, Payouts, ReadPayout};
use crate::payments::{PAY_MANAGE, PAY_READ};

impl Payouts {
    /// Returns what a host can be asked about payouts.
    ///
    /// What a backend tells by itself, [`observe`](Self::observe), is none of these: it comes to the
    /// host's own webhook endpoint.
    #[must_use]
    pub fn operations(&self) -> Vec<Operation> {
        let [create, cancel, read, unresolved, resolve] = std::array::from_fn(|_| self.clone());
        vec![
            Operation::money(
                "pay.create_payout",
                "Pays a user or another receiver.",
                Scope::STAFF,
                move |caller, request, key| {
                    let payouts = create.clone();
                    async move { payouts.create(&caller, request, &key).await }
                },
            ),
            Operation::money(
                "pay.cancel_payout",
                "Calls a payout off that was not sent yet.",
                Scope::STAFF,
                move |caller, request, key| {
                    let payouts = cancel.clone();
                    async move { payouts.cancel(&caller, request, &key).await }
                },
            ),
            Operation::read(
                "pay.payout",
                "Shows where a payout stands.",
                PAY_READ,
                move |caller, request: ReadPayout| {
                    let payouts = read.clone();
                    async move { payouts.payout(&caller, request.payout).await }
                },
            ),
            Operation::read(
                "pay.unresolved_payouts",
                "Lists the payouts that only a person can find out about.",
                PAY_MANAGE,
                move |caller, request: ListUnresolvedPayouts| {
                    let payouts = unresolved.clone();
                    let ListUnresolvedPayouts { after, limit } = request;
                    async move { payouts.unresolved(&caller, after, limit).await }
                },
            ),
            Operation::money(
                "pay.resolve_payout",
                "Tells what a person has found out about a payout that waited for one.",
                Scope::STAFF,
                move |caller, request, key| {
                    let payouts = resolve.clone();
                    async move { payouts.resolve(&caller, request, &key).await }
                },
            ),
        ]
    }
}
