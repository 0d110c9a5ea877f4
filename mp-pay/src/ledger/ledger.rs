use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use mp_core::{
    Caller, Command, Engine, Error, Family, Scope, Timestamp,
    feed::Feed,
    id::{AppId, IdempotencyKey},
    port::Participant,
    steps::Steps,
    work::Handler,
};

use super::{
    Account, AccountId, BookId, LedgerError, Transfer, TransferId,
    far::FarBooks,
    home::HomeBook,
    plan_id::PlanId,
    records::{TRANSFERS, account_in, command, transfer_in, transfer_key},
};

/// The right to read one's own accounts.
pub const LEDGER_READ: Scope = Scope::of("ledger:read");

/// The right to move amounts out of one's own accounts.
pub const LEDGER_WRITE: Scope = Scope::of("ledger:write");

/// The right to every account of the app: to open it, to move out of it, to post, void and reverse;
/// staff have it.
pub const LEDGER_MANAGE: Scope = Scope::of("ledger:manage");

/// Accounts in double entry, and the transfers between them.
///
/// Cheap to clone; see [the module](super) for an example.
#[derive(Clone, Debug)]
pub struct Ledger {
    engine: Engine,
    steps: Steps<HomeBook>,
    feed: Option<Feed>,
}

impl Ledger {
    /// Creates the service.
    #[must_use]
    pub fn new(engine: &Engine) -> Self {
        let far = Arc::new(FarBooks::new(engine)) as Arc<dyn Participant>;
        Self {
            engine: engine.clone(),
            steps: Steps::new(engine, [far]),
            feed: None,
        }
    }

    /// Tells a feed what becomes of the transfers that are made from now on, [news](super::news) by
    /// news; without one, the ledger writes nothing for it. A transfer keeps its feed, whichever
    /// process moves it on. What is told comes into the feed by due work: a worker needs
    /// [`Feeds::handlers`](mp_core::feed::Feeds::handlers).
    #[must_use]
    pub fn with_feed(mut self, feed: Feed) -> Self {
        self.feed = Some(feed);
        self
    }

    /// Returns the handlers of the ledger's due work, for a [`Worker`](mp_core::work::Worker).
    #[must_use]
    pub fn handlers(&self) -> Vec<Arc<dyn Handler>> {
        vec![
            self.steps.handler(),
            self.expiry_handler(),
            self.forget_handler(),
        ]
    }

    /// Returns the id of the transfer that a caller asks for under a key.
    #[must_use]
    pub fn id_of(caller: &Caller, key: &IdempotencyKey) -> TransferId {
        Self::id_under(caller, "ledger.transfer", key)
    }

    /// Returns the id of the reversal that a caller asks for under a key, which may be that of what
    /// it reverses.
    #[must_use]
    pub fn reversal_id_of(caller: &Caller, key: &IdempotencyKey) -> TransferId {
        Self::id_under(caller, "ledger.reverse", key)
    }

    fn id_under(caller: &Caller, operation: &str, key: &IdempotencyKey) -> TransferId {
        let app = caller.app_id().as_str();
        TransferId::derived(&[app, caller.key_segment(), operation, key.as_str()])
    }

    /// Returns an account with its balance.
    ///
    /// # Errors
    ///
    /// `not_found` for an account that is not there or not the caller's, the store's errors.
    pub async fn account(
        &self,
        caller: &Caller,
        account: &AccountId,
    ) -> Result<Account, LedgerError> {
        let reads = command(caller.app_id(), &account.book())?;
        let family = self.engine.read(reads).await?;
        let found = account_in(&family, account)?;
        let found = found.ok_or_else(|| Error::not_found("account"))?;
        owns(caller, &found)?;
        Ok(found)
    }

    /// Returns a transfer as it stands; one whose time is over is expired, whether or not it was
    /// tidied up. Of several moves, a caller who does not manage the ledger is shown those with an account of
    /// theirs at an end.
    ///
    /// # Errors
    ///
    /// `not_found` for a transfer that is not there, or in whose home no account of it is the
    /// caller's; the store's errors.
    pub async fn transfer_of(
        &self,
        caller: &Caller,
        book: &BookId,
        transfer: TransferId,
    ) -> Result<Transfer, LedgerError> {
        let reads = command(caller.app_id(), book)?.key(&transfer_key(transfer));
        let family = self.engine.read(reads).await?;
        let found = transfer_in(&family, transfer)?;
        let mut found = found.ok_or_else(|| Error::not_found("transfer"))?;
        if !caller.has(&LEDGER_MANAGE) {
            let mut theirs = owned_in(&family, book, &found, caller)?;
            if theirs.is_empty() {
                return Err(Error::not_found("transfer").into());
            }
            for far in found.far_books() {
                let family = self.engine.read(command(caller.app_id(), &far)?).await?;
                theirs.extend(owned_in(&family, &far, &found, caller)?);
            }
            let is_theirs = |end: &AccountId| theirs.contains(end);
            found
                .moves
                .retain(|it| is_theirs(&it.debit) || is_theirs(&it.credit));
        }
        Ok(shown(found, self.engine.now()))
    }

    pub(super) const fn feed(&self) -> Option<&Feed> {
        self.feed.as_ref()
    }

    pub(super) const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Drives a transfer over several books as far as it goes; what fails is left to due work.
    pub(super) async fn drive(&self, transfer: &Transfer) {
        let Ok(partition) = transfer.home.partition(&transfer.app) else {
            return;
        };
        let plan = PlanId::of(transfer).to_string();
        if let Err(error) = self.steps.drive(&partition, &plan).await {
            tracing::debug!(%error, %plan, "left to due work");
        }
    }

    /// Drives a transfer that was just written, and returns it as it stands then; as it was written, if
    /// it cannot be read. That is no error: whoever is told one takes it that nothing was written.
    pub(super) async fn driven(&self, written: Transfer) -> Transfer {
        self.drive(&written).await;
        match self.found(&written.app, &written.home, written.id).await {
            Ok(found) => found.unwrap_or(written),
            Err(error) => {
                tracing::debug!(%error, transfer = %written.id, "told as it was written");
                written
            }
        }
    }

    /// Returns all transfers that stand in a book: for those of settlements, which have few.
    pub(super) async fn transfers_in(
        &self,
        app: &AppId,
        book: &BookId,
    ) -> Result<Vec<Transfer>, Error> {
        let reads = Command::on(book.partition(app)?).prefix(TRANSFERS);
        let found = self.engine.read(reads).await?.scan::<Transfer>(TRANSFERS)?;
        let transfers = found.iter().map(|(_, it)| Transfer::clone(it));
        Ok(transfers.collect())
    }

    /// Returns a transfer that is there, without asking whose it is.
    pub(super) async fn found(
        &self,
        app: &AppId,
        book: &BookId,
        id: TransferId,
    ) -> Result<Option<Transfer>, LedgerError> {
        let recorded = self.recorded(app, book, id).await?;
        Ok(recorded.map(|(found, now)| shown(found, now)))
    }

    /// Returns a transfer as it is written down, and a time that no commit of its book is after.
    pub(super) async fn recorded(
        &self,
        app: &AppId,
        book: &BookId,
        id: TransferId,
    ) -> Result<Option<(Transfer, Timestamp)>, LedgerError> {
        let reads = command(app, book)?.key(&transfer_key(id));
        let family = self.engine.read(reads).await?;
        let now = self.engine.now().max(family.at());
        Ok(transfer_in(&family, id)?.map(|found| (found, now)))
    }
}

/// Returns the accounts of a transfer that stand in a book and are the caller's.
fn owned_in(
    family: &Family,
    book: &BookId,
    transfer: &Transfer,
    caller: &Caller,
) -> Result<BTreeSet<AccountId>, Error> {
    let mut theirs = BTreeSet::new();
    let ends = transfer.moves.iter().flat_map(|it| [&it.debit, &it.credit]);
    for end in ends.filter(|end| end.is_in(book)) {
        if account_in(family, end)?.is_some_and(|account| owns(caller, &account).is_ok()) {
            theirs.insert(end.clone());
        }
    }
    Ok(theirs)
}

/// Shows what time has decided.
pub(super) fn shown(mut transfer: Transfer, now: Timestamp) -> Transfer {
    if transfer.has_lapsed(now) {
        transfer.status = super::TransferStatus::Expired;
    }
    transfer
}

/// Refuses names that belong to the ledger itself.
pub(super) fn demand_plain(
    field: impl Into<Cow<'static, str>>,
    account: &AccountId,
) -> Result<(), Error> {
    if account.is_in_transit() || account.book().is_reserved() {
        return Err(Error::invalid(field, "is one that the ledger keeps itself"));
    }
    Ok(())
}

/// Refuses whoever neither owns the account nor manages the ledger.
pub(super) fn owns(caller: &Caller, account: &Account) -> Result<(), Error> {
    if caller.app_id() == &account.app && caller.has(&LEDGER_MANAGE) {
        return Ok(());
    }
    match &account.owner {
        Some(owner) => caller.require_owner("account", &account.app, owner),
        None => Err(Error::not_found("account")),
    }
}
