//! Virtual queue tickets with exact positions and honest wait quotes, embedded in your app.
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//! use mp_core::{Caller, Engine, Scope, clock::ManualClock, entropy::SystemEntropy, store::MemoryStore};
//! use mp_queue::{CallFrom, LaneSetup, LineId, LineSetup, QueueOptions, Queues};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let clock = Arc::new(ManualClock::at("2026-11-21T18:00:00Z".parse()?));
//! # let store = Arc::new(MemoryStore::new());
//! # let engine = Engine::new(store, clock, Arc::new(SystemEntropy::new()));
//! let queues = Queues::new(&engine, &QueueOptions::default());
//! let staff = Caller::user("market".parse()?, "chef".parse()?).with_scope(Scope::STAFF);
//! let mei = Caller::user("market".parse()?, "mei".parse()?);
//!
//! let line = LineId::new("noodles".parse()?, "2026-11-21".parse()?);
//! let small = LaneSetup::new("A".parse()?, 1, 4).with_interval(Duration::from_secs(120));
//! queues.open_line(&staff, &line, LineSetup::new(vec![small]), &"open".parse()?).await?;
//!
//! let joined = queues.join(&mei, &line, 2, &"tap-1".parse()?).await?.answer;
//! assert_eq!((joined.ticket.number.to_string(), joined.ahead), ("A001".to_owned(), 0));
//! let position = queues.position(&mei, &line, joined.ticket.id, Duration::ZERO).await?;
//! assert!(position.quote.expect("the pace is known").p50 < Duration::from_secs(120));
//!
//! let called = queues.call_next(&staff, &line, CallFrom::LongestWaiting, &"next-1".parse()?).await?;
//! queues.serve(&staff, &line, called.answer.id).await?;
//! # Ok(()) }
//! ```
//!
//! # The nouns
//!
//! - A [`Line`](line::Line) is one queue on one service day, a [`Lane`](line::Lane) a party-size
//!   class in it with numbers of its own (`A017`). Lines are opened from a [`LineSetup`].
//! - A [`Ticket`] is one party's place. It is waiting, called, then served, a no-show, or left
//!   ([`TicketState`] has the table). Inside a lane nobody is overtaken, ever.
//! - A [`Position`] says exactly how many wait before a ticket, whoever has left not counted.
//! - A [`Quote`] is a wait as an interval; the promised 90th percentile is counted as kept or not.
//! - [`Queues`] is the service.
//!
//! # What the host supplies
//!
//! A store, a clock and chance, in an [`Engine`](mp_core::Engine), inside a tokio runtime; who calls,
//! as a [`Caller`](mp_core::Caller). For notices a [`Notifier`](mp_core::port::Notifier), and a
//! [`Worker`](mp_core::work::Worker) with [`Queues::handlers`]: a stopped worker delays notices, but
//! a call past its grace is a no-show all the same. [`Queues::operations`] plugs into a
//! [`Host`](mp_core::host::Host), under the scopes [`queue:read`](QUEUE_READ), [`queue:write`](QUEUE_WRITE)
//! and [`queue:staff`](QUEUE_STAFF). The first two only a `Host` asks for; a typed call asks whose the ticket
//! is.
//!
//! Every night, or lines are kept for ever, a [`Retention`](mp_core::retention::Retention) with
//! [`PastLines`](retention::PastLines). It retires a line that somebody has
//! [closed](Queues::close_line), once its [day](ServiceDay) is over, and no other: close every line at the end
//! of its evening.
//!
//! # What it does not do
//!
//! It assigns no tables, knows no distances, and takes no parties without a user: for walk-ins the
//! host makes one up. It keeps no history across days; quotes learn anew in each line.
//!
//! # Features
//!
//! None.

mod desk;
mod error;
#[cfg(test)]
mod fixtures;
pub mod line;
mod operation;
mod position;
mod queues;
pub mod quote;
pub mod retention;
pub mod ticket;
mod work;

pub use self::{
    desk::{CallFrom, Joined},
    error::QueueError,
    line::{LaneSetup, LineId, LineSetup, ServiceDay},
    operation::{QUEUE_READ, QUEUE_WRITE},
    position::Position,
    queues::{QUEUE_STAFF, QueueOptions, Queues},
    quote::Quote,
    ticket::{Ticket, TicketId, TicketState},
};
