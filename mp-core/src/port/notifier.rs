use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    id::{AppId, UserId},
};

/// Something a user is told.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Notification {
    /// The same for the same occasion, after any crash: the host tells a user once per key.
    pub key: String,
    /// The app that tells.
    pub app: AppId,
    /// Who is told.
    pub user: UserId,
    /// What it is about, such as `queue.called`; the host has a text for it in the user's language.
    pub topic: String,
    /// What the text is filled in with.
    pub details: serde_json::Value,
}

/// Tells users things; the host implements it with its own push, mail or message service.
///
/// # Contract
/// 1. *Once per key.* The same key may be handed over again; the user is told once.
/// 2. *Refused for good is taken.* What can never be told, such as to a user who has gone or who wants to
///    hear nothing, is answered with `Ok`: every error, of whatever kind, is for now.
#[async_trait]
pub trait Notifier: fmt::Debug + Send + Sync + 'static {
    /// Takes a notification; `Ok` means that it need not be handed over again.
    ///
    /// # Errors
    ///
    /// Any; it is handed over again after a pause, and put before a person when that was often in vain.
    async fn notify(&self, notification: &Notification) -> Result<(), Error>;
}
