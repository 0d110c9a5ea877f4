use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Result, Row, Statement, params};

use super::{
    column,
    crew::Queue,
    delivery::{LIST_DEAD, LIST_DEAD_IN, delivery},
    error::store_error,
    follower::Follower,
    question::{Question, Reply},
};
use crate::store::{Delivery, Key, Partition, Query, Record, Selection, View};

/// Answers questions on one of the connections that only read.
#[derive(Debug)]
pub(super) struct Reader<'c> {
    begin: Statement<'c>,
    end: Statement<'c>,
    root: Statement<'c>,
    one: Statement<'c>,
    range: Statement<'c>,
    dead: Statement<'c>,
    dead_in: Statement<'c>,
    partitions: Statement<'c>,
    follower: Follower<'c>,
}

const ROOT: &str = "
SELECT head, commit_id, at, version, value, id FROM mp_partition WHERE partition = ?1";
const ONE: &str = "
SELECT key, version, value FROM mp_record
WHERE partition_id = ?1 AND key = ?2 AND value IS NOT NULL";
const RANGE: &str = "
SELECT key, version, value FROM mp_record
WHERE partition_id = ?1 AND key >= ?2 AND key < ?3 AND value IS NOT NULL
ORDER BY key LIMIT ?4";
const PARTITIONS: &str = "
SELECT partition FROM mp_partition WHERE partition > ?1 ORDER BY partition LIMIT ?2";

impl<'c> Reader<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> Result<Self> {
        Ok(Self {
            begin: connection.prepare("BEGIN")?,
            end: connection.prepare("COMMIT")?,
            root: connection.prepare(ROOT)?,
            one: connection.prepare(ONE)?,
            range: connection.prepare(RANGE)?,
            dead: connection.prepare(LIST_DEAD)?,
            dead_in: connection.prepare(LIST_DEAD_IN)?,
            partitions: connection.prepare(PARTITIONS)?,
            follower: Follower::prepare(connection)?,
        })
    }

    /// Answers questions until nobody can ask any more.
    pub(super) fn run(&mut self, questions: &Queue<Question>) {
        // One at a time: the others may be idle.
        let mut taken = Vec::with_capacity(1);
        while questions.take(&mut taken, 1) > 0 {
            for question in taken.drain(..) {
                self.answer(question);
            }
        }
    }

    fn answer(&mut self, question: Question) {
        match question {
            Question::Read(partition, query, reply) => {
                tell(reply, "read", self.read(&partition, &query));
            }
            Question::Changes(partition, since, limit, reply) => {
                let changes =
                    self.in_snapshot(|reader| reader.follower.changes(&partition, since, limit));
                tell(reply, "changes", changes);
            }
            Question::Dead(after, limit, reply) => {
                let dead = self.in_snapshot(|reader| reader.dead(after, limit));
                tell(reply, "dead", dead);
            }
            Question::Partitions(after, limit, reply) => {
                tell(reply, "partitions", self.partitions(after, limit));
            }
        }
    }

    fn read(&mut self, partition: &Partition, query: &Query) -> Result<View> {
        if query.select.is_empty() {
            // A statement by itself is a snapshot.
            return Ok(self
                .root(partition)?
                .map_or_else(View::default, |(_, view)| view));
        }
        self.in_snapshot(|reader| {
            let Some((id, mut view)) = reader.root(partition)? else {
                return Ok(View::default());
            };
            let selected = reader.selected(id, query)?;
            let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
            view.more = selected.len() > limit;
            view.records.extend(selected.into_values().take(limit));
            Ok(view)
        })
    }

    fn in_snapshot<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.begin.execute([])?;
        let answer = read(self);
        // Whatever came of it, the snapshot must not stay open: it would hold up the log.
        self.end.execute([])?;
        answer
    }

    fn root(&mut self, partition: &Partition) -> Result<Option<(i64, View)>> {
        self.root
            .query_row([partition.id()], |row| {
                Ok((row.get(5)?, view_of_root(row)?))
            })
            .optional()
    }

    fn selected(&mut self, id: i64, query: &Query) -> Result<BTreeMap<Key, Record>> {
        // The first records of the union are among the first of each selection; one more than the
        // limit tells whether it cut any off.
        let enough = i64::from(query.limit) + 1;
        let mut records = BTreeMap::new();
        for selection in &query.select {
            let mut rows = match selection {
                Selection::Key(key) => self.one.query(params![id, key.as_str()])?,
                Selection::Prefix(prefix) => {
                    let end = end_of_prefix(prefix);
                    self.range
                        .query(params![id, prefix.as_str(), end, enough])?
                }
                Selection::Range { from, to } => {
                    self.range
                        .query(params![id, from.as_str(), to.as_str(), enough])?
                }
            };
            while let Some(row) = rows.next()? {
                let record = record(row)?;
                records.insert(record.key.clone(), record);
            }
        }
        Ok(records)
    }

    fn dead(&mut self, after: Option<(Partition, Key)>, limit: u32) -> Result<Vec<Delivery>> {
        let Some((partition, key)) = after else {
            return list(&mut self.dead, "", "", limit);
        };
        // Those of the partition itself come first, and often they are all that is asked for: found
        // by its number, they need not be sorted among all.
        let mut dead = list(&mut self.dead_in, partition.id(), key.as_str(), limit)?;
        let left = limit - u32::try_from(dead.len()).unwrap_or(limit);
        if left > 0 {
            dead.extend(list(&mut self.dead, partition.id(), AFTER_KEYS, left)?);
        }
        Ok(dead)
    }

    fn partitions(&mut self, after: Option<Partition>, limit: u32) -> Result<Vec<Partition>> {
        let after = after.as_ref().map_or("", Partition::id);
        let rows = self
            .partitions
            .query_map(params![after, limit], |row| column::partition(row, 0))?;
        rows.collect()
    }
}

fn tell<A>(reply: Reply<A>, op: &'static str, answer: Result<A>) {
    // Whoever asked may have gone away.
    drop(reply.send(answer.map_err(|error| store_error(op, error))));
}

fn list(dead: &mut Statement<'_>, partition: &str, key: &str, limit: u32) -> Result<Vec<Delivery>> {
    let rows = dead.query_map(params![partition, key, limit], delivery)?;
    rows.collect()
}

/// What sorts behind every key: they are visible ASCII, which ends at `~`.
const AFTER_KEYS: &str = "\x7f";

/// Returns what sorts behind every key with this prefix.
fn end_of_prefix(prefix: &Key) -> String {
    format!("{prefix}{AFTER_KEYS}")
}

fn view_of_root(row: &Row<'_>) -> Result<View> {
    Ok(View {
        head: column::version(row, 0)?,
        commit_id: column::commit_id(row, 1)?,
        at: column::time(row, 2)?,
        records: vec![Record {
            key: Key::root(),
            version: column::version(row, 3)?,
            value: column::value(row, 4)?,
        }],
        more: false,
    })
}

fn record(row: &Row<'_>) -> Result<Record> {
    Ok(Record {
        key: column::key(row, 0)?,
        version: column::version(row, 1)?,
        value: column::value(row, 2)?,
    })
}
