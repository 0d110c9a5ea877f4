use super::{Cursor, Event};
use crate::{
    clock::Timestamp,
    document,
    error::{Error, ErrorKind},
    id::AppId,
    store::View,
};

use super::log::Head;

/// Some consecutive events of an app's feed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Stretch {
    /// The app.
    pub app: AppId,
    /// The cursor that it was read from.
    pub from: Cursor,
    /// The cursor of who has seen it.
    pub to: Cursor,
    /// The events between the two, in order.
    pub events: Vec<Event>,
    /// How many events the feed had behind it when it was read.
    pub behind: u64,
}

impl Stretch {
    /// Reads what stands in a view of a feed's partition.
    pub(super) fn of(app: &AppId, from: Cursor, view: View) -> Result<Self, Error> {
        let mut records = view.records.into_iter();
        let head = match records.next() {
            Some(root) => document::decode::<Head>(&root.value)?.0,
            None => Head::default(),
        };
        check(from, &head)?;
        let events: Vec<Event> = records
            .map(|record| Ok(document::decode::<Event>(&record.value)?.0))
            .collect::<Result<_, Error>>()?;
        let to = events.last().map_or(from, |event| event.position);
        Ok(Self {
            app: app.clone(),
            from,
            to,
            events,
            behind: head.next - 1 - to.0.max(head.first - 1),
        })
    }

    /// Returns when the first of its events was told.
    pub(super) fn since(&self) -> Option<Timestamp> {
        self.events.first().map(|event| event.at)
    }
}

/// Refuses a cursor from which nobody can go on without missing something.
fn check(from: Cursor, head: &Head) -> Result<(), Error> {
    if from != Cursor::START && from.0.saturating_add(1) < head.first {
        let message = format!(
            "the feed has forgotten what came after {from}: rebuild from the records, or begin anew; a \
             subscriber does with `Projector::begin_at`"
        );
        return Err(Error::new(
            ErrorKind::Unsupported,
            "feed_forgotten",
            message,
        ));
    }
    if from.0 >= head.next {
        let message = format!("the feed ends before {from}: it is another one, or an older copy");
        return Err(Error::new(
            ErrorKind::Unsupported,
            "feed_ends_before",
            message,
        ));
    }
    Ok(())
}
