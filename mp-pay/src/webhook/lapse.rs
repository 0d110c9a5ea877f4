//! Forgetting what no provider sends any more.

use mp_core::{
    Command, Error, Family,
    store::{Key, Partition, Query, Record, Selection},
    work::Done,
};

use super::{
    EDITIONS_MAX, Webhooks,
    id::{DEDUP_WINDOW, entry_key, raw_key},
    page::{self, LapseDue},
};

/// How many events are forgotten in one commit.
const PORTION: u32 = 128;

impl Webhooks {
    /// Forgets the events of a period that are handled, portion by portion. What still waits, or
    /// lies dead, is kept, and looked at again a window later.
    pub(super) async fn lapse(&self, page: &Partition, due: LapseDue) -> Result<Done, Error> {
        let LapseDue { period } = due;
        let (mut from, to) = (
            format!("e/{period:06}/"),
            Key::new(&format!("e/{period:06}0"))?,
        );
        let mut all = true;
        loop {
            let select = vec![Selection::Range {
                from: Key::new(&from)?,
                to: to.clone(),
            }];
            let query = Query {
                select,
                limit: PORTION,
            };
            let view = self.engine.store().read(page, &query).await?;
            let events = view.records.into_iter().filter(|it| !it.key.is_root());
            let events: Vec<Record> = events.collect();
            let Some(last) = events.last() else { break };
            // The least of the characters of a key: nothing sorts in between.
            from = format!("{}!", last.key);
            all &= self.forget(page, period, &events).await?;
        }
        Ok(match all {
            true => Done::Finished,
            false => Done::Again(self.engine.now().plus(DEDUP_WINDOW)),
        })
    }

    async fn forget(
        &self,
        page: &Partition,
        period: u64,
        events: &[Record],
    ) -> Result<bool, Error> {
        let name = |event: &Record| event.key.as_str().rsplit('/').next().map(str::to_owned);
        let names: Vec<String> = events.iter().filter_map(name).collect();
        let mut command = Command::on(page.clone());
        for name in &names {
            command = command.key(&entry_key(period, name));
            for edition in 1..=EDITIONS_MAX {
                command = command.key(&raw_key(period, name, edition));
            }
        }
        let forget = move |family: &Family, _| page::forget(family, period, &names);
        Ok(self.engine.run(command, forget).await?.answer)
    }
}
