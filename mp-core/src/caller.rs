//! Who calls, and what they may do.

use std::{borrow::Cow, collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, ErrorKind},
    id::{AppId, UserId},
};

/// A right that an operation asks for, such as `queue:write`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Scope(Cow<'static, str>);

impl Scope {
    /// The right of the app's own staff and back office over every user's things in the app: whoever
    /// has it has all other scopes.
    pub const STAFF: Self = Self::of("staff");

    /// Names a scope.
    #[must_use]
    pub const fn of(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// Names a scope that is known only at run time, such as one out of a session token.
    #[must_use]
    pub const fn named(name: String) -> Self {
        Self(Cow::Owned(name))
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who calls: an app, perhaps one of its users, and the scopes granted.
///
/// Whatever answers one app's caller takes one, and refuses what is not theirs. What an operator runs takes none
/// and sees what it is given, for all apps: [`DeadLetters`](crate::work::DeadLetters),
/// [`Worker`](crate::work::Worker), [`Retention`](crate::retention::Retention),
/// [`Listing`](crate::store::Listing), [`Feeds::read`](crate::feed::Feeds::read).
///
/// ```
/// use mp_core::caller::{Caller, Scope};
///
/// let visitor = Caller::user("market".parse()?, "mei".parse()?).with_scope(Scope::of("pay:write"));
/// assert!(visitor.require(&Scope::of("pay:write")).is_ok());
/// assert!(visitor.require(&Scope::STAFF).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    app: AppId,
    user: Option<UserId>,
    scopes: BTreeSet<Scope>,
}

impl Caller {
    /// Names a signed-in user of an app, without scopes yet.
    #[must_use]
    pub const fn user(app: AppId, user: UserId) -> Self {
        Self {
            app,
            user: Some(user),
            scopes: BTreeSet::new(),
        }
    }

    /// Names the app itself (its back office, a cron job), without scopes yet.
    #[must_use]
    pub const fn app(app: AppId) -> Self {
        Self {
            app,
            user: None,
            scopes: BTreeSet::new(),
        }
    }

    /// Grants a scope.
    #[must_use]
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.scopes.insert(scope);
        self
    }

    /// Returns the app on whose behalf the call is made.
    #[must_use]
    pub const fn app_id(&self) -> &AppId {
        &self.app
    }

    /// Returns the signed-in user, if there is one.
    #[must_use]
    pub const fn user_id(&self) -> Option<&UserId> {
        self.user.as_ref()
    }

    /// Returns the user, or refuses a call that needs one.
    ///
    /// # Errors
    ///
    /// `unauthenticated` if nobody is signed in.
    pub fn signed_in(&self) -> Result<&UserId, Error> {
        self.user.as_ref().ok_or_else(|| {
            Error::new(
                ErrorKind::Unauthenticated,
                "unauthenticated",
                "sign a user in first",
            )
        })
    }

    /// Returns whether the scope was granted, by its name or with all others.
    #[must_use]
    pub fn has(&self, scope: &Scope) -> bool {
        [scope, &Scope::STAFF]
            .iter()
            .any(|granted| self.scopes.contains(*granted))
    }

    /// Refuses the call unless the scope was granted.
    ///
    /// # Errors
    ///
    /// `forbidden` if it was not.
    pub fn require(&self, scope: &Scope) -> Result<(), Error> {
        if self.has(scope) {
            return Ok(());
        }
        Err(Error::forbidden(format!("the scope {scope} is missing")).with_field("scope"))
    }

    /// Refuses the call unless the thing named by `field` belongs to this app, and to this user or
    /// the caller is staff.
    ///
    /// # Errors
    ///
    /// `not_found` for another app's or another user's thing: that it exists is not told.
    pub fn require_owner(
        &self,
        field: &'static str,
        app: &AppId,
        owner: &UserId,
    ) -> Result<(), Error> {
        let theirs = self.user.as_ref() == Some(owner) || self.has(&Scope::STAFF);
        if self.app == *app && theirs {
            Ok(())
        } else {
            Err(Error::not_found(field))
        }
    }

    /// Returns the caller as part of a key: the user's id, or `-/-` for the app itself, which is no
    /// user's id because those have no `/`.
    #[must_use]
    pub fn key_segment(&self) -> &str {
        self.user.as_ref().map_or("-/-", UserId::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staff_have_every_scope_of_their_app_and_nobody_else_has_theirs() {
        let app: AppId = "market".parse().expect("an app");
        let managing = Scope::of("pay:manage");
        let staff = Caller::app(app.clone()).with_scope(Scope::STAFF);
        assert!(staff.has(&managing) && staff.require(&managing).is_ok());
        let manager = Caller::app(app.clone()).with_scope(managing.clone());
        assert!(manager.has(&managing) && !manager.has(&Scope::STAFF));
        assert!(!Caller::app(app).has(&managing));
        let elsewhere = "elsewhere".parse().expect("an app");
        let mei = "mei".parse().expect("a user");
        assert!(staff.require_owner("intent", &elsewhere, &mei).is_err());
    }
}
