//! Bugs in what a payer is asked for.

use async_trait::async_trait;

use super::{
    Bug,
    bug::{Answer, Inner},
    declaring::ALL,
};
use crate::{
    backend::{
        BackendError, BackendErrorKind, Capabilities, ChargeRequest, Lookup, LookupRequest,
        NextAction, NextActionKind, Outcome,
    },
    operation::OperationKey,
    payments::Notice,
};

/// Asks a payer to open a page, and has declared codes only.
#[derive(Debug, Default)]
pub struct AsksForWhatItDidNotDeclare;

#[async_trait]
impl Bug for AsksForWhatItDidNotDeclare {
    const CAN: Capabilities = ALL.with_next_actions(&[NextActionKind::QrCode]);

    async fn charge(&self, backend: &Inner, request: &ChargeRequest) -> Answer {
        or_ask(backend.charge(request).await)
    }
}

/// Asks a payer to open a page, and has declared that it asks for nothing.
#[derive(Debug, Default)]
pub struct AsksThoughItDeclaredNothing;

#[async_trait]
impl Bug for AsksThoughItDeclaredNothing {
    const CAN: Capabilities = ALL.with_next_actions(&[]);

    async fn charge(&self, backend: &Inner, request: &ChargeRequest) -> Answer {
        or_ask(backend.charge(request).await)
    }
}

/// Asks a payer to open a page where it is to say that it never does.
fn or_ask(answer: Answer) -> Answer {
    match answer {
        Err(error) if error.kind() == BackendErrorKind::Unsupported => {
            let url = "https://bank.example/3ds".to_owned();
            Ok(Outcome::needs_action(NextAction::Redirect { url }))
        }
        answer => answer,
    }
}

/// Has a code to scan for a payer once it is asked about, and has declared pages only.
#[derive(Debug, Default)]
pub struct AsksForMoreWhenAskedAbout;

#[async_trait]
impl Bug for AsksForMoreWhenAskedAbout {
    const CAN: Capabilities = ALL.with_next_actions(&[NextActionKind::Redirect]);

    async fn lookup(
        &self,
        backend: &Inner,
        request: &LookupRequest,
    ) -> Result<Lookup, BackendError> {
        Ok(match backend.lookup(request).await? {
            Lookup::Found(found) => Lookup::Found(with_a_code(found)),
            lookup => lookup,
        })
    }
}

/// Reads from a webhook that the payer is to scan a code, and has declared pages only.
#[derive(Debug, Default)]
pub struct ReadsAnotherActionFromWebhooks;

impl Bug for ReadsAnotherActionFromWebhooks {
    const CAN: Capabilities = ALL.with_next_actions(&[NextActionKind::Redirect]);

    fn notices(notices: Vec<Notice>) -> Vec<Notice> {
        let read = |Notice { operation, outcome }| Notice {
            operation,
            outcome: with_a_code(outcome),
        };
        notices.into_iter().map(read).collect()
    }
}

/// Tells of a code to scan where a page is to be opened.
fn with_a_code(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::NeedsAction { reference, .. } => Outcome::NeedsAction {
            action: NextAction::QrCode {
                content: "https://bank.example/3ds".to_owned(),
                expires_at: None,
            },
            reference,
        },
        outcome => outcome,
    }
}

/// Sends a payer to its test server.
#[derive(Debug, Default)]
pub struct SendsPayersToItsTestServer;

impl Bug for SendsPayersToItsTestServer {
    fn answer(&self, _: &OperationKey, answer: Answer) -> Answer {
        Ok(match answer? {
            Outcome::NeedsAction {
                action: NextAction::Redirect { .. },
                reference,
            } => Outcome::NeedsAction {
                action: NextAction::Redirect {
                    url: "http://10.0.0.7:8080/3ds".to_owned(),
                },
                reference,
            },
            outcome => outcome,
        })
    }
}
