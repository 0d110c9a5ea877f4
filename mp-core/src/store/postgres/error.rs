//! What a caller can do about an error of the server's, and whether anything was written.

use std::error::Error as StdError;

use tokio::time::error::Elapsed;
use tokio_postgres::{
    Error,
    error::{Severity, SqlState},
};

use super::refusal::is_distrust;
use crate::store::{StoreError, StoreErrorKind};

/// What became of a statement that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It was not run: there is no connection, or it was prepared for tables as they were.
    NotRun,
    /// Nothing was written, and the same again may do better at once: it met another transaction.
    Contended,
    /// Nothing was written.
    Refused(StoreErrorKind),
    /// It was sent, and the session ended before the answer came.
    Lost,
}

/// A statement that failed: what became of it, and why.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) fate: Fate,
    source: Box<dyn StdError + Send + Sync>,
}

impl Failure {
    pub(super) fn new(fate: Fate, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let source = source.into();
        Self { fate, source }
    }

    /// Creates the failure of a server that stays silent.
    pub(super) fn silence(error: Elapsed) -> Self {
        Self::new(Fate::Lost, error)
    }

    /// Returns the failure, given that it came before the statement was sent.
    pub(super) fn before_sending(mut self) -> Self {
        if self.fate == Fate::Lost {
            self.fate = Fate::NotRun;
        }
        self
    }

    /// Returns whether one statement of several that were put together may have brought it on all.
    pub(super) const fn may_be_of_one(&self) -> bool {
        match self.fate {
            Fate::Contended => true,
            Fate::Refused(kind) => !matches!(kind, StoreErrorKind::Full | StoreErrorKind::ReadOnly),
            Fate::NotRun | Fate::Lost => false,
        }
    }

    /// Returns the failure, given that whoever reports it had another carry the statement out: what
    /// was given up may be done all the same.
    pub(super) fn by_proxy(mut self) -> Self {
        if self.fate == Fate::Refused(StoreErrorKind::Unavailable) {
            self.fate = Fate::Lost;
        }
        self
    }

    /// Returns whether the session is of no more use.
    ///
    /// It is, if it was another server that was lost: a coordinator says so, and another session with
    /// it would be told the same.
    pub(super) fn ends_session(&self) -> bool {
        match self.fate {
            Fate::NotRun => true,
            Fate::Lost => !self.is_told_in_session(),
            // It is with a standby, or what was the primary: the next one asks for that anew.
            Fate::Refused(StoreErrorKind::ReadOnly) => {
                self.has_code(&SqlState::READ_ONLY_SQL_TRANSACTION)
            }
            Fate::Contended | Fate::Refused(_) => false,
        }
    }

    pub(super) fn has_code(&self, code: &SqlState) -> bool {
        let told = self.source.downcast_ref::<Error>();
        told.and_then(Error::code) == Some(code)
    }

    /// Returns whether somebody held a row for longer than was waited for it.
    pub(super) fn is_of_held_row(&self) -> bool {
        self.has_code(&SqlState::LOCK_NOT_AVAILABLE)
    }

    /// Returns whether the session was found to have ended, while the server may be well.
    ///
    /// Not so after a silence: it would as well come from the next session.
    pub(super) fn found_session_ended(&self) -> bool {
        self.ends_session() && self.source.is::<Error>()
    }

    fn is_told_in_session(&self) -> bool {
        let told = self.source.downcast_ref::<Error>();
        let severity = told.and_then(|told| told.as_db_error()?.parsed_severity());
        severity == Some(Severity::Error)
    }

    /// Says what a caller can do about it; `lost` is what the loss of the answer means.
    pub(super) fn store_error(self, op: &'static str, lost: StoreErrorKind) -> StoreError {
        let kind = match self.fate {
            Fate::NotRun | Fate::Contended => StoreErrorKind::Unavailable,
            Fate::Refused(kind) => kind,
            Fate::Lost => lost,
        };
        StoreError::new(kind, op, self.source)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(fate(&error), error)
    }
}

/// Returns what became of a statement that ended with this error.
///
/// One without a code is the driver's: the connection ended, or what came does not read.
fn fate(error: &Error) -> Fate {
    let code = error.code();
    code.map_or(Fate::Lost, |code| fate_of_code(code.code()))
}

/// The codes that mean something else than their class, then the classes, by the first two
/// characters (PostgreSQL documentation, appendix A).
fn fate_of_code(code: &str) -> Fate {
    use StoreErrorKind::{Corrupt, Full, Invalid, ReadOnly, Unavailable};
    match (code, class(code)) {
        // serialization_failure, deadlock_detected
        ("40001" | "40P01", _) => Fate::Contended,
        // statement_completion_unknown, transaction_resolution_unknown
        ("40003" | "08007", _) => Fate::Lost,
        // The server goes down, has crashed, or ends this session, whatever it was at.
        ("57P01" | "57P02" | "57P04" | "57P05" | "25P03" | "25P04", _) => Fate::Lost,
        // The tables have been changed since the statement was prepared.
        (_, "0A" | "26") => Fate::NotRun,
        ("25006" | "42501", _) => Fate::Refused(ReadOnly),
        ("53100", _) => Fate::Refused(Full),
        // program_limit_exceeded: a value or a row is larger than the engine can keep.
        (_, "54") => Fate::Refused(Invalid),
        // Something of another type, range or rule than ours stands in the tables, or they are
        // damaged or gone.
        (_, "22" | "23" | "42" | "3F" | "XX") => Fate::Refused(Corrupt),
        // connection_exception
        (_, "08") => Fate::Lost,
        // Cancelled, timed out, locked, out of memory or of connections, starting up, and the rest.
        _ => Fate::Refused(Unavailable),
    }
}

/// Returns whether the same connection attempt may do better a little later.
pub(super) fn is_passing(error: &Error) -> bool {
    error.code().map_or_else(
        || error.is_closed() || (is_io(error) && !is_distrust(error)),
        // Wrong name, password, database or schema: trying again could only lock somebody out.
        |code| !matches!(class(code.code()), "22" | "28" | "3D" | "3F" | "42"),
    )
}

fn class(code: &str) -> &str {
    code.get(..2).unwrap_or_default()
}

fn is_io(error: &Error) -> bool {
    error
        .source()
        .is_some_and(|source| source.is::<std::io::Error>())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each code means for a commit.
    const CODES: &[(&str, &[&str], Fate)] = &[
        (
            "another transaction was in the way: again",
            &["40001", "40P01"],
            Fate::Contended,
        ),
        (
            "the session ended while it was at it: nobody knows",
            &["08000", "08003", "08006", "08007", "08P01", "40003"],
            Fate::Lost,
        ),
        (
            "the server went down, crashed, dropped the database or the session: nobody knows",
            &["57P01", "57P02", "57P04", "57P05", "25P03", "25P04"],
            Fate::Lost,
        ),
        (
            "the tables are others than when it was prepared: it was not run",
            &["0A000", "26000"],
            Fate::NotRun,
        ),
        (
            "cancelled, timed out, locked, rolled back",
            &["57014", "55P03", "55006", "40000", "40002"],
            Fate::Refused(StoreErrorKind::Unavailable),
        ),
        (
            "no memory, no connection, not yet, a failing disk, a trigger of the host's",
            &[
                "53000", "53200", "53300", "53400", "57P03", "58000", "58030", "P0001",
            ],
            Fate::Refused(StoreErrorKind::Unavailable),
        ),
        (
            "the disk is full",
            &["53100"],
            Fate::Refused(StoreErrorKind::Full),
        ),
        (
            "a standby, or a role without the right",
            &["25006", "42501"],
            Fate::Refused(StoreErrorKind::ReadOnly),
        ),
        (
            "larger than the engine can keep",
            &["54000"],
            Fate::Refused(StoreErrorKind::Invalid),
        ),
        (
            "tables that are damaged, gone, or not ours",
            &[
                "22003", "22P02", "23502", "23505", "3F000", "42703", "42883", "42P01", "XX001",
            ],
            Fate::Refused(StoreErrorKind::Corrupt),
        ),
        (
            "what was never heard of",
            &["", "A", "ZZZZZ"],
            Fate::Refused(StoreErrorKind::Unavailable),
        ),
    ];

    #[test]
    fn every_code_says_what_to_do() {
        for (meaning, codes, fate) in CODES {
            for code in *codes {
                assert_eq!(fate_of_code(code), *fate, "{code}: {meaning}");
            }
        }
    }

    #[test]
    fn a_lost_answer_means_what_the_caller_says_it_does() {
        let kind = |fate, lost| {
            Failure::new(fate, "gone")
                .store_error("commit", lost)
                .kind()
        };
        let unknown = StoreErrorKind::Unknown;
        assert_eq!(kind(Fate::Lost, unknown), unknown);
        assert_eq!(kind(Fate::NotRun, unknown), StoreErrorKind::Unavailable);
        assert_eq!(kind(Fate::Contended, unknown), StoreErrorKind::Unavailable);
        let unavailable = StoreErrorKind::Unavailable;
        assert_eq!(kind(Fate::Lost, unavailable), unavailable);
    }

    #[test]
    fn what_is_lost_before_it_was_sent_was_not_run() {
        for (fate, promised) in [
            (Fate::Lost, Fate::NotRun),
            (Fate::Contended, Fate::Contended),
        ] {
            assert_eq!(Failure::new(fate, "gone").before_sending().fate, promised);
        }
    }
}
