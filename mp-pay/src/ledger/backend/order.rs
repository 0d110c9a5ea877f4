use mp_core::{Command, Decision, Document, Edits, Error, Family, Timestamp, id::AppId};
use serde::{Deserialize, Serialize};

use crate::{
    backend::DeclineCode,
    ledger::{Book, BookId, Ledger, LedgerError, records::book_in},
    operation::{OperationKey, Step},
};

/// What stands in a payment's book under the key of an operation.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Order {
    /// How often it was looked for before it came. A call that began earlier is refused.
    pub(super) lookups: u32,
    /// What was decided when it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ruling: Option<Ruling>,
}

/// What was decided about an operation. What has become of it, its transfer tells.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "ruling", rename_all = "snake_case")]
pub(super) enum Ruling {
    /// It was begun.
    Begun,
    /// It was not, and will not be.
    Declined {
        /// Why.
        code: DeclineCode,
    },
    /// A newer release wrote it.
    #[serde(other)]
    Unrecognized,
}

impl Document for Order {
    const KIND: &'static str = "ledger_order";
    const FORMAT: u32 = 1;
}

impl Ruling {
    pub(super) fn declined(code: &'static str) -> Self {
        let code = DeclineCode::of(code);
        Self::Declined { code }
    }
}

impl Order {
    /// Returns what stands under a key.
    pub(super) fn under(key: &OperationKey, family: &Family) -> Result<Self, Error> {
        let order = family.get::<Self>(&order_key(key))?;
        Ok(order.map_or_else(Self::default, |order| Self::clone(&order)))
    }

    /// Writes down what was decided.
    pub(super) fn ruled(self, key: &OperationKey, ruling: Ruling, edits: &mut Edits) {
        let ruling = Some(ruling);
        edits.put(&order_key(key), Self { ruling, ..self });
    }
}

/// Returns the key of the charge that an operation is about; for a refund, whose key does not tell,
/// its own.
pub(super) const fn charge_of(key: OperationKey) -> OperationKey {
    match key.step.attempt() {
        Some(attempt) if !matches!(key.step, Step::Return(..)) => OperationKey {
            intent: key.intent,
            step: Step::Charge(attempt),
        },
        _ => key,
    }
}

/// Addresses the book that an operation stands in, and what stands under these keys.
pub(super) fn book_of(app: &AppId, keys: [&OperationKey; 2]) -> Result<Command, Error> {
    let [one, other] = keys;
    let book = BookId::of_payment(&one.intent);
    let command = Command::on(book.partition(app)?);
    Ok(command.key(&order_key(one)).key(&order_key(other)))
}

/// Sees to it that no call under a key is carried out that is on its way; `false` if one was.
pub(super) async fn overtake(
    ledger: &Ledger,
    app: &AppId,
    key: OperationKey,
) -> Result<bool, Error> {
    let reads = book_of(app, [&key, &key])?;
    let app = app.clone();
    let overtake = move |family: &Family, now: Timestamp| {
        let mut order = Order::under(&key, family)?;
        if order.ruling.is_some() {
            return Ok(Decision::unchanged(false));
        }
        order.lookups += 1;
        let mut edits = Edits::new();
        put_book(family, &app, &key, now, &mut edits)?;
        edits.put(&order_key(&key), order);
        Ok::<_, LedgerError>(edits.answer(true))
    };
    Ok(ledger.engine().run(reads, overtake).await?.answer)
}

/// Opens the book of a payment, if it is not there.
pub(super) fn put_book(
    family: &Family,
    app: &AppId,
    key: &OperationKey,
    now: Timestamp,
    edits: &mut Edits,
) -> Result<(), Error> {
    if book_in(family)?.is_none() {
        let book = BookId::of_payment(&key.intent);
        edits.put_root(Book::new(app.clone(), book, now));
    }
    Ok(())
}

fn order_key(key: &OperationKey) -> String {
    format!("o/{key}")
}
