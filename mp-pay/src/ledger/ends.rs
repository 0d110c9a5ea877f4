//! Between which accounts a payer's money may go.

use mp_core::{
    Error,
    amount::Money,
    id::{AppId, UserId},
};

use super::{
    Account, AccountId, Ledger, Move,
    ledger::demand_plain,
    records::{account_in, command},
};

/// What a payment is to go between, as the host names it.
#[derive(Debug)]
pub(super) struct Ends {
    pub(super) payer: Option<AccountId>,
    pub(super) payee: Option<AccountId>,
}

impl Ledger {
    /// Returns the move that a payment comes to, or the code of why there is none: the account that
    /// is debited must be the payer's own, whoever has named it. Of what is not, nobody learns
    /// whether it is there.
    pub(super) async fn payment(
        &self,
        app: &AppId,
        payer: &UserId,
        ends: Ends,
        amount: Money,
    ) -> Result<Result<Move, &'static str>, Error> {
        let debit = self.plain(app, ends.payer).await?;
        let Some(debit) = debit.filter(|it| it.owner.as_ref() == Some(payer)) else {
            return Ok(Err("resource_missing"));
        };
        if !counts(&debit, amount) {
            return Ok(Err("payment_method_currency_mismatch"));
        }
        let credit = self.plain(app, ends.payee).await?;
        Ok(match credit {
            Some(credit) if counts(&credit, amount) && credit.id != debit.id => Ok(Move {
                debit: debit.id,
                credit: credit.id,
                amount: amount.into(),
            }),
            _ => Err("account_invalid"),
        })
    }

    /// Returns an account that is none of the ledger's own.
    async fn plain(&self, app: &AppId, id: Option<AccountId>) -> Result<Option<Account>, Error> {
        let Some(id) = id.filter(|id| demand_plain("account", id).is_ok()) else {
            return Ok(None);
        };
        let reads = command(app, &id.book())?;
        account_in(&self.engine().read(reads).await?, &id)
    }
}

fn counts(account: &Account, amount: Money) -> bool {
    account.unit == amount.currency().into()
}
