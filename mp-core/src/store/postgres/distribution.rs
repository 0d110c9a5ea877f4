use tokio_postgres::{Client, Error};

use super::error::Failure;
use crate::store::{StoreError, StoreErrorKind};

/// On how many servers the tables are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Distribution {
    /// On one: any statement may ask for any slots.
    Single,
    /// On the workers of a Citus cluster: a statement that names one slot is handed on whole to the
    /// worker that has it, and none of ours names more.
    BySlot,
}

const OP: &str = "connect";

const IS_CITUS: &str = "SELECT to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL";

/// How many of the tables are distributed, how many of them on the slot, and into how many
/// different places.
const DISTRIBUTED: &str = "
SELECT count(*),
    count(*) FILTER (WHERE column_to_column_name(logicalrelid, partkey) = 'slot'),
    count(DISTINCT colocationid)
FROM pg_catalog.pg_dist_partition
WHERE partmethod = 'h' AND logicalrelid = ANY (
    ARRAY[to_regclass('mp_partition'), to_regclass('mp_record'), to_regclass('mp_delivery')]
)";

impl Distribution {
    /// Looks at the tables, and refuses them if they are distributed in another way than ours.
    pub(super) async fn of(client: &Client) -> Result<Self, StoreError> {
        if !is_citus(client).await.map_err(failed)? {
            return Ok(Self::Single);
        }
        match counts(client).await.map_err(failed)? {
            [0, ..] => Ok(Self::Single),
            [3, 3, 1] => Ok(Self::BySlot),
            _ => {
                let problem = "the tables are distributed otherwise than citus.sql does it";
                Err(StoreError::new(StoreErrorKind::Corrupt, OP, problem))
            }
        }
    }
}

async fn is_citus(client: &Client) -> Result<bool, Error> {
    client.query_one(IS_CITUS, &[]).await?.try_get(0)
}

async fn counts(client: &Client) -> Result<[i64; 3], Error> {
    let row = client.query_one(DISTRIBUTED, &[]).await?;
    Ok([row.try_get(0)?, row.try_get(1)?, row.try_get(2)?])
}

fn failed(error: Error) -> StoreError {
    Failure::from(error).store_error(OP, StoreErrorKind::Unavailable)
}
