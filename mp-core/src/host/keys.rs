use serde::{Deserialize, Serialize};

use super::NOTES;
use crate::{
    caller::Caller,
    document::Document,
    engine::{Command, Edits, Engine, Family},
    error::Error,
    id::IdempotencyKey,
    idempotency::Idempotency,
    store::Partition,
};

/// The root of the partition that notes which keys a caller has used, and for what.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct UsedKeys {
    count: u64,
}

impl Document for UsedKeys {
    const KIND: &'static str = "used_keys";
    const FORMAT: u32 = 1;
}

/// Notes that the caller uses this key for this command, whatever the command's target.
///
/// An answer is remembered in the target's own partition; a key that comes back with another target
/// would find nothing there. So what a key was used for is noted by caller first.
pub(super) async fn note(
    engine: &Engine,
    caller: &Caller,
    operation: &str,
    key: &IdempotencyKey,
    fingerprint: &str,
) -> Result<(), Error> {
    let partition = Partition::new(caller.app_id(), NOTES, caller.key_segment())?;
    let used = Idempotency::new(caller, operation, key, &fingerprint)?;
    let decide = |family: &Family, _| {
        let count = family.root::<UsedKeys>()?.map_or(0, |keys| keys.count);
        let mut edits = Edits::new();
        edits.put_root(UsedKeys { count: count + 1 });
        Ok::<_, Error>(edits.answer(()))
    };
    engine
        .run(Command::on(partition).once(used), decide)
        .await?;
    Ok(())
}
