use deadpool_postgres::Object;
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::Error;

use super::PostgresFloor;

/// Changes the counter if it is where it is thought to be, and has nobody join otherwise.
const JOIN: &str = "
WITH place AS (
    UPDATE counter SET taken = taken + cardinality($3::text[])
    WHERE id = $1 AND taken = $2 RETURNING true
)
INSERT INTO member
SELECT $1, w.name, w.number FROM place, unnest($3::text[], $4::bigint[]) AS w (name, number)";

/// The least that takes many joins into one statement: a channel, and one compare-and-set for whoever
/// has come meanwhile.
///
/// It is no peer, since nobody could rely on it: a repeated call joins twice, an outcome that is unknown ends it,
/// it knows one kind of record and one decision, and waits for nobody. What it does in a second is
/// what is there to be had for something that does all this.
#[derive(Clone, Debug)]
pub struct Combiner(mpsc::UnboundedSender<Join>);

#[derive(Debug)]
struct Join {
    user: String,
    number: oneshot::Sender<i64>,
}

impl Combiner {
    /// Starts one for a counter. Any number of them may run for one counter, and know nothing of
    /// each other. It ends when it is dropped.
    #[must_use]
    pub fn start(floor: PostgresFloor, counter: String) -> Self {
        let (joins, mut joining) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            // Of its own, so that its session is warm.
            let connection = floor.connection().await;
            let mut taken = 0;
            let mut group = Vec::new();
            while joining.recv_many(&mut group, usize::MAX).await > 0 {
                taken = join_all(&connection, &counter, taken, &mut group).await;
            }
        });
        Self(joins)
    }

    /// Takes a place, and returns its number.
    ///
    /// # Panics
    ///
    /// If the engine failed.
    pub async fn join(&self, user: String) -> i64 {
        let (number, answer) = oneshot::channel();
        let sent = self.0.send(Join { user, number });
        sent.expect("a combiner that has not failed");
        answer.await.expect("a combiner that has not failed")
    }
}

/// Lets a group join, tells each its number, and returns how many places are taken now.
async fn join_all(
    connection: &Object,
    counter: &str,
    mut taken: i64,
    group: &mut Vec<Join>,
) -> i64 {
    let users: Vec<&str> = group.iter().map(|join| join.user.as_str()).collect();
    let count = users.len() as i64;
    loop {
        let numbers: Vec<i64> = (taken + 1..=taken + count).collect();
        let joined = try_join(connection, counter, taken, &users, &numbers).await;
        if joined.expect("the floor works") {
            for (join, number) in group.drain(..).zip(numbers) {
                let _ = join.number.send(number);
            }
            return taken + count;
        }
        taken = read(connection, counter).await.expect("the floor works");
    }
}

async fn try_join(
    connection: &Object,
    counter: &str,
    taken: i64,
    users: &[&str],
    numbers: &[i64],
) -> Result<bool, Error> {
    let statement = connection.prepare_cached(JOIN).await?;
    let joined = connection
        .execute(&statement, &[&counter, &taken, &users, &numbers])
        .await?;
    Ok(joined > 0)
}

async fn read(connection: &Object, counter: &str) -> Result<i64, Error> {
    let sql = "SELECT taken FROM counter WHERE id = $1";
    let statement = connection.prepare_cached(sql).await?;
    let row = connection.query_one(&statement, &[&counter]).await?;
    Ok(row.get(0))
}
