use std::time::Duration;

use mp_core::{Error, ErrorKind};
use mp_pay::{
    IntentId, PayError, PaymentIntent,
    payments::{
        CancelIntent, CaptureIntent, ConfirmIntent, CreateIntent, IncreaseIntent, RefundIntent,
    },
};

use crate::{
    dice::Dice,
    shop::{COMMANDS_EACH, Shop, intent_near},
    support::{eur, idem, mei, method, staff},
};

/// What a payment is over, in cents.
pub(crate) const PRICE: i64 = 100;

/// What payers pay with; most have what they need.
const TOKENS: [&str; 10] = [
    "pm_ok",
    "pm_ok",
    "pm_ok",
    "pm_ok",
    "pm_ok",
    "pm_timeout_before",
    "pm_declined",
    "pm_action",
    "pm_slow",
    "pm_timeout_after",
];

/// How long whoever is not answered waits before they ask again.
const PAUSE: Duration = Duration::from_millis(20);

/// How often whoever comes too early, such as before a payment is confirmed, comes again.
const EARLY_MAX: u32 = 8;

/// What the command of one number asks for: the same whichever process gives it, and however often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    number: u64,
    /// Which payment it is about.
    pub(crate) intent: u64,
    pub(crate) act: Act,
}

/// What is asked of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Confirm { token: &'static str },
    Capture { cents: i64, last: bool },
    Increase { cents: i64 },
    Refund { cents: i64 },
    Cancel,
}

impl Order {
    pub(crate) fn of(number: u64) -> Self {
        let dice = Dice::new(number);
        // Of the commands about a payment the first confirm it, for the most part.
        let act = match (number % COMMANDS_EACH, dice.below(10)) {
            (0..3, _) => Act::Confirm {
                token: TOKENS[dice.index(TOKENS.len())],
            },
            (3..6, 0..8) => Act::Capture {
                cents: dice.amount(),
                last: dice.below(4) == 0,
            },
            (3..6, _) => Act::Increase {
                cents: PRICE + dice.amount(),
            },
            (9, 0..3) => Act::Cancel,
            _ => Act::Refund {
                cents: dice.amount(),
            },
        };
        Self {
            number,
            intent: intent_near(number, dice.below(3)),
            act,
        }
    }

    /// Returns the key under which it is given, which no other command has.
    pub(crate) fn key(&self) -> String {
        format!("command-{}", self.number)
    }

    /// Gives the command until it is decided.
    pub(crate) async fn give(&self, shop: &Shop) -> Result<(), PayError> {
        let intent = loop {
            match create(shop, self.intent).await {
                Ok(created) => break created.id,
                Err(error) if is_open(&error) => tokio::time::sleep(PAUSE).await,
                Err(error) => return Err(error),
            }
        };
        let mut early = 0;
        loop {
            match self.give_once(shop, intent).await {
                Err(error) if is_open(&error) => {}
                Err(PayError::UnexpectedState { .. }) if early < EARLY_MAX => early += 1,
                answer => return answer,
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn give_once(&self, shop: &Shop, intent: IntentId) -> Result<(), PayError> {
        let (payments, key) = (&shop.payments, idem(&self.key()));
        match self.act {
            Act::Confirm { token } => {
                let confirm = ConfirmIntent::of(intent).with_payment_method(method(token));
                payments.confirm(&mei(), confirm, &key).await.map(drop)
            }
            Act::Capture { cents, last } => {
                let mut capture = CaptureIntent::of(intent).with_amount(eur(cents));
                if !last {
                    capture = capture.with_more_to_come();
                }
                payments.capture(&staff(), capture, &key).await.map(drop)
            }
            Act::Increase { cents } => {
                let increase = IncreaseIntent::to(intent, eur(cents));
                payments.increase(&staff(), increase, &key).await.map(drop)
            }
            Act::Refund { cents } => {
                let refund = RefundIntent::of(intent).with_amount(eur(cents));
                payments.refund(&staff(), refund, &key).await.map(drop)
            }
            Act::Cancel => {
                let cancel = CancelIntent::of(intent);
                payments.cancel(&staff(), cancel, &key).await.map(drop)
            }
        }
    }
}

/// Creates a payment, or finds the one that was created: half of them are held first.
pub(crate) async fn create(shop: &Shop, intent: u64) -> Result<PaymentIntent, PayError> {
    let mut create = CreateIntent::of(eur(PRICE));
    if intent.is_multiple_of(2) {
        create = create.with_manual_capture();
    }
    let key = idem(&format!("payment-{intent}"));
    shop.payments.create_intent(&mei(), create, &key).await
}

/// Returns whether nobody knows whether it took effect, or it did not and can be asked again.
fn is_open(error: &PayError) -> bool {
    let kind = Error::from(error.clone()).kind();
    matches!(kind, ErrorKind::Unavailable | ErrorKind::Unknown)
}
