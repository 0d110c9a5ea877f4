use mp_core::steps::Standing;

/// How a plan's life goes if nothing goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Life {
    /// Everything is reserved and confirmed.
    Happy,
    /// The same, driven by the person who waits and by a worker at once.
    DrivenTwice,
    /// The third participant refuses.
    ThirdRefuses,
    /// The second participant waits for somebody first.
    SecondPends,
    /// The wish to release comes when everything is reserved.
    ReleasedWhenReserved,
    /// The wish to release comes while the second participant waits for somebody.
    ReleasedWhenPending,
    /// The second participant's reservation has lapsed when it is confirmed.
    ConfirmLapsed,
    /// The third participant answers a confirmation only when asked again.
    ConfirmPends,
    /// The third participant waits for somebody who never comes.
    DeadlinePasses,
    /// The second participant reserves, and fails then for good.
    ReserveFails,
    /// The second participant fails for good when it is asked to confirm what it has reserved.
    ConfirmFails,
    /// The second participant takes every repetition for another request, and the plan is driven by
    /// the person who waits and by a worker at once.
    RepetitionFails,
}

/// What a participant answers, beside what its contract demands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Manner {
    Willing,
    Refusing,
    /// Pending on the first two calls.
    Hesitant,
    /// Pending for ever.
    Waiting,
    /// Loses what it reserved before it is confirmed.
    Lapsing,
    /// Tells only the second time that it has confirmed.
    Slow,
    /// Reserves and fails then for good.
    Failing,
    /// Fails for good when it is to confirm.
    Unfit,
    /// Reserves, and takes what is asked again for another request.
    Pedantic,
}

impl Life {
    pub(crate) const ALL: [Self; 12] = [
        Self::Happy,
        Self::DrivenTwice,
        Self::ThirdRefuses,
        Self::SecondPends,
        Self::ReleasedWhenReserved,
        Self::ReleasedWhenPending,
        Self::ConfirmLapsed,
        Self::ConfirmPends,
        Self::DeadlinePasses,
        Self::ReserveFails,
        Self::ConfirmFails,
        Self::RepetitionFails,
    ];

    /// Returns how the plan may end, whatever went wrong on the way.
    pub(crate) const fn ends(self) -> &'static [Standing] {
        match self {
            Self::Happy | Self::DrivenTwice | Self::SecondPends | Self::ConfirmPends => {
                &[Standing::Confirmed]
            }
            // Whether anything is asked twice is a matter of what goes wrong.
            Self::RepetitionFails => &[Standing::Confirmed, Standing::Released],
            _ => &[Standing::Released],
        }
    }

    /// Returns whether the person who waits drives the plan beside the worker.
    pub(super) const fn is_driven_twice(self) -> bool {
        matches!(self, Self::DrivenTwice | Self::RepetitionFails)
    }

    pub(super) const fn manners(self) -> [Manner; 3] {
        use Manner::{
            Failing, Hesitant, Lapsing, Pedantic, Refusing, Slow, Unfit, Waiting, Willing,
        };
        match self {
            Self::Happy | Self::DrivenTwice | Self::ReleasedWhenReserved => [Willing; 3],
            Self::ThirdRefuses => [Willing, Willing, Refusing],
            Self::SecondPends => [Willing, Hesitant, Willing],
            Self::ReleasedWhenPending => [Willing, Waiting, Willing],
            Self::ConfirmLapsed => [Willing, Lapsing, Willing],
            Self::ConfirmPends => [Willing, Willing, Slow],
            Self::DeadlinePasses => [Willing, Willing, Waiting],
            Self::ReserveFails => [Willing, Failing, Willing],
            Self::ConfirmFails => [Willing, Unfit, Willing],
            Self::RepetitionFails => [Willing, Pedantic, Willing],
        }
    }

    /// Returns whether the order asks for confirmation as soon as everything is reserved.
    pub(super) const fn confirms(self) -> bool {
        !self.releases()
    }

    /// Returns whether somebody wishes to release.
    pub(super) const fn releases(self) -> bool {
        matches!(self, Self::ReleasedWhenReserved | Self::ReleasedWhenPending)
    }

    /// Returns for how many seconds the last step is of use.
    pub(super) const fn seconds(self) -> u64 {
        match self {
            Self::DeadlinePasses => 20,
            _ => 3_600,
        }
    }
}
