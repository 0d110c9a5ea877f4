//! Settlement reports as CSV: which column means what is a [`Mapping`], which is data.
//!
//! ```
//! use mp_core::amount::{Currency, Money};
//! use mp_pay::reconciliation::{LineKind, csv::{Mapping, ReportReader}};
//!
//! let mapping: Mapping = serde_json::from_str(r#"{
//!     "kind": "type", "amount": "gross", "fee": "fee", "currency": {"column": "currency"},
//!     "key": "order", "payout": "payout",
//!     "kinds": {
//!         "sale": {"kind": "charge"},
//!         "return": {"kind": "refund", "sign": "out"}
//!     }
//! }"#)?;
//! let file = "\
//! type,order,gross,fee,currency,payout
//! sale,pi_01HF7YAT000000000000000000-c1,12.50,0.39,eur,p1
//! return,,2.50,0,eur,p1
//! ";
//! let lines = ReportReader::new(file.as_bytes(), &mapping)?.collect::<Result<Vec<_>, _>>()?;
//! assert_eq!(lines[0].amount, Money::new(12_50, Currency::EUR));
//! assert_eq!((lines[0].fee, lines[1].kind), (39, LineKind::Refund));
//! assert_eq!(lines[1].amount, Money::new(-2_50, Currency::EUR));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Amounts are read exactly or refused. Whatever the bytes are, reading ends with lines or with a
//! [`ReadError`] that names the line and the column.

mod bounded;
mod error;
mod format;
mod header;
mod known;
mod mapping;
mod number;
mod reader;
mod row;
#[cfg(test)]
mod tests;

pub use self::{
    error::{Problem, ReadError},
    format::{AmountFormat, CurrencyOf, Sign, TimeFormat, TimeOf},
    mapping::{KindRule, Mapping},
    reader::{COLUMNS_MAX, LINES_MAX, ROW_MAX, ReportReader},
};
