//! What a change of a payment comes to: its edits, and what a feed is told of it.

use std::time::Duration;

use mp_core::{Command, Decision, Error, Family, Timestamp, feed::Feed};

use super::Payments;
use crate::payment::Change;

/// What every decision about payments needs beside the change itself.
#[derive(Clone, Debug)]
pub(crate) struct Telling {
    feed: Option<Feed>,
    call_max: Duration,
}

impl Payments {
    pub(crate) fn telling(&self) -> Telling {
        Telling {
            feed: self.feed.clone(),
            call_max: self.options.call_max,
        }
    }
}

impl Telling {
    /// Adds to a command what telling the feed reads.
    pub(crate) fn reads(&self, command: Command) -> Command {
        match &self.feed {
            Some(feed) => feed.reads(command),
            None => command,
        }
    }

    /// Makes a decision of a change, and tells the feed of it.
    pub(crate) fn decision<T>(
        &self,
        change: Change,
        answer: T,
        family: &Family,
        now: Timestamp,
    ) -> Result<Decision<T>, Error> {
        let news = self.feed.as_ref().map(|_| change.news()).transpose()?;
        let mut decision = change.decision(answer, self.call_max)?;
        if let (Some(feed), Some(news)) = (&self.feed, news) {
            feed.emit(family, now, news, &mut decision.edits)?;
        }
        Ok(decision)
    }
}
