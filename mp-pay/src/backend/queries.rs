use super::Reference;

/// By which names a backend finds an operation that it is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Queries {
    /// By none: it cannot be asked.
    None,
    /// By the name that it has told, as Stripe, Mollie and PayPal do. Of a call whose answer got lost
    /// it has told none, so that only sending the same key again gets out of that; it may be answered
    /// as the first time then, and what has become of it since is asked by the name in that answer.
    /// A capture, a void or a refund without a name is not looked for beneath its charge.
    ByReference,
    /// By our key as well, as WeChat Pay does by `out_trade_no`: also what got no answer.
    ByKey,
}

impl Queries {
    /// Returns whether an operation that is known by this name, if it has one, is found.
    ///
    /// ```
    /// use mp_pay::backend::{Queries, Reference};
    ///
    /// let name = Reference::new("ch_1")?;
    /// assert!(Queries::ByKey.find(None));
    /// assert!(Queries::ByReference.find(Some(&name)) && !Queries::ByReference.find(None));
    /// assert!(!Queries::None.find(Some(&name)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn find(self, reference: Option<&Reference>) -> bool {
        match self {
            Self::None => false,
            Self::ByReference => reference.is_some(),
            Self::ByKey => true,
        }
    }

    /// Returns whether anything is found.
    #[must_use]
    pub const fn find_any(self) -> bool {
        !matches!(self, Self::None)
    }
}
