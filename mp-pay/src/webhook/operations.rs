use mp_core::host::Operation;

use super::{ListUnhandled, NameWebhook, Webhooks};
use crate::payments::PAY_MANAGE;

impl Webhooks {
    /// Returns what a host can be asked about webhooks, by staff. To receive one is none of these:
    /// it comes from a provider, who is no caller, to an address of its own.
    #[must_use]
    pub fn operations(&self) -> Vec<Operation> {
        let [list, handle, dismiss] = std::array::from_fn(|_| self.clone());
        vec![
            Operation::read(
                "pay.webhooks",
                "Lists webhooks that were accepted and could not be handled.",
                PAY_MANAGE,
                move |caller, request: ListUnhandled| {
                    let webhooks = list.clone();
                    async move {
                        let ListUnhandled { after, limit } = request;
                        webhooks.unhandled(&caller, after.as_ref(), limit).await
                    }
                },
            ),
            Operation::money(
                "pay.handle_webhook",
                "Tries once more to do what a webhook asks for.",
                PAY_MANAGE,
                move |caller, request: NameWebhook, _key| {
                    let webhooks = handle.clone();
                    async move { webhooks.handle(&caller, &request.webhook).await }
                },
            ),
            Operation::money(
                "pay.dismiss_webhook",
                "Puts a webhook aside that could not be handled.",
                PAY_MANAGE,
                move |caller, request: NameWebhook, key| {
                    let webhooks = dismiss.clone();
                    async move { webhooks.dismiss(&caller, &request.webhook, &key).await }
                },
            ),
        ]
    }
}
