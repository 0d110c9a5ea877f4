//! What one capability asks of another, or of the host: small ports, joined by the host in a line.

mod key;
mod listeners;
mod notifier;
mod participant;
mod payout;
mod settlement;

pub use self::{
    listeners::Listeners,
    notifier::{Notification, Notifier},
    participant::{Confirmed, Participant, Reserved},
    payout::{Destination, PaidOut, Payout, PayoutKey, PayoutRequest, PayoutStatus, Receiver},
    settlement::{
        Declined, Fact, SecureRequest, Secured, Settled, Settlement, SettlementKey,
        SettlementListener, SettlementStatus,
    },
};
