use std::sync::Arc;

use mp_core::{
    Caller, Engine,
    amount::{Currency, Money},
};
use mp_pay::{
    IntentId, PayError, PaymentIntent, Payments,
    ledger::{AccountId, FixedAccounts, Ledger, LedgerBackend},
    method::PaymentMethodToken,
    payments::{ConfirmIntent, CreateIntent, RefundIntent},
    refund::Refund,
};

/// Payments as any shop makes them, with the ledger behind them where another has a bank.
pub(crate) struct Checkout {
    payments: Payments,
}

impl Checkout {
    pub(crate) fn into(ledger: &Ledger, engine: &Engine, payee: AccountId) -> Self {
        let payee = Arc::new(FixedAccounts::paid_into(payee));
        let backend = Arc::new(LedgerBackend::new(ledger, payee));
        Self {
            payments: Payments::new(engine, backend),
        }
    }

    /// Somebody pays from the account that they name, which has to be theirs.
    pub(crate) async fn pay(
        &self,
        payer: &Caller,
        from: &str,
        cents: i64,
        key: &str,
    ) -> Result<PaymentIntent, PayError> {
        let key = key.parse().expect("a short key");
        let order = CreateIntent::of(Money::new(cents, Currency::EUR))
            .with_payment_method(PaymentMethodToken::new(from)?);
        let intent = self.payments.create_intent(payer, order, &key).await?;
        let confirm = ConfirmIntent::of(intent.id);
        self.payments.confirm(payer, confirm, &key).await
    }

    /// Gives back a part of it.
    pub(crate) async fn refund(
        &self,
        staff: &Caller,
        intent: IntentId,
        cents: i64,
        key: &str,
    ) -> Result<Refund, PayError> {
        let part = RefundIntent::of(intent).with_amount(Money::new(cents, Currency::EUR));
        let key = key.parse().expect("a short key");
        self.payments.refund(staff, part, &key).await
    }
}
