//! Signed share links with QR codes, and group-buying that never over-fills, embedded in your app.
//!
//! ```
//! use std::sync::Arc;
//! use mp_core::{Caller, Engine, clock::SystemClock, entropy::SystemEntropy, store::MemoryStore};
//! use mp_core::sign::{KeyId, KeyRing, Secret};
//! use mp_share::{Campaign, Links, NewLink, Qr, Subject, qr::Correction};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Engine::new(
//!     Arc::new(MemoryStore::new()), Arc::new(SystemClock), Arc::new(SystemEntropy::new()),
//! );
//! let ring = KeyRing::new(KeyId::new(1)?, &Secret::new([7; 32])?); // from your secret store
//! let links = Links::new(&engine, ring, "https://m.example/")?;
//!
//! let (mei, ada) = ("mei".parse()?, "ada".parse()?);
//! let (mei, ada) = (Caller::user("market".parse()?, mei), Caller::user("market".parse()?, ada));
//! let menu = NewLink {
//!     subject: Subject::Page("menu".parse()?),
//!     campaign: Campaign::NONE,
//!     expires_at: engine.now().plus(std::time::Duration::from_secs(3_600)),
//! };
//! let minted = links.mint(&mei, menu).await?;
//! let url = links.url(&minted.token); // HTTPS://M.EXAMPLE/ and 72 capitals and digits
//! println!("{}", Qr::of(&url, Correction::Medium)?.terminal());
//!
//! let opened = links.open(&ada, &url).await?;
//! assert_eq!(opened.link.subject, menu.subject);
//! assert_eq!(opened.sharer.as_ref(), mei.user_id());
//! # Ok(()) }
//! ```
//!
//! # The nouns
//!
//! - A [`ShareLink`] says what it leads to, for which [`Campaign`], by which sharer, until when; it
//!   travels as a [`Token`](token::Token) of 45 signed bytes, and as a [`Qr`] code. [`Links`] makes,
//!   checks and opens them. Checking needs no store.
//! - An [`Offer`](offer::Offer) is cheaper when bought together; [`Offers`] keeps its stock.
//! - A [`Group`](group::Group) has as many seats as make it full. [`Groups`] opens and joins them. A
//!   [`Member`](member::Member)'s seat is taken first, then a piece of the stock, then the money is
//!   secured; all are kept when the last seat is paid for, and all are given back if the time is
//!   over before.
//!
//! # What is promised
//!
//! - A group never has more seats taken than its size, and an offer never more pieces held and
//!   sold than there are: over any number of processes, at every commit.
//! - Every payer ends with a confirmed seat or with everything back, whatever crashes; money that
//!   lands too late is given back.
//! - Members are given back their money independently: one whose refund is slow delays nobody.
//! - A seat whose money is told to be gone, because its hold has ended for instance, is free again: no
//!   group fills on it.
//! - A group past its deadline is over, whether or not a timer has run.
//!
//! # What the host supplies
//!
//! An [`Engine`](mp_core::Engine) over its store; the keys and the base URL of its links; a
//! [`Settlement`](mp_core::port::Settlement) that moves the money and a
//! [`Notifier`](mp_core::port::Notifier) that tells members `group.filled`, `group.expired`,
//! `group.canceled` and `group.seat_lost`; and a [`Worker`](mp_core::work::Worker) with
//! [`Groups::handlers`]. Every night, or groups are kept for ever, a
//! [`Retention`](mp_core::retention::Retention) with [`EndedGroups`](retention::EndedGroups).
//! [`Links::operations`] and [`Groups::operations`] plug into a [`Host`](mp_core::host::Host), under the
//! scopes [`share:read`](SHARE_READ), [`share:write`](SHARE_WRITE), [`group:read`](GROUP_READ),
//! [`group:write`](GROUP_WRITE) and, for merchants, [`group:sell`](GROUP_SELL). A `Host` asks for them; a typed
//! call asks only whose the thing is.
//!
//! The settlement tells what it learns later to [`Groups`], which are a
//! [`SettlementListener`](mp_core::port::SettlementListener). With `mp-pay` the same worker joins them, by
//! `PaymentsSettlement::handlers(Arc::new(groups.clone()))` or `LedgerSettlement::handlers`, which takes the
//! same, beside those of the payments or the ledger; where other capabilities share the settlement,
//! [`Listeners`](mp_core::port::Listeners) tell them all. Without it nobody is told: a group may fill on
//! a seat whose money is gone, a payment that was unknown for longer than due work asks for it goes on by
//! nothing else, and what is to be told waits in the store for ever.
//!
//! # What this crate does not do
//!
//! It does not move money itself, and pays no rewards: [`Links::first_opening`] tells who referred
//! whom, one level deep, and the host decides what that is worth. It does not shorten links or
//! count clicks, never completes a group with members who do not exist, and does not deliver what
//! was bought.
//!
//! The crate has no features.

pub mod error;
#[cfg(test)]
mod fixtures;
pub mod group;
pub mod groups;
pub mod link;
pub mod links;
pub mod member;
pub mod offer;
pub mod offers;
pub mod page;
pub mod qr;
pub mod retention;
mod scope;
mod seconds;
pub mod token;

pub use self::{
    error::{GroupError, ShareError},
    group::GroupId,
    groups::{GroupView, Groups},
    link::{Campaign, ShareLink, Subject},
    links::{Links, NewLink},
    offer::{OfferId, Terms},
    offers::Offers,
    qr::Qr,
    scope::{GROUP_READ, GROUP_SELL, GROUP_WRITE, SHARE_READ, SHARE_WRITE},
};
