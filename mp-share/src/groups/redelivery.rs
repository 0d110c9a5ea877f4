//! Calls that come once more after their answer is forgotten.

use mp_core::{
    Error,
    id::{IdempotencyKey, UserId},
    idempotency::fingerprint,
};

use super::roster::Roster;
use crate::member::{Member, MemberNumber};

/// How many digits of a key's hash a member keeps: enough to tell a user's own few keys apart.
const MARK_LENGTH: usize = 16;

/// Returns what a member keeps of the key of a call.
pub(super) fn mark(key: &IdempotencyKey) -> Result<String, Error> {
    let mut mark = fingerprint(&key.as_str())?;
    mark.truncate(MARK_LENGTH);
    Ok(mark)
}

impl Roster<'_> {
    /// Returns the membership that a user began under a key, however long ago.
    pub(super) fn joined_under(
        &self,
        user: &UserId,
        mark: &str,
    ) -> Result<Option<MemberNumber>, Error> {
        self.found(user, |member| member.joined_under.as_deref() == Some(mark))
    }

    /// Returns the membership that a user gave up under a key, however long ago.
    pub(super) fn left_under(
        &self,
        user: &UserId,
        mark: &str,
    ) -> Result<Option<MemberNumber>, Error> {
        self.found(user, |member| member.left_under.as_deref() == Some(mark))
    }

    fn found(
        &self,
        user: &UserId,
        is_meant: impl Fn(&Member) -> bool,
    ) -> Result<Option<MemberNumber>, Error> {
        let all = self.memberships(user)?;
        let mut members = all.iter().flat_map(|all| &all.members);
        Ok(members
            .find(|(_, member)| is_meant(member))
            .map(|(number, _)| *number))
    }
}
