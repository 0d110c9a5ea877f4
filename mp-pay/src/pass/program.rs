use mp_core::{Error, id::Name};

/// A loyalty program as the host sets it up.
///
/// ```
/// use mp_pay::pass::Program;
///
/// let coffee = Program::new("coffee".parse()?, 10)?;
/// assert_eq!(coffee.stamps_per_reward(), 10);
/// assert!(Program::new("coffee".parse()?, 0).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    name: Name,
    stamps_per_reward: u32,
}

/// The most stamps that a program may ask for a reward.
pub const STAMPS_PER_REWARD_MAX: u32 = 1_000;

impl Program {
    /// Sets up a program in which so many stamps make a reward.
    ///
    /// # Errors
    ///
    /// `invalid_field` if it is not 1 to [`STAMPS_PER_REWARD_MAX`].
    pub fn new(name: Name, stamps_per_reward: u32) -> Result<Self, Error> {
        if !(1..=STAMPS_PER_REWARD_MAX).contains(&stamps_per_reward) {
            return Err(Error::invalid("stamps_per_reward", "is not 1 to 1000"));
        }
        Ok(Self {
            name,
            stamps_per_reward,
        })
    }

    /// Returns its name.
    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// Returns how many stamps make a reward.
    #[must_use]
    pub const fn stamps_per_reward(&self) -> u32 {
        self.stamps_per_reward
    }
}
