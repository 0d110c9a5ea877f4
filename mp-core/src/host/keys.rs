use serde::{Deserialize, Serialize};

use super::NOTES;
use crate::{
    caller::Caller,
    document::Document,
    engine::{Command, Edits, Engine, Family},
    error::Error,
    id::{AppId, IdempotencyKey},
    idempotency::{Idempotency, Remembered},
    store::Partition,
};

/// The root of a page on which it is noted which keys callers have used, and for what.
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
    let former = former_place(caller)?;
    let page = page_of(caller.app_id(), &former)?;
    let used = Idempotency::new(caller, operation, key, &fingerprint)?;
    // Before anything is noted, for what is noted holds.
    check_former(engine, former, &used).await?;
    let decide = |family: &Family, _| {
        let count = family.root::<UsedKeys>()?.map_or(0, |keys| keys.count);
        let mut edits = Edits::new();
        edits.put_root(UsedKeys { count: count + 1 });
        Ok::<_, Error>(edits.answer(()))
    };
    engine.run(Command::on(page).once(used), decide).await?;
    Ok(())
}

/// Returns the page that a caller's notes stand on: one of as many as there are slots, so that what
/// others note there prunes those of a caller who never comes back.
fn page_of(app: &AppId, former: &Partition) -> Result<Partition, Error> {
    // No caller's key segment begins so: a user's id has no slash, and the app's own is another.
    Partition::new(app, NOTES, &format!("page/{:03}", former.slot()))
}

/// Returns the partition that the notes of this caller had to themselves in earlier releases.
fn former_place(caller: &Caller) -> Result<Partition, Error> {
    Partition::new(caller.app_id(), NOTES, caller.key_segment())
}

/// Refuses a key that an earlier release has noted for something else, for as long as that counts.
async fn check_former(engine: &Engine, former: Partition, used: &Idempotency) -> Result<(), Error> {
    let keys = used.keys(engine.now());
    let read = keys
        .iter()
        .fold(Command::on(former), |read, key| read.key(key));
    let family = engine.read(read).await?;
    for key in &keys {
        if let Some(noted) = family.get::<Remembered>(key)? {
            used.recall::<()>(&noted)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_the_same_for_ever_and_no_callers_former_place() {
        let app: AppId = "market".parse().expect("an app");
        let callers = [
            Caller::user(app.clone(), "mei".parse().expect("a user")),
            Caller::user(app.clone(), "page".parse().expect("a user")),
            Caller::app(app.clone()),
        ];
        let pages = callers.map(|caller| {
            let former = former_place(&caller).expect("a partition");
            let page = page_of(&app, &former).expect("a partition");
            assert_ne!(page, former);
            page.to_string()
        });
        assert_eq!(
            pages,
            [
                "market/idem/page/200",
                "market/idem/page/247",
                "market/idem/page/149"
            ]
        );
    }
}
