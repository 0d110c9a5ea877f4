use mp_core::host::Operation;

use super::{
    BalanceAt, LEDGER_MANAGE, LEDGER_READ, LEDGER_WRITE, Ledger, NamedAccount, NamedBook,
    NamedTransfer, ReadStatement,
};

impl Ledger {
    /// Returns what a host can be asked about the ledger.
    ///
    /// A transfer's id comes of the caller and the idempotency key: see
    /// [`id_of`](Self::id_of) and [`reversal_id_of`](Self::reversal_id_of).
    #[must_use]
    pub fn operations(&self) -> Vec<Operation> {
        let mut operations = self.moving_operations();
        operations.extend(self.reading_operations());
        operations
    }

    fn moving_operations(&self) -> Vec<Operation> {
        let [open, transfer, post, void, reverse] = std::array::from_fn(|_| self.clone());
        vec![
            Operation::reversible(
                "ledger.open_account",
                "Opens an account, or shows the one there is.",
                LEDGER_MANAGE,
                move |caller, request, _| {
                    let ledger = open.clone();
                    async move { ledger.open(&caller, request).await }
                },
            ),
            Operation::money(
                "ledger.transfer",
                "Moves amounts between accounts, all or none; or holds them, to be posted later.",
                LEDGER_WRITE,
                move |caller, request, key| {
                    let ledger = transfer.clone();
                    async move {
                        let id = Self::id_of(&caller, &key);
                        ledger.transfer(&caller, id, request).await
                    }
                },
            ),
            Operation::money(
                "ledger.post",
                "Posts a pending transfer, whole or in part.",
                LEDGER_MANAGE,
                move |caller, request, _| {
                    let ledger = post.clone();
                    async move { ledger.post(&caller, request).await }
                },
            ),
            Operation::money(
                "ledger.void",
                "Gives up a pending transfer: nothing moves.",
                LEDGER_MANAGE,
                move |caller, request, _| {
                    let ledger = void.clone();
                    async move { ledger.void(&caller, request).await }
                },
            ),
            Operation::money(
                "ledger.reverse",
                "Moves back what a transfer has moved, once.",
                LEDGER_MANAGE,
                move |caller, request, key| {
                    let ledger = reverse.clone();
                    async move {
                        let id = Self::reversal_id_of(&caller, &key);
                        ledger.reverse(&caller, id, request).await
                    }
                },
            ),
        ]
    }

    fn reading_operations(&self) -> Vec<Operation> {
        let [account, transfer, statement, balance_at, trial, verify] =
            std::array::from_fn(|_| self.clone());
        vec![
            Operation::read(
                "ledger.account",
                "Shows an account with its balance.",
                LEDGER_READ,
                move |caller, request: NamedAccount| {
                    let ledger = account.clone();
                    async move { ledger.account(&caller, &request.account).await }
                },
            ),
            Operation::read(
                "ledger.show_transfer",
                "Shows where a transfer stands, with the moves that are the caller's own.",
                LEDGER_READ,
                move |caller, request: NamedTransfer| {
                    let ledger = transfer.clone();
                    let NamedTransfer { book, transfer } = request;
                    async move { ledger.transfer_of(&caller, &book, transfer).await }
                },
            ),
            Operation::read(
                "ledger.statement",
                "Shows a page of an account's journal with the balance after each line.",
                LEDGER_READ,
                move |caller, request: ReadStatement| {
                    let ledger = statement.clone();
                    async move { ledger.statement(&caller, request).await }
                },
            ),
            Operation::read(
                "ledger.balance_at",
                "Shows an account's balance as it was at a moment.",
                LEDGER_READ,
                move |caller, request: BalanceAt| {
                    let ledger = balance_at.clone();
                    async move { ledger.balance_at(&caller, request).await }
                },
            ),
            Operation::read(
                "ledger.trial_balance",
                "Shows every account of a book, and that debits and credits are the same.",
                LEDGER_MANAGE,
                move |caller, request: NamedBook| {
                    let ledger = trial.clone();
                    async move { ledger.trial_balance(&caller, &request.book).await }
                },
            ),
            Operation::read(
                "ledger.verify",
                "Goes over a book's journal and names the first entry that is wrong.",
                LEDGER_MANAGE,
                move |caller, request: NamedBook| {
                    let ledger = verify.clone();
                    async move { ledger.verify(&caller, &request.book).await }
                },
            ),
        ]
    }
}
