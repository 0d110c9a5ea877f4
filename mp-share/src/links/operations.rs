use mp_core::{Caller, Timestamp, host::Operation, id::IdempotencyKey};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Links, NewLink};
use crate::{
    error::ShareError,
    link::{Campaign, ShareLink, Subject},
    qr::{Correction, Qr},
    scope::{SHARE_READ, SHARE_WRITE},
};

/// Asks for a link.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
struct MintLink {
    /// What it leads to.
    subject: Subject,
    /// The campaign it counts for; each has room for 100,000 sharers, and so has 0, which stands for none.
    #[serde(default)]
    campaign: Campaign,
    /// From when on it is refused. From then on it is not made either, nor made again: a repetition is
    /// `invalid_field` then, though the first call may have made it.
    expires_at: Timestamp,
}

#[derive(Debug, JsonSchema, Serialize)]
struct MintedLink {
    link: ShareLink,
    /// The link as a URL, all in capitals and digits.
    url: String,
    /// The token alone, for a launch parameter.
    token: String,
}

/// Names a link by its URL or its token.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
struct OpenLink {
    /// The URL or the token.
    link: String,
}

/// A link that was opened; whose it is, is the app's business and not shown.
#[derive(Debug, JsonSchema, Serialize)]
struct OpenedLink {
    link: ShareLink,
    /// Whether it is the first link of its campaign that the caller opened.
    is_first: bool,
}

/// Asks for a link's QR code.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
struct DrawQr {
    /// The URL or the token.
    link: String,
    /// How much of the code may be lost.
    #[serde(default)]
    correction: Correction,
}

#[derive(Debug, JsonSchema, Serialize)]
struct DrawnQr {
    /// What the code says.
    url: String,
    /// The version, 1 to 40.
    version: i16,
    /// The code as an SVG document.
    svg: String,
    /// The code as lines of half blocks for a terminal.
    terminal: String,
}

impl Links {
    /// Returns `share.mint_link`, `share.open_link` and `share.qr`, for a
    /// [`Host`](mp_core::host::Host).
    #[must_use]
    pub fn operations(&self) -> Vec<Operation> {
        let (mint, open, qr) = (self.clone(), self.clone(), self.clone());
        vec![
            Operation::reversible(
                "share.mint_link",
                "Makes a signed link that the caller shares.",
                SHARE_WRITE,
                move |caller, input, key| Self::mint_link(mint.clone(), caller, input, key),
            ),
            Operation::reversible(
                "share.open_link",
                "Opens a share link, and notes whose link was the caller's first.",
                SHARE_WRITE,
                move |caller, input, key| Self::open_link(open.clone(), caller, input, key),
            ),
            Operation::read(
                "share.qr",
                "Draws the QR code of a share link.",
                SHARE_READ,
                move |caller, input| Self::draw_qr(qr.clone(), caller, input),
            ),
        ]
    }

    /// Repeating it makes the same link, so the key is not needed; and an answer that is kept for a link
    /// that leads nowhere any more would be a record for nothing.
    async fn mint_link(
        self,
        caller: Caller,
        input: MintLink,
        _: IdempotencyKey,
    ) -> Result<MintedLink, ShareError> {
        let new = NewLink {
            subject: input.subject,
            campaign: input.campaign,
            expires_at: input.expires_at,
        };
        let minted = self.mint(&caller, new).await?;
        Ok(MintedLink {
            link: minted.link,
            url: self.url(&minted.token),
            token: minted.token.base64url(),
        })
    }

    async fn open_link(
        self,
        caller: Caller,
        input: OpenLink,
        key: IdempotencyKey,
    ) -> Result<OpenedLink, ShareError> {
        let opened = self.open_once(&caller, &input.link, &key).await?;
        Ok(OpenedLink {
            link: opened.link,
            is_first: opened.is_first,
        })
    }

    /// Draws links of this host and app only: it is no drawing board for others' URLs.
    async fn draw_qr(self, caller: Caller, input: DrawQr) -> Result<DrawnQr, ShareError> {
        let token = self.token(&input.link)?;
        token.verify(&self.ring, caller.app_id(), self.engine.now())?;
        let url = self.url(&token);
        let qr = Qr::of(&url, input.correction)?;
        Ok(DrawnQr {
            version: qr.version(),
            svg: qr.svg(),
            terminal: qr.terminal(),
            url,
        })
    }
}
