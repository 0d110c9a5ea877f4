//! The provider: a desk that keeps vouchers, at the other end of a line that can break.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use mp_core::amount::{Currency, Money};
use mp_pay::{
    conformance::{Fault, Provider},
    method::PaymentMethodToken,
};

/// What the desk is asked; each order has a number, and is carried out once.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    Pay { voucher: String, cents: i64 },
    Refund { paid: String, cents: i64 },
    Cancel { paid: String },
    Ask,
}

/// What it answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Reply {
    Done { cents: i64 },
    Refused(&'static str),
    NoSuchOrder,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub(crate) enum LineError {
    #[error("nobody answers the line")]
    NobodyThere,
    #[error("the line broke")]
    Broken,
    /// The desk heard nothing but the password: the order was not taken.
    #[error("the desk does not take this password")]
    WrongPassword,
}

/// What the desk has written down.
#[derive(Debug, Default)]
struct Books {
    vouchers: BTreeMap<String, i64>,
    paid: BTreeMap<String, (String, i64)>,
    replies: BTreeMap<String, Reply>,
    requests: u64,
    fault: Option<Fault>,
}

/// The desk; whoever has a clone of it has a line to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Desk(Arc<Mutex<Books>>);

/// What the desk wants to hear first.
pub(crate) const PASSWORD: &str = "open-sesame-1984";

impl Desk {
    /// Opens a desk that keeps one voucher.
    pub(crate) fn with_voucher(voucher: &str, cents: i64) -> Self {
        let desk = Self::default();
        desk.books(|books| books.vouchers.insert(voucher.to_owned(), cents));
        desk
    }

    /// Lays a line to the desk, on which this is said for the password.
    pub(crate) fn line(&self, password: &str) -> Line {
        let desk = self.clone();
        let password = password.to_owned();
        Line { desk, password }
    }

    fn books<T>(&self, act: impl FnOnce(&mut Books) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A line to the desk.
pub(crate) struct Line {
    desk: Desk,
    password: String,
}

/// Written by hand, as a derived one would print the password.
impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line(***)")
    }
}

impl Line {
    /// Takes an order to the desk, and its reply back.
    pub(crate) async fn send(&self, order: String, request: Request) -> Result<Reply, LineError> {
        if self.password != PASSWORD {
            return Err(LineError::WrongPassword);
        }
        let desk = self.desk.clone();
        let fault = desk.books(|books| books.fault.take_if(|fault| *fault != Fault::Decline));
        match fault {
            Some(Fault::Refuse) => return Err(LineError::NobodyThere),
            Some(Fault::LoseRequest) => return Err(LineError::Broken),
            _ => desk.books(|books| books.requests += 1),
        }
        // Once it has arrived, it is carried out, whether or not anybody waits for the reply.
        let handled = tokio::spawn(async move {
            if let Some(Fault::Delay(time)) = fault {
                tokio::time::sleep(time).await;
            }
            desk.books(|books| books.handle(order, request))
        });
        match (fault, handled.await) {
            (Some(Fault::LoseAnswer), _) | (_, Err(_)) => Err(LineError::Broken),
            (_, Ok(reply)) => Ok(reply),
        }
    }
}

impl Books {
    /// Replies to an order's number as the first time, or carries the order out.
    fn handle(&mut self, order: String, request: Request) -> Reply {
        if let Some(reply) = self.replies.get(&order) {
            return *reply;
        }
        let closed = self.fault.take_if(|fault| *fault == Fault::Decline);
        let done = match request {
            Request::Ask => return Reply::NoSuchOrder,
            _ if closed.is_some() => Err("desk_closed"),
            Request::Pay { voucher, cents } => self.pay(&order, voucher, cents),
            Request::Refund { paid, cents } => self.refund(&paid, cents),
            Request::Cancel { paid } => self.cancel(paid),
        };
        let reply = done.map_or_else(Reply::Refused, |cents| Reply::Done { cents });
        self.replies.insert(order, reply);
        reply
    }

    fn pay(&mut self, order: &str, voucher: String, cents: i64) -> Result<i64, &'static str> {
        let worth = self.vouchers.get_mut(&voucher).ok_or("no_such_voucher")?;
        *worth = less(*worth, cents).ok_or("voucher_empty")?;
        self.paid.insert(order.to_owned(), (voucher, cents));
        Ok(cents)
    }

    fn refund(&mut self, paid: &str, cents: i64) -> Result<i64, &'static str> {
        let (voucher, left) = self.paid.get_mut(paid).ok_or("nothing_paid")?;
        *left = less(*left, cents).ok_or("more_than_was_paid")?;
        *self.vouchers.entry(voucher.clone()).or_default() += cents;
        Ok(cents)
    }

    /// Refuses an order beforehand, unless it was carried out.
    fn cancel(&mut self, paid: String) -> Result<i64, &'static str> {
        match self
            .replies
            .entry(paid)
            .or_insert(Reply::Refused("canceled"))
        {
            Reply::Done { .. } => Err("already_paid"),
            Reply::Refused(_) | Reply::NoSuchOrder => Ok(0),
        }
    }
}

/// Returns what is left, if it is enough.
fn less(worth: i64, cents: i64) -> Option<i64> {
    worth.checked_sub(cents).filter(|left| *left >= 0)
}

/// The desk as the conformance kit sees it.
#[async_trait]
impl Provider for Desk {
    fn accepted(&self) -> PaymentMethodToken {
        PaymentMethodToken::new("voucher-1").expect("letters make a token")
    }

    fn declined(&self) -> Option<PaymentMethodToken> {
        PaymentMethodToken::new("no-voucher").ok()
    }

    async fn taken(&self, currency: Currency) -> Option<Money> {
        let taken = self.books(|books| books.paid.values().map(|(_, cents)| cents).sum());
        (currency == Currency::EUR).then(|| Money::new(taken, currency))
    }

    async fn requests(&self) -> Option<u64> {
        Some(self.books(|books| books.requests))
    }

    async fn inflict(&self, fault: &Fault) -> bool {
        self.books(|books| books.fault = Some(*fault));
        true
    }

    fn secrets(&self) -> Vec<String> {
        vec![PASSWORD.to_owned()]
    }
}
