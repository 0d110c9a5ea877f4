//! [`Links`]: makes, checks and opens share links.

mod base_url;
mod operations;
mod record;
mod sharer;

use std::sync::Arc;

use mp_core::{
    Caller, Command, Decision, Edits, Engine, Error, Family, Timestamp,
    id::{AppId, IdempotencyKey, UserId},
    idempotency::Idempotency,
    sign::KeyRing,
    store::Partition,
};
use serde::{Deserialize, Serialize};
use url::Url;

pub use self::record::Opening;
#[cfg(test)]
pub(crate) use self::record::{CampaignBook as Book, OwnNumber, Sharer as Sharing};
use self::{
    base_url::BaseUrl,
    record::{CampaignBook, Sharer, opening_key, sharer_key},
    sharer::Numbers,
};
use crate::{
    error::ShareError,
    link::{Campaign, ShareLink, SharerNumber, Subject},
    token::Token,
};

/// The most sharers of one campaign; whoever comes after them is refused as
/// [`CampaignFull`](ShareError::CampaignFull), and has to be given another campaign.
pub const SHARERS_MAX: u32 = 100_000;

/// The most openers of one campaign that are remembered; later ones open links all the same.
pub const OPENERS_MAX: u32 = 100_000;

/// Makes, checks and opens the share links of every app of a host.
///
/// Checking needs no store. Making notes the sharer's number, opening notes whose link somebody
/// opened first in a campaign: both in the partition `{app}/link/{campaign}`, so a host numbers
/// its campaigns, by day or by offer, and none grows beyond [`SHARERS_MAX`] and [`OPENERS_MAX`]. That
/// holds for [`Campaign::NONE`] too: an app that lets everybody share has to name campaigns.
#[derive(Clone, Debug)]
pub struct Links {
    engine: Engine,
    ring: Arc<KeyRing>,
    base: BaseUrl,
}

/// What a new link leads to, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewLink {
    /// What it leads to.
    pub subject: Subject,
    /// The campaign it counts for.
    pub campaign: Campaign,
    /// From when on it is refused; cut to a whole second, no later than the year 2106.
    pub expires_at: Timestamp,
}

/// A link that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Minted {
    /// What it says.
    pub link: ShareLink,
    /// How it travels.
    pub token: Token,
}

/// A link that somebody opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// What it says.
    pub link: ShareLink,
    /// Whose link it is, if it is not the app's own.
    pub sharer: Option<UserId>,
    /// Whether it is the first link of the campaign that the caller opened, and was noted as such by this
    /// call, or by one [under the same key](Links::open_once). Which link was noted, however often it is
    /// opened, [`Links::first_opening`] tells.
    pub is_first: bool,
}

/// What opening a link changed.
#[derive(Debug, Deserialize, Serialize)]
struct Noted {
    sharer: Option<UserId>,
    is_first: bool,
}

impl Links {
    /// Signs with the ring's active key and makes URLs under `base_url`, such as
    /// `https://m.example/`.
    ///
    /// # Errors
    ///
    /// `invalid_field` if the base URL is not of the form `https://host/`, with a path of capitals
    /// at most.
    pub fn new(engine: &Engine, ring: KeyRing, base_url: &str) -> Result<Self, ShareError> {
        Ok(Self {
            engine: engine.clone(),
            ring: Arc::new(ring),
            base: BaseUrl::parse(base_url)?,
        })
    }

    /// Makes a link that the caller shares; without a signed-in user, one of the app's own.
    ///
    /// The same caller and the same link make the same token, so repeating this is harmless. Once the
    /// expiry has come it is refused, whether the link was made before or not: it leads nowhere any more.
    ///
    /// # Errors
    ///
    /// `invalid_field` if the expiry, once cut, is not in the future or after 2106;
    /// [`ShareError::CampaignFull`]; the store's errors.
    pub async fn mint(&self, caller: &Caller, new: NewLink) -> Result<Minted, ShareError> {
        let whole = new.expires_at.as_micros() / 1_000_000;
        let expires_at = Timestamp::from_micros(whole * 1_000_000);
        if expires_at <= self.engine.now() || whole > i64::from(u32::MAX) {
            return Err(Error::invalid("expires_at", "is not in the future, or after 2106").into());
        }
        let sharer = match caller.user_id() {
            Some(user) => Some(self.number(caller.app_id(), new.campaign, user).await?),
            None => None,
        };
        let link = ShareLink {
            subject: new.subject,
            campaign: new.campaign,
            sharer,
            expires_at,
        };
        let token = Token::sign(&self.ring, caller.app_id(), &link);
        Ok(Minted { link, token })
    }

    /// Returns the URL of a token, all in capitals and digits: `HTTPS://HOST/{token}`.
    #[must_use]
    pub fn url(&self, token: &Token) -> String {
        self.base.join(&token.base32())
    }

    /// Returns the link that a token or a URL of this host holds, if it was signed for the app and
    /// has not expired. No store is asked.
    ///
    /// # Errors
    ///
    /// [`ShareError::Malformed`], [`ShareError::UnknownKey`], [`ShareError::BadSignature`],
    /// [`ShareError::Expired`].
    pub fn verify(&self, app: &AppId, text: &str, now: Timestamp) -> Result<ShareLink, ShareError> {
        self.token(text)?.verify(&self.ring, app, now)
    }

    /// Returns the token in a text: the token alone, or a URL of this host.
    ///
    /// # Errors
    ///
    /// [`ShareError::Malformed`].
    pub fn token(&self, text: &str) -> Result<Token, ShareError> {
        if !text.contains(':') {
            return Token::parse(text);
        }
        let url = Url::parse(text).map_err(|_| ShareError::Malformed)?;
        Token::parse(&self.base.token(&url).ok_or(ShareError::Malformed)?)
    }

    /// Opens a link for the signed-in caller, and notes whose link of the campaign was their first.
    ///
    /// One's own link and a link that was opened before note nothing. Repeated after an answer that was
    /// lost, it does not tell that the link was the first: for that [`open_once`](Self::open_once) takes
    /// a key.
    ///
    /// # Errors
    ///
    /// `unauthenticated`; as [`verify`](Self::verify); the store's errors.
    pub async fn open(&self, caller: &Caller, text: &str) -> Result<Opened, ShareError> {
        self.open_under(caller, text, None).await
    }

    /// Opens a link as [`open`](Self::open) does, once per key: under the same key it is answered alike,
    /// though it is not new any more or has expired meanwhile, as long as its
    /// [answer is remembered](mp_core::idempotency::IDEMPOTENCY_MEMORY).
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); `idempotency_conflict` for another link under the same key.
    pub async fn open_once(
        &self,
        caller: &Caller,
        text: &str,
        key: &IdempotencyKey,
    ) -> Result<Opened, ShareError> {
        self.open_under(caller, text, Some(key)).await
    }

    async fn open_under(
        &self,
        caller: &Caller,
        text: &str,
        key: Option<&IdempotencyKey>,
    ) -> Result<Opened, ShareError> {
        let opener = caller.signed_in()?.clone();
        let link = self.token(text)?;
        let link = link.signed_link(&self.ring, caller.app_id())?;
        let once = key.map(|key| Idempotency::new(caller, "share.open_link", key, &link));
        let noted = self
            .note(caller.app_id(), opener, link, once.transpose()?)
            .await?;
        Ok(Opened {
            link,
            sharer: noted.sharer,
            is_first: noted.is_first,
        })
    }

    /// Returns the first link of a campaign that a user opened: so a referral can be told.
    ///
    /// # Errors
    ///
    /// `not_found` if neither the user nor staff asks; the store's errors.
    pub async fn first_opening(
        &self,
        caller: &Caller,
        campaign: Campaign,
        user: &UserId,
    ) -> Result<Option<Opening>, ShareError> {
        caller.require_owner("user", caller.app_id(), user)?;
        let key = opening_key(user);
        let command = Command::on(partition(caller.app_id(), campaign)?).key(&key);
        let opening = self.engine.read(command).await?.get::<Opening>(&key)?;
        Ok(opening.as_deref().cloned())
    }

    /// Returns the user's number in a campaign, and gives out a new one if there is none yet.
    async fn number(
        &self,
        app: &AppId,
        campaign: Campaign,
        user: &UserId,
    ) -> Result<SharerNumber, ShareError> {
        let numbers = Numbers::new(app, campaign, user, self.engine.random());
        let command = numbers.reads(Command::on(partition(app, campaign)?));
        let decide = move |family: &Family, _| numbers.give(family);
        Ok(self.engine.run(command, decide).await?.answer)
    }

    async fn note(
        &self,
        app: &AppId,
        opener: UserId,
        link: ShareLink,
        once: Option<Idempotency>,
    ) -> Result<Noted, ShareError> {
        let on = Command::on(partition(app, link.campaign)?).key(&opening_key(&opener));
        let on = match once {
            Some(once) => on.once(once),
            None => on,
        };
        let command = link
            .sharer
            .iter()
            .fold(on, |command, number| command.key(&sharer_key(*number)));
        let decide = move |family: &Family, now| note_opening(family, &opener, &link, now);
        Ok(self.engine.run(command, decide).await?.answer)
    }
}

fn note_opening(
    family: &Family,
    opener: &UserId,
    link: &ShareLink,
    now: Timestamp,
) -> Result<Decision<Noted>, ShareError> {
    let link = link.unless_expired(now)?;
    let sharer = match link.sharer {
        Some(number) => family.get::<Sharer>(&sharer_key(number))?,
        None => None,
    };
    let sharer = sharer.map(|sharer| sharer.user.clone());
    let key = opening_key(opener);
    let book = book(family)?;
    let is_first = family.get::<Opening>(&key)?.is_none()
        && sharer.as_ref() != Some(opener)
        && book.openers < OPENERS_MAX;
    let mut edits = Edits::new();
    if is_first {
        let opening = Opening {
            sharer: sharer.clone(),
            subject: link.subject,
            opened_at: now,
        };
        edits.put(&key, opening);
        edits.put_root(CampaignBook {
            openers: book.openers + 1,
            ..book
        });
    }
    Ok(edits.answer(Noted { sharer, is_first }))
}

fn book(family: &Family) -> Result<CampaignBook, Error> {
    Ok(family
        .root::<CampaignBook>()?
        .as_deref()
        .cloned()
        .unwrap_or_default())
}

fn partition(app: &AppId, campaign: Campaign) -> Result<Partition, Error> {
    Partition::new(app, "link", &campaign.to_string())
}

#[cfg(test)]
mod tests;
