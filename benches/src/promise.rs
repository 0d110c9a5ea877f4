use std::fmt;

/// What was promised of a measurement, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Promise {
    what: &'static str,
    measured: Option<f64>,
    bound: Bound,
}

impl Promise {
    /// Holds a figure, or none if the sides that it needs were left out, to its bound.
    #[must_use]
    pub const fn new(what: &'static str, measured: Option<f64>, bound: Bound) -> Self {
        Self {
            what,
            measured,
            bound,
        }
    }
}

/// How large a figure must or may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// At least so many times as much as the other side.
    Times(f64),
    /// At most so many times as much as the other side.
    TimesAtMost(f64),
    /// At least so many per second.
    PerSecond(f64),
    /// Less than so many milliseconds.
    Millis(f64),
    /// At most so many bytes for each.
    BytesAtMost(f64),
    /// None at all.
    None,
}

impl Bound {
    fn is_kept_by(self, measured: f64) -> bool {
        match self {
            Self::Times(least) | Self::PerSecond(least) => measured >= least,
            Self::TimesAtMost(most) | Self::BytesAtMost(most) => measured <= most,
            Self::Millis(bound) => measured < bound,
            Self::None => measured == 0.0,
        }
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(measured) = self.measured else {
            return write!(f, "  not measured  {}", self.what);
        };
        let verdict = if self.bound.is_kept_by(measured) {
            "kept"
        } else {
            "BROKEN"
        };
        write!(f, "  {verdict:<12}  {}: ", self.what)?;
        match self.bound {
            Bound::Times(least) => write!(f, "{measured:.1}x (promised {least}x)"),
            Bound::TimesAtMost(most) => write!(f, "{measured:.2}x (promised {most:.2}x at most)"),
            Bound::PerSecond(least) => write!(f, "{measured:.0}/s (promised {least}/s)"),
            Bound::Millis(bound) => write!(f, "{measured:.0} ms (promised under {bound} ms)"),
            Bound::BytesAtMost(most) => {
                write!(f, "{measured:.0} bytes (promised {most} at most)")
            }
            Bound::None => write!(f, "{measured} (promised none)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_says_whether_it_was_kept() {
        let said = |measured, bound| Promise::new("joins", measured, bound).to_string();
        assert!(said(Some(6.0), Bound::Times(6.0)).contains("kept"));
        assert!(said(Some(5.9), Bound::Times(6.0)).contains("BROKEN"));
        assert!(said(Some(0.4), Bound::TimesAtMost(0.33)).contains("BROKEN"));
        assert!(said(Some(300.0), Bound::BytesAtMost(300.0)).contains("kept"));
        assert!(said(Some(301.0), Bound::BytesAtMost(300.0)).contains("BROKEN"));
        assert!(said(Some(39_999.0), Bound::PerSecond(40_000.0)).contains("BROKEN"));
        assert!(said(Some(1_000.0), Bound::Millis(1_000.0)).contains("BROKEN"));
        assert!(said(Some(1.0), Bound::None).contains("BROKEN"));
        assert!(said(None, Bound::None).contains("not measured"));
    }
}
