//! Whether a payer may pay with what a token names, and the transfer that does it.

use mp_core::{Error, amount::Money, id::AppId};

use super::{LedgerBackend, STORED_VALUE};
use crate::{
    backend::{ChargeRequest, DeclineCode},
    ledger::{
        Account, AccountId, Move, SUM_MAX, Transfer, ledger::demand_plain, records::account_in,
        records::command,
    },
};

impl LedgerBackend {
    /// Returns the transfer that a charge comes to, or why there is none.
    pub(super) async fn transfer_for(
        &self,
        request: &ChargeRequest,
    ) -> Result<Result<Box<Transfer>, DeclineCode>, Error> {
        let ends = match self.ends_of(request).await? {
            Ok(ends) => ends,
            Err(code) => return Ok(Err(DeclineCode::of(code))),
        };
        let (debit, credit) = ends;
        let moves = vec![Move {
            debit,
            credit,
            amount: request.amount.into(),
        }];
        let (home, id) = Self::transfer_of(&request.app, &request.key);
        let now = self.ledger.engine().now();
        let transfer = Transfer {
            pending_for_s: (!request.capture).then_some(self.hold_life.as_secs().max(1)),
            memo: request.key.intent.to_string().parse().ok(),
            feed: self.ledger.feed().map(|feed| feed.name().clone()),
            ..Transfer::asked(id, request.app.clone(), home, moves, now)
        };
        Ok(Ok(Box::new(transfer)))
    }

    /// Returns the payer's account and the payee's. Of what is not the payer's, nobody learns
    /// whether it is there.
    async fn ends_of(
        &self,
        request: &ChargeRequest,
    ) -> Result<Result<(AccountId, AccountId), &'static str>, Error> {
        let ChargeRequest { app, amount, .. } = request;
        if !(1..=SUM_MAX).contains(&amount.minor()) {
            return Ok(Err("invalid_amount"));
        }
        let Some(named) = self.named(request).await? else {
            return Ok(Err("resource_missing"));
        };
        let payer = self.account(app, &named).await?;
        let Some(payer) = payer.filter(|it| it.owner.as_ref() == Some(&request.payer)) else {
            return Ok(Err("resource_missing"));
        };
        if !counts(&payer, *amount) {
            return Ok(Err("payment_method_currency_mismatch"));
        }
        let payee = self.accounts.payee(app, amount.currency()).await?;
        let payee = match payee {
            Some(payee) if demand_plain("payee", &payee).is_ok() => {
                self.account(app, &payee).await?
            }
            _ => None,
        };
        Ok(match payee {
            Some(payee) if counts(&payee, *amount) && payee.id != payer.id => {
                Ok((payer.id, payee.id))
            }
            _ => Err("account_invalid"),
        })
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

    async fn account(&self, app: &AppId, id: &AccountId) -> Result<Option<Account>, Error> {
        let reads = command(app, &id.book())?;
        let family = self.ledger.engine().read(reads).await?;
        account_in(&family, id)
    }
}

fn counts(account: &Account, amount: Money) -> bool {
    account.unit == amount.currency().into()
}
