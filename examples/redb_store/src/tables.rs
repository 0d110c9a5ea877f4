use redb::{Error, Table, TableDefinition, WriteTransaction};

/// Partitions by id.
pub(crate) const PARTITIONS: TableDefinition<Text, Head> = TableDefinition::new("mp_partition");

/// Records by partition and key, the root's among them.
pub(crate) const RECORDS: TableDefinition<Place, Kept> = TableDefinition::new("mp_record");

/// The same records by partition, version and key: what followers of a partition ask for.
pub(crate) const CHANGED: TableDefinition<Moment, ()> = TableDefinition::new("mp_record_changed");

/// The deletion marks among them, each with its time.
pub(crate) const DELETED: TableDefinition<Moment, i64> = TableDefinition::new("mp_record_deleted");

/// Deliveries by partition and key.
pub(crate) const DELIVERIES: TableDefinition<Place, Columns<'static>> =
    TableDefinition::new("mp_delivery");

/// Every delivery that comes up, by kind, time, partition and key, and its partition's slot.
pub(crate) const DUE: TableDefinition<Turn, u16> = TableDefinition::new("mp_delivery_due");

/// Every delivery that lies dead, by partition and key.
pub(crate) const DEAD: TableDefinition<Place, ()> = TableDefinition::new("mp_delivery_dead");

type Text = &'static str;
pub(crate) type Place = (Text, Text);
type Moment = (Text, u64, Text);
type Turn = (Text, i64, Text, Text);

/// The head version, its commit id and time, and up to which version deletions are forgotten.
type Head = (u64, u128, i64, u64);

/// The version that last wrote a record, and its value; none marks one deleted a short while ago.
pub(crate) type Kept = (u64, Option<&'static [u8]>);

/// A delivery's version, value, due time, lease, whether it lies dead, attempts, and last error.
pub(crate) type Columns<'a> = (u64, &'a [u8], i64, Option<i64>, bool, u32, Option<&'a str>);

/// Sorts behind every key: keys are visible ASCII, which ends at `~`.
pub(crate) const BEHIND_KEYS: &str = "\x7f";

/// All tables, open in a transaction that writes.
pub(crate) struct Tables<'t> {
    pub(crate) partitions: Table<'t, Text, Head>,
    pub(crate) records: Table<'t, Place, Kept>,
    pub(crate) changed: Table<'t, Moment, ()>,
    pub(crate) deleted: Table<'t, Moment, i64>,
    pub(crate) deliveries: Table<'t, Place, Columns<'static>>,
    pub(crate) due: Table<'t, Turn, u16>,
    pub(crate) dead: Table<'t, Place, ()>,
}

impl<'t> Tables<'t> {
    /// Opens all tables, creating those that are not there yet.
    pub(crate) fn open(transaction: &'t WriteTransaction) -> Result<Self, Error> {
        Ok(Self {
            partitions: transaction.open_table(PARTITIONS)?,
            records: transaction.open_table(RECORDS)?,
            changed: transaction.open_table(CHANGED)?,
            deleted: transaction.open_table(DELETED)?,
            deliveries: transaction.open_table(DELIVERIES)?,
            due: transaction.open_table(DUE)?,
            dead: transaction.open_table(DEAD)?,
        })
    }
}
