//! Baskets, orders, returns and receipts: a capability that a host adds of its own.
//!
//! It stands on the same ground as the suite's own: pure decisions committed by the
//! [`Engine`](mp_core::Engine), due work for what spans two partitions, the
//! [`Settlement`](mp_core::port::Settlement) port for money, and one list of operations for every
//! face of the [`Host`](mp_core::host::Host).
//!
//! ```
//! use std::sync::Arc;
//! use mp_core::{Caller, Engine, amount::{Currency, Money}, clock::SystemClock};
//! use mp_core::{entropy::SystemEntropy, store::MemoryStore};
//! use mp_examples::orders::{AddLine, CashDesk, Menu, Orders, PayOutcome};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (store, entropy) = (Arc::new(MemoryStore::new()), Arc::new(SystemEntropy::new()));
//! let engine = Engine::new(store, Arc::new(SystemClock), entropy);
//! let desk = Arc::new(CashDesk::new(engine.clock().clone()));
//! let price = Money::new(6_000, Currency::TWD);
//! let menu = Menu::new().with("noodles".parse()?, "beef".parse()?, "Beef noodles".parse()?, price)?;
//! let orders = Orders::new(&engine, desk, menu);
//!
//! let mei = Caller::user("market".parse()?, "mei".parse()?);
//! let line = AddLine { shop: "noodles".parse()?, item: "beef".parse()?, count: 2 };
//! orders.add_line(&mei, &line, &"key-1".parse()?).await?;
//! let order = orders.place(&mei, &"key-2".parse()?).await?;
//! assert!(matches!(orders.pay(&mei, order.id()).await?, PayOutcome::Paid { .. }));
//! assert_eq!(orders.receipt(&mei, order.id()).await?.paid.to_string(), "120.00 TWD");
//! # Ok(()) }
//! ```
//!
//! # The nouns
//!
//! - [`Menu`]: what the shops sell, and for how much. The host hands it in.
//! - [`Basket`], partition `{app}/basket/{user}`: lines of one shop, gathered.
//! - [`Order`], partition `{app}/order/{order id}`: lines, prices and total as they were when it was
//!   placed; its [`OrderState`], its [`Payment`] and its [`Return`].
//! - [`Receipt`]: what was ordered, paid and given back.
//!
//! # From basket to order
//!
//! The two are partitions of their own, and nothing is atomic across partitions. So placing is
//! decided in the basket alone: one commit empties it, remembers the answer under the caller's key,
//! and leaves a message with the whole order, whose id is derived from the caller, the key and the
//! basket's version. Then the message is carried out: the order is created unless it is there. The
//! service does that at once; if it is cut off in between, the same call again does it, or the
//! worker with [`Orders::handlers`], whoever comes first. An order is neither placed twice, not
//! even under another key, since the basket is empty by then, nor lost.
//!
//! # Money
//!
//! Everything that is asked of the settlement follows from the stored order: its id is the
//! payment's key, its total the amount, its [`Order::pay_by`] the deadline. So after a crash the
//! same is asked again, under the same key, and money moves once. What was observed is committed
//! together with the state that follows from it.
//!
//! # What it does not do
//!
//! It keeps no stock (that is `mp_core::capacity`), gives no discounts, and takes back whole orders
//! only.

mod basket;
mod cash_desk;
mod line;
mod menu;
mod operation;
mod order;
mod payment;
mod placement;
mod receipt;
mod returns;
mod service;
mod settling;
mod state;

pub use self::{
    basket::{Basket, LINES_MAX},
    cash_desk::CashDesk,
    line::{COUNT_MAX, Line},
    menu::{Menu, PRICE_MAX},
    operation::{AddLine, ORDER_READ, ORDER_WRITE},
    order::{Order, OrderId, PAYMENT_TIME},
    payment::{PayOutcome, Payment},
    receipt::{Receipt, ReceiptLine},
    returns::Return,
    service::Orders,
    state::{IllegalTransition, OrderEvent, OrderState},
};

#[cfg(test)]
mod tests;
