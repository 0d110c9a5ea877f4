use mp_core::{
    Caller, Decision, Edits, Error, Family, Timestamp, amount::Unit, id::AppId,
    idempotency::key_reused,
};

use super::{
    Account, Book, Desk, LEDGER_MANAGE, Ledger, LedgerError, OpenAccount, SUM_MAX,
    ledger::demand_plain,
    records::{account_in, account_key, book_in, command},
};

impl Ledger {
    /// Opens an account, and its book with the first one; the same again is answered the same.
    ///
    /// # Errors
    ///
    /// `forbidden` for who does not manage the ledger; `invalid_field` for a reserved name, bounds
    /// that exclude one another or an empty account, or another app's unit; `idempotency_conflict`
    /// if it stands there otherwise; [`LedgerError::TooManyAccounts`]; the store's errors.
    pub async fn open(
        &self,
        caller: &Caller,
        request: OpenAccount,
    ) -> Result<Account, LedgerError> {
        caller.require(&LEDGER_MANAGE)?;
        let app = caller.app_id().clone();
        demand_plain("account", &request.account)?;
        demand_own_unit(&app, &request.unit)?;
        demand_bounds(&request)?;
        let book = request.account.book();
        let reads = command(&app, &book)?;
        let open = move |family: &Family, now: Timestamp| {
            let mut edits = Edits::new();
            let asked = account(&app, &request, now);
            if let Some(found) = account_in(family, &request.account)? {
                return match is_same(&found, &asked) {
                    true => Ok(Decision::unchanged(found)),
                    false => Err(key_reused().into()),
                };
            }
            let head = book_in(family)?;
            let head = head.unwrap_or_else(|| Book::new(app.clone(), book.clone(), now));
            let mut desk = Desk::new(head, []);
            desk.open(asked.clone())?;
            edits.put_root(desk.book().clone());
            edits.put(&account_key(&asked.id), asked.clone());
            Ok::<_, LedgerError>(edits.answer(asked))
        };
        Ok(self.engine().run(reads, open).await?.answer)
    }
}

fn account(app: &AppId, request: &OpenAccount, now: Timestamp) -> Account {
    let (id, unit) = (request.account.clone(), request.unit.clone());
    Account {
        owner: request.owner.clone(),
        opened_at: now,
        ..Account::opened(id, app.clone(), unit, request.side).bounded(request.least, request.most)
    }
}

/// Returns whether both were opened alike.
fn is_same(found: &Account, asked: &Account) -> bool {
    found.owner == asked.owner
        && found.unit == asked.unit
        && found.side == asked.side
        && (found.least, found.most) == (asked.least, asked.most)
}

fn demand_own_unit(app: &AppId, unit: &Unit) -> Result<(), Error> {
    match unit {
        Unit::Own(unit) if unit.app() != app.as_str() => {
            Err(Error::invalid("unit", "is one of another app"))
        }
        _ => Ok(()),
    }
}

fn demand_bounds(request: &OpenAccount) -> Result<(), Error> {
    let limits = -SUM_MAX..=SUM_MAX;
    for (field, bound) in [("least", request.least), ("most", request.most)] {
        if bound.is_some_and(|bound| !limits.contains(&bound)) {
            return Err(Error::invalid(field, "is beyond what is counted"));
        }
    }
    if request.least.is_some_and(|least| least > 0) {
        return Err(Error::invalid("least", "is more than an empty account has"));
    }
    if request.most.is_some_and(|most| most < 0) {
        return Err(Error::invalid("most", "is less than an empty account has"));
    }
    Ok(())
}
