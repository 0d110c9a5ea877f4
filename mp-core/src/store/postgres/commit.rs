//! One statement for each group of commits, whatever is in it.

use tokio_postgres::{Row, Transaction, types::ToSql};

use super::{
    column::{Array, Uuid, integer, slot},
    connections::Connections,
    distribution::Distribution,
    error::{Failure, Fate},
    queue::Job,
};
use crate::store::{Version, Write};

/// Replaces the root and nothing else. The update of the head is the check as well: where it
/// changes no row, the head was not the one expected.
const REPLACE: &str = "
UPDATE mp_partition
SET head = $4, at = greatest(at, $5), commit_id = $6, version = $4, value = $7
WHERE slot = $1 AND partition = $2 AND head = $3
RETURNING true";

const COMMIT: &str = "
SELECT mp_commit_v2(
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19
)";

const COMMIT_MANY: &str = "
SELECT mp_commit_many_v2(
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
    $21, $22, $23, $24, $25
)";

/// Applies each job's batch if its head is the expected one, and says for each whether it was; all
/// in one transaction.
pub(super) async fn apply(connections: &Connections, jobs: &[Job]) -> Result<Vec<bool>, Failure> {
    match jobs {
        [job] if is_replacement(job) => replace(connections, job).await,
        [job] => apply_one(connections, job).await,
        jobs => apply_many(connections, jobs).await,
    }
}

fn is_replacement(job: &Job) -> bool {
    let [Write::Put { key, .. }] = job.batch.writes.as_slice() else {
        return false;
    };
    key.is_root() && job.batch.expect != Version::ABSENT
}

async fn replace(connections: &Connections, job: &Job) -> Result<Vec<bool>, Failure> {
    let head = Heads::of([job]);
    let rows = connections
        .write(
            REPLACE,
            &[
                &head.slot[0],
                &head.partition[0],
                &head.expect[0],
                &head.next[0],
                &head.at[0],
                &head.commit_id[0],
                &head.root[0],
            ],
        )
        .await?;
    Ok(vec![!rows.is_empty()])
}

async fn apply_one(connections: &Connections, job: &Job) -> Result<Vec<bool>, Failure> {
    let head = Heads::of([job]);
    let writes = Writes::of([job], connections.distribution());
    let rows = connections.write(COMMIT, &of_one(&head, &writes)).await?;
    let applied = rows.first().map(|row| row.try_get(0)).transpose()?;
    Ok(vec![applied.unwrap_or_default()])
}

/// Applies one batch inside somebody's transaction, and returns whether it was.
pub(super) async fn apply_in(
    transaction: &Transaction<'_>,
    distribution: Distribution,
    job: &Job,
) -> Result<bool, tokio_postgres::Error> {
    let head = Heads::of([job]);
    let writes = Writes::of([job], distribution);
    let row = transaction
        .query_one(COMMIT, &of_one(&head, &writes))
        .await?;
    row.try_get(0)
}

/// Returns what [`COMMIT`] is given.
fn of_one<'a>(head: &'a Heads<'_>, writes: &'a Writes<'_>) -> [&'a (dyn ToSql + Sync); 19] {
    [
        &head.slot[0],
        &head.partition[0],
        &head.expect[0],
        &head.next[0],
        &head.at[0],
        &head.commit_id[0],
        &head.root[0],
        &writes.create_key,
        &writes.create_value,
        &writes.send_key,
        &writes.send_due,
        &writes.send_value,
        &writes.put_key,
        &writes.put_value,
        &writes.deliver_key,
        &writes.deliver_due,
        &writes.deliver_value,
        &writes.delete_key,
        &writes.undeliver_key,
    ]
}

async fn apply_many(connections: &Connections, jobs: &[Job]) -> Result<Vec<bool>, Failure> {
    let heads = Heads::of(jobs);
    let writes = Writes::of(jobs, connections.distribution());
    let rows = connections
        .write(
            COMMIT_MANY,
            &[
                &heads.slot,
                &heads.partition,
                &heads.expect,
                &heads.next,
                &heads.at,
                &heads.commit_id,
                &heads.root,
                &writes.create_n,
                &writes.create_key,
                &writes.create_value,
                &writes.send_n,
                &writes.send_key,
                &writes.send_due,
                &writes.send_value,
                &writes.put_n,
                &writes.put_key,
                &writes.put_value,
                &writes.deliver_n,
                &writes.deliver_key,
                &writes.deliver_due,
                &writes.deliver_value,
                &writes.delete_n,
                &writes.delete_key,
                &writes.undeliver_n,
                &writes.undeliver_key,
            ],
        )
        .await?;
    marked(jobs.len(), &rows)
}

/// Marks those of so many jobs whose numbers, from one, were answered.
fn marked(count: usize, rows: &[Row]) -> Result<Vec<bool>, Failure> {
    let mut applied = vec![false; count];
    let numbers: Option<Vec<i32>> = rows.first().map(|row| row.try_get(0)).transpose()?;
    for number in numbers.unwrap_or_default() {
        let place = usize::try_from(number).ok().and_then(|n| n.checked_sub(1));
        let Some(applied) = place.and_then(|place| applied.get_mut(place)) else {
            let problem = "the server answers for a commit that was not asked for";
            return Err(Failure::new(Fate::Lost, problem));
        };
        *applied = true;
    }
    Ok(applied)
}

/// The heads to be moved, column by column.
#[derive(Debug, Default)]
struct Heads<'j> {
    slot: Vec<i16>,
    partition: Vec<&'j str>,
    expect: Vec<i64>,
    next: Vec<i64>,
    at: Vec<i64>,
    commit_id: Vec<Uuid>,
    root: Vec<Option<&'j [u8]>>,
}

impl<'j> Heads<'j> {
    fn of(jobs: impl IntoIterator<Item = &'j Job>) -> Self {
        let mut heads = Self::default();
        for job in jobs {
            let batch = &job.batch;
            heads.slot.push(slot(&job.partition));
            heads.partition.push(job.partition.id());
            heads.expect.push(integer(batch.expect));
            heads.next.push(integer(job.next()));
            heads.at.push(batch.at.as_micros());
            heads.commit_id.push(Uuid(batch.commit_id));
            heads.root.push(batch.writes.iter().find_map(root));
        }
        heads
    }
}

fn root(write: &Write) -> Option<&[u8]> {
    match write {
        Write::Put { key, value, .. } if key.is_root() => Some(value),
        _ => None,
    }
}

/// All that is written beside the heads, column by column; the first says for which job, from one.
#[derive(Debug, Default)]
struct Writes<'j> {
    create_n: Array<i32>,
    create_key: Array<&'j str>,
    create_value: Array<&'j [u8]>,
    send_n: Array<i32>,
    send_key: Array<&'j str>,
    send_due: Array<i64>,
    send_value: Array<&'j [u8]>,
    put_n: Array<i32>,
    put_key: Array<&'j str>,
    put_value: Array<&'j [u8]>,
    deliver_n: Array<i32>,
    deliver_key: Array<&'j str>,
    deliver_due: Array<i64>,
    deliver_value: Array<&'j [u8]>,
    delete_n: Array<i32>,
    delete_key: Array<&'j str>,
    undeliver_n: Array<i32>,
    undeliver_key: Array<&'j str>,
}

impl<'j> Writes<'j> {
    fn of(jobs: impl IntoIterator<Item = &'j Job>, distribution: Distribution) -> Self {
        let apart = distribution == Distribution::Single;
        let mut writes = Self::default();
        for (n, job) in (1..).zip(jobs) {
            for write in &job.batch.writes {
                writes.add(n, write, apart && write.is_new());
            }
        }
        writes
    }

    fn add(&mut self, n: i32, write: &'j Write, new: bool) {
        let key = write.key().as_str();
        match write {
            Write::Put { key, .. } if key.is_root() => {}
            Write::Put { value, .. } if new => {
                self.create_n.push(n);
                self.create_key.push(key);
                self.create_value.push(value);
            }
            Write::Put { value, .. } => {
                self.put_n.push(n);
                self.put_key.push(key);
                self.put_value.push(value);
            }
            Write::Deliver { value, due_at, .. } if new => {
                self.send_n.push(n);
                self.send_key.push(key);
                self.send_due.push(due_at.as_micros());
                self.send_value.push(value);
            }
            Write::Deliver { value, due_at, .. } => {
                self.deliver_n.push(n);
                self.deliver_key.push(key);
                self.deliver_due.push(due_at.as_micros());
                self.deliver_value.push(value);
            }
            Write::Delete { key: place } if place.is_delivery() => {
                self.undeliver_n.push(n);
                self.undeliver_key.push(key);
            }
            Write::Delete { .. } => {
                self.delete_n.push(n);
                self.delete_key.push(key);
            }
        }
    }
}

#[cfg(test)]
pub(super) const OF_ONE_SLOT: &[&str] = &[REPLACE, COMMIT];

#[cfg(test)]
pub(super) const OF_MANY_SLOTS: &[&str] = &[COMMIT_MANY];
