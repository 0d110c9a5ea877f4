use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use mp_core::{
    Error, ErrorKind,
    amount::Money,
    feed::{Cursor, Event, Projection, Stretch},
    id::{AppId, Name},
};
use mp_pay::news::{
    CAPTURE_CORRECTED, CAPTURED, Captured, REFUND_CORRECTED, REFUND_FAILED, REFUNDED,
    RefundCorrected, Refunded,
};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::Outcome;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS daily_sales (
        merchant TEXT    NOT NULL,
        day      TEXT    NOT NULL,
        currency TEXT    NOT NULL,
        sold     INTEGER NOT NULL, -- in minor units, such as cents
        refunded INTEGER NOT NULL, -- less what came back that day
        payments INTEGER NOT NULL,
        PRIMARY KEY (merchant, day, currency)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS feed_cursor (
        app    TEXT NOT NULL PRIMARY KEY,
        cursor TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
";

/// The day's sales per merchant, in the host's own database.
#[derive(Debug)]
pub(crate) struct DailySales {
    name: Name,
    connection: Mutex<Connection>,
    /// The merchant at whose next rows the process dies.
    dies_at: Mutex<Option<&'static str>>,
}

/// One row of the table.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Row {
    pub(crate) merchant: String,
    pub(crate) day: String,
    pub(crate) currency: String,
    pub(crate) sold: i64,
    pub(crate) refunded: i64,
    pub(crate) payments: i64,
}

impl DailySales {
    pub(crate) fn open(path: &Path) -> Outcome<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch(TABLES)?;
        Ok(Self {
            name: "daily_sales".parse()?,
            connection: Mutex::new(connection),
            dies_at: Mutex::default(),
        })
    }

    /// Dies when the next rows of this merchant are written and not committed.
    pub(crate) fn die_at(&self, merchant: &'static str) {
        *lock(&self.dies_at) = Some(merchant);
    }

    pub(crate) fn rows(&self) -> Outcome<Vec<Row>> {
        let connection = lock(&self.connection);
        let mut select = connection
            .prepare("SELECT merchant, day, currency, sold, refunded, payments FROM daily_sales")?;
        let rows = select.query_map([], |row| {
            Ok(Row {
                merchant: row.get(0)?,
                day: row.get(1)?,
                currency: row.get(2)?,
                sold: row.get(3)?,
                refunded: row.get(4)?,
                payments: row.get(5)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn is_dead(&self, app: &AppId) -> bool {
        lock(&self.dies_at).is_some_and(|merchant| merchant == app.as_str())
    }
}

#[async_trait]
impl Projection for DailySales {
    fn name(&self) -> &Name {
        &self.name
    }

    async fn cursor(&self, app: &AppId) -> Result<Cursor, Error> {
        cursor_of(&lock(&self.connection), app)
    }

    async fn apply(&self, stretch: &Stretch) -> Result<bool, Error> {
        let mut connection = lock(&self.connection);
        // Immediate: nobody moves the cursor between the look at it and the commit.
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(database)?;
        if cursor_of(&transaction, &stretch.app)? != stretch.from {
            return Ok(false);
        }
        for event in &stretch.events {
            add(&transaction, &stretch.app, event)?;
        }
        move_on(&transaction, stretch).map_err(database)?;
        if self.is_dead(&stretch.app) {
            let message = "the process has died";
            return Err(Error::new(ErrorKind::Unavailable, "dead", message));
        }
        transaction.commit().map_err(database)?;
        Ok(true)
    }
}

/// Adds an event to its merchant's day; what it does not know it passes over.
fn add(transaction: &Transaction<'_>, app: &AppId, event: &Event) -> Result<(), Error> {
    let (amount, counts) = match event.topic.as_str() {
        CAPTURED => (event.fact::<Captured>()?.amount, [1, 0, 1]),
        CAPTURE_CORRECTED => (event.fact::<Captured>()?.amount, [-1, 0, 0]),
        REFUNDED => (event.fact::<Refunded>()?.amount, [0, 1, 0]),
        REFUND_FAILED => (event.fact::<Refunded>()?.amount, [0, -1, 0]),
        REFUND_CORRECTED => (more_given_back(&event.fact()?), [0, 1, 0]),
        _ => return Ok(()),
    };
    let day = &event.at.to_string()[.."2026-11-21".len()];
    upsert(transaction, app, day, amount, counts).map_err(database)
}

fn more_given_back(corrected: &RefundCorrected) -> Money {
    let more = corrected.amount.minor() - corrected.told.minor();
    Money::new(more, corrected.amount.currency())
}

/// Adds the amount so many times to what was sold and refunded, and so many payments.
fn upsert(
    transaction: &Transaction<'_>,
    app: &AppId,
    day: &str,
    amount: Money,
    [sold, refunded, payments]: [i64; 3],
) -> rusqlite::Result<()> {
    let (cents, currency) = (amount.minor(), amount.currency().to_string());
    transaction
        .prepare_cached(
            "INSERT INTO daily_sales VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET sold = sold + excluded.sold,
                 refunded = refunded + excluded.refunded,
                 payments = payments + excluded.payments",
        )?
        .execute(params![
            app.as_str(),
            day,
            currency,
            sold * cents,
            refunded * cents,
            payments
        ])?;
    Ok(())
}

fn cursor_of(connection: &Connection, app: &AppId) -> Result<Cursor, Error> {
    let kept: Option<String> = connection
        .prepare_cached("SELECT cursor FROM feed_cursor WHERE app = ?1")
        .and_then(|mut select| {
            select
                .query_row([app.as_str()], |row| row.get(0))
                .optional()
        })
        .map_err(database)?;
    let broken = |error| Error::invalid("cursor", "is no number").with_source(error);
    kept.map_or(Ok(Cursor::START), |kept| kept.parse().map_err(broken))
}

fn move_on(connection: &Connection, stretch: &Stretch) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO feed_cursor VALUES (?1, ?2)")?
        .execute(params![stretch.app.as_str(), stretch.to.to_string()])?;
    Ok(())
}

fn database(error: rusqlite::Error) -> Error {
    let message = "the host's database failed";
    Error::new(ErrorKind::Unavailable, "database", message).with_source(error)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
