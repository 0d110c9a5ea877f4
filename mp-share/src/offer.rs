//! offer
mp_core::id_type!(
    /// Names an offer.
    pub OfferId, "of"
);
