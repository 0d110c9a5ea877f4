use std::{fmt, time::Duration};

use mp_core::{
    Error, ErrorKind, Timestamp,
    port::{Secured, Settled, Settlement, SettlementKey},
};

use crate::{
    dice::Dice,
    seat::{CALLS_EACH, Seat},
    support::{app, eur},
};

/// How long whoever is not told the end of it waits before they ask again, and how often they do.
const PAUSE: Duration = Duration::from_millis(20);
const TRIES: u32 = 60;

/// What the call of one number asks for: the same whichever process makes it, and however often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) seat: Seat,
    pub(crate) act: Act,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Secure,
    Settle,
    Release,
    GiveBack { part: u64, cents: i64 },
}

/// What a caller was told in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Secured,
    Settled,
    /// It never will be.
    Declined,
    Released,
    GivenBack,
    /// Nothing was given back under this name, nor will be.
    Refused,
    /// Nobody knew in time.
    Open,
    /// Something that the port does not say.
    Broken,
}

impl Call {
    pub(crate) fn of(number: u64) -> Self {
        let dice = Dice::new(number);
        let seat = Seat(number / CALLS_EACH);
        let act = match number % CALLS_EACH {
            0 | 1 => Act::Secure,
            2..4 => Act::Settle,
            4 if dice.below(4) == 0 => Act::Secure,
            5 if seat.is_let_go() => Act::Release,
            6 if seat.is_let_go() && dice.below(2) == 0 => Act::Release,
            6 | 7 => Act::GiveBack {
                part: dice.below(2),
                cents: seat.price() / 4,
            },
            _ => Act::Settle,
        };
        Self { seat, act }
    }

    /// Makes the call until the answer is final, or its patience is over.
    pub(crate) async fn make(&self, port: &dyn Settlement, began: Timestamp) -> Told {
        for _ in 0..TRIES {
            match self.make_once(port, began).await {
                Ok(Told::Open) => {}
                Ok(told) => return told,
                Err(error) if is_open(&error) => {}
                Err(error) => {
                    eprintln!("{self:?}: {error}");
                    return Told::Broken;
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
        Told::Open
    }

    async fn make_once(&self, port: &dyn Settlement, began: Timestamp) -> Result<Told, Error> {
        let (app, key) = (app(), self.seat.key());
        Ok(match self.act {
            Act::Secure => match port.secure(&self.seat.request(began)).await? {
                Secured::Secured => Told::Secured,
                Secured::Declined(_) => Told::Declined,
                _ => Told::Open,
            },
            Act::Settle => match port.settle(&app, &key).await {
                Ok(Settled::Settled) => Told::Settled,
                Ok(Settled::Declined(_)) => Told::Declined,
                Ok(_) => Told::Open,
                Err(error) if error.code() == "not_found" => Told::Open,
                Err(error) => return Err(error),
            },
            Act::Release => {
                port.release(&app, &key).await?;
                Told::Released
            }
            Act::GiveBack { part, cents } => {
                let part = of_part(part);
                let given = port.give_back(&app, &key, &part, eur(cents));
                match given.await {
                    Ok(()) => Told::GivenBack,
                    Err(error) if error.kind() == ErrorKind::Refused => Told::Refused,
                    Err(error) if error.code() == "not_found" => Told::Open,
                    Err(error) => return Err(error),
                }
            }
        })
    }
}

fn of_part(part: u64) -> SettlementKey {
    format!("part-{part}").parse().expect("a key")
}

/// Returns whether nobody knows whether it took effect, or it did not and can be asked again.
fn is_open(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Unknown)
}

impl Told {
    const ALL: [Self; 8] = [
        Self::Secured,
        Self::Settled,
        Self::Declined,
        Self::Released,
        Self::GivenBack,
        Self::Refused,
        Self::Open,
        Self::Broken,
    ];

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|told| told.to_string() == text)
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
