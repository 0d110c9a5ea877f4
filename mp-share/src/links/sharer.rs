use std::num::NonZeroU32;

use mp_core::{
    Command, Decision, Edits, Error, Family,
    id::{AppId, UserId},
};

use super::{
    SHARERS_MAX, book,
    record::{CampaignBook, OwnNumber, Sharer, own_number_key, sharer_key},
};
use crate::{
    error::ShareError,
    link::{Campaign, SharerNumber},
};

/// How many numbers are tried for one sharer: with [`SHARERS_MAX`] of 2³² numbers taken, all of
/// them are taken once in 10¹⁸.
const CANDIDATES: usize = 4;

/// The random bytes that a sharer's candidates are made of.
pub(super) const DRAWN: usize = CANDIDATES * size_of::<u32>();

/// The numbers among which a sharer's own is looked for, and those that a new sharer may have.
///
/// A new one is drawn by chance, so that it tells neither how many share, nor who came first, nor to
/// somebody who knows a user's id whether a link is that user's. Earlier releases derived it from the
/// id; who has such a number keeps it.
pub(super) struct Numbers {
    user: UserId,
    derived: [SharerNumber; CANDIDATES],
    drawn: [SharerNumber; CANDIDATES],
}

impl Numbers {
    pub(super) fn new(app: &AppId, campaign: Campaign, user: &UserId, random: [u8; DRAWN]) -> Self {
        let (fours, _) = random.as_chunks();
        Self {
            user: user.clone(),
            derived: derived(app, campaign, user),
            drawn: std::array::from_fn(|n| number(fours[n])),
        }
    }

    /// Selects what [`give`](Self::give) looks at.
    pub(super) fn reads(&self, command: Command) -> Command {
        let command = command.key(&own_number_key(&self.user));
        let all = self.derived.iter().chain(&self.drawn);
        all.fold(command, |command, number| command.key(&sharer_key(*number)))
    }

    /// Finds the user's number, or gives them the first that is free.
    pub(super) fn give(&self, family: &Family) -> Result<Decision<SharerNumber>, ShareError> {
        if let Some(number) = self.found(family)? {
            return Ok(Decision::unchanged(number));
        }
        let book = book(family)?;
        let free = self.free(family)?.filter(|_| book.sharers < SHARERS_MAX);
        let number = free.ok_or(ShareError::CampaignFull)?;
        let user = self.user.clone();
        let mut edits = Edits::new();
        edits.put(&own_number_key(&user), OwnNumber { number });
        edits.put(&sharer_key(number), Sharer { user });
        edits.put_root(CampaignBook {
            sharers: book.sharers + 1,
            ..book
        });
        Ok(edits.answer(number))
    }

    fn found(&self, family: &Family) -> Result<Option<SharerNumber>, Error> {
        if let Some(own) = family.get::<OwnNumber>(&own_number_key(&self.user))? {
            return Ok(Some(own.number));
        }
        for number in self.derived {
            let sharer = family.get::<Sharer>(&sharer_key(number))?;
            if sharer.is_some_and(|sharer| sharer.user == self.user) {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    fn free(&self, family: &Family) -> Result<Option<SharerNumber>, Error> {
        for number in self.drawn {
            if family.get::<Sharer>(&sharer_key(number))?.is_none() {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }
}

/// Returns the numbers that earlier releases tried for a user of a campaign.
pub(super) fn derived(
    app: &AppId,
    campaign: Campaign,
    user: &UserId,
) -> [SharerNumber; CANDIDATES] {
    let campaign = campaign.to_string();
    std::array::from_fn(|n| {
        let parts = [app.as_str(), &campaign, user.as_str(), &n.to_string()];
        let [a, b, c, d, ..] = SharerHash::derived(&parts).to_bytes();
        number([a, b, c, d])
    })
}

fn number(bytes: [u8; 4]) -> SharerNumber {
    let number = NonZeroU32::new(u32::from_be_bytes(bytes));
    SharerNumber(number.unwrap_or(NonZeroU32::MIN))
}

mp_core::id_type!(
    /// Where the numbers of earlier releases' sharers come from.
    SharerHash, "sharer"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_earlier_releases_are_looked_for_where_they_were_given() {
        let app = "market".parse().expect("app");
        let user = "mei".parse().expect("user");
        let tried = derived(&app, Campaign::NONE, &user).map(|number| number.0.get());
        assert_eq!(
            tried,
            [658_318_103, 2_396_276_791, 2_489_742_668, 2_752_906_712]
        );
    }
}
