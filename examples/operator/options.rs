use std::path::PathBuf;

use clap::{Parser, Subcommand};
use mp_core::id::{AppId, Name};
use mp_pay::{IntentId, webhook::WebhookId};

/// The name under which webhooks come in unless another is given.
pub(crate) const SOURCE: &str = "acme";

/// An operator's console on a store file; without one it lives an evening of its own and shows
/// everything.
#[derive(Clone, Debug, Parser)]
#[command(name = "operator", version)]
pub(crate) struct Options {
    /// The SQLite file to look at.
    #[arg(long)]
    pub(crate) file: Option<PathBuf>,

    /// Whose data.
    #[arg(long, default_value = "market")]
    pub(crate) app: AppId,

    /// The name under which the host takes in the provider's webhooks.
    #[arg(long, default_value = SOURCE)]
    pub(crate) source: Name,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows an intent and everything that happened to it.
    Intent {
        /// Which.
        intent: IntentId,
    },
    /// Lists the operations of payments that wait for a person.
    Unresolved,
    /// Lists the work that was given up.
    Dead,
    /// Makes work that was given up due again.
    Redrive {
        /// Only work of this kind, such as `pay.operation`.
        #[arg(long)]
        kind: Option<String>,
    },
    /// Lists the webhooks that were accepted and could not be handled.
    Webhooks,
    /// Does what a webhook asks for after all.
    HandleWebhook {
        /// Which.
        webhook: WebhookId,
    },
    /// Puts a webhook aside that cannot be handled.
    DismissWebhook {
        /// Which.
        webhook: WebhookId,
    },
    /// Draws up the trial balance of all books.
    Trial,
    /// Goes over every book's journal, and names the first entry in each that was changed.
    Verify,
}
