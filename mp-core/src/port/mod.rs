//! What one capability asks of another, or of the host: small ports, joined by the host in a line.

mod notifier;
mod participant;
mod settlement;

pub use self::{
    notifier::{Notification, Notifier},
    participant::{Confirmed, Participant, Reserved},
    settlement::{
        Declined, Fact, SecureRequest, Secured, Settled, Settlement, SettlementKey,
        SettlementListener, SettlementStatus,
    },
};
