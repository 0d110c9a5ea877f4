use std::num::NonZeroU32;

use mp_core::{
    Decision, Edits, Family,
    id::{AppId, UserId},
};

use super::{
    SHARERS_MAX, book,
    record::{CampaignBook, Sharer, sharer_key},
};
use crate::{
    error::ShareError,
    link::{Campaign, SharerNumber},
};

/// How many numbers are tried for one sharer: with [`SHARERS_MAX`] of 2³² numbers taken, all of
/// them are taken once in 10¹⁸.
pub(super) const CANDIDATES: usize = 4;

/// Returns the numbers that a user may have in a campaign, in the order of trying.
///
/// They are drawn from a hash, so that they tell neither how many share nor who came first.
pub(super) fn candidates(
    app: &AppId,
    campaign: Campaign,
    user: &UserId,
) -> [SharerNumber; CANDIDATES] {
    let campaign = campaign.to_string();
    std::array::from_fn(|n| {
        let parts = [app.as_str(), &campaign, user.as_str(), &n.to_string()];
        let [a, b, c, d, ..] = SharerHash::derived(&parts).to_bytes();
        let number = u32::from_be_bytes([a, b, c, d]);
        SharerNumber(NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN))
    })
}

/// Finds the user among the candidate numbers, or gives them the first that is free.
pub(super) fn give_number(
    family: &Family,
    candidates: &[SharerNumber; CANDIDATES],
    user: &UserId,
) -> Result<Decision<SharerNumber>, ShareError> {
    let book = book(family)?;
    for number in candidates {
        let key = sharer_key(*number);
        match family.get::<Sharer>(&key)? {
            Some(sharer) if sharer.user == *user => return Ok(Decision::unchanged(*number)),
            Some(_) => {}
            None if book.sharers >= SHARERS_MAX => return Err(ShareError::CampaignFull),
            None => {
                let mut edits = Edits::new();
                edits.put(&key, Sharer { user: user.clone() });
                edits.put_root(CampaignBook {
                    sharers: book.sharers + 1,
                    ..book
                });
                return Ok(edits.answer(*number));
            }
        }
    }
    Err(ShareError::CampaignFull)
}

mp_core::id_type!(
    /// Where sharers' numbers come from.
    SharerHash, "sharer"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_tried_in_an_order_that_never_changes() {
        let app = "market".parse().expect("app");
        let user = "mei".parse().expect("user");
        let tried = candidates(&app, Campaign::NONE, &user).map(|number| number.0.get());
        assert_eq!(
            tried,
            [658_318_103, 2_396_276_791, 2_489_742_668, 2_752_906_712]
        );
    }
}
