//! Whether a payer may pay with what a token names, and the transfer that does it.

use mp_core::Error;

use super::{LedgerBackend, STORED_VALUE};
use crate::{
    backend::{ChargeRequest, DeclineCode},
    ledger::{AccountId, Move, SUM_MAX, Transfer, ends::Ends},
};

impl LedgerBackend {
    /// Returns the transfer that a charge comes to, or why there is none.
    pub(super) async fn transfer_for(
        &self,
        request: &ChargeRequest,
    ) -> Result<Result<Box<Transfer>, DeclineCode>, Error> {
        let only = match self.move_for(request).await? {
            Ok(only) => only,
            Err(code) => return Ok(Err(DeclineCode::of(code))),
        };
        let (home, id) = Self::transfer_of(&request.app, &request.key);
        let now = self.ledger.engine().now();
        let transfer = Transfer {
            pending_for_s: (!request.capture).then_some(self.hold_life.as_secs().max(1)),
            memo: request.key.intent.to_string().parse().ok(),
            feed: self.ledger.feed().map(|feed| feed.name().clone()),
            ..Transfer::asked(id, request.app.clone(), home, vec![only], now)
        };
        Ok(Ok(Box::new(transfer)))
    }

    /// Returns the move from the payer's account to the payee's, or why there is none.
    async fn move_for(&self, request: &ChargeRequest) -> Result<Result<Move, &'static str>, Error> {
        let ChargeRequest { app, amount, .. } = request;
        if !(1..=SUM_MAX).contains(&amount.minor()) {
            return Ok(Err("invalid_amount"));
        }
        let ends = Ends {
            payer: self.named(request).await?,
            payee: self.accounts.payee(app, amount.currency()).await?,
        };
        let ledger = &self.ledger;
        ledger.payment(app, &request.payer, ends, *amount).await
    }

    /// Returns the account that a token names.
    async fn named(&self, request: &ChargeRequest) -> Result<Option<AccountId>, Error> {
        let ChargeRequest { app, payer, .. } = request;
        match request.payment_method.as_str() {
            STORED_VALUE => {
                let currency = request.amount.currency();
                self.accounts.payer(app, payer, currency).await
            }
            name => Ok(name.parse().ok()),
        }
    }
}
