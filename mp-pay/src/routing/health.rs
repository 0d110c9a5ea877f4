use std::collections::BTreeMap;

use mp_core::{Timestamp, id::Name};

use super::{CallEnd, CircuitOptions, Standing, circuit::Circuit};

/// How the backends stand: a circuit breaker for each that was called.
///
/// It is what one process has seen and is gone with it; it only says which backend is tried first,
/// and no money depends on it. It is bounded: a few counters for each backend.
///
/// It is plain data and reads no clock, so that it can be tried out like the rules:
///
/// ```
/// use mp_core::{Timestamp, id::Name};
/// use mp_pay::routing::{CallEnd, CircuitOptions, Health, Standing};
///
/// let mut health = Health::with_options(CircuitOptions::default().with_calls_min(2));
/// let (stripe, now): (Name, _) = ("stripe".parse()?, Timestamp::MIN);
/// for _ in 0..2 {
///     health.begin(&stripe, now);
///     health.end(&stripe, CallEnd::Failed, now);
/// }
/// assert_eq!(health.standing(&stripe, now), Standing::Resting);
/// let later = now.plus(CircuitOptions::default().rest);
/// assert_eq!(health.standing(&stripe, later), Standing::Probed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Health {
    options: CircuitOptions,
    circuits: BTreeMap<Name, Circuit>,
}

impl Health {
    /// Knows nothing yet, and will conclude like this.
    #[must_use]
    pub const fn with_options(options: CircuitOptions) -> Self {
        Self {
            options,
            circuits: BTreeMap::new(),
        }
    }

    /// Returns how a backend stands at `now`; one that was never called is well.
    #[must_use]
    pub fn standing(&self, backend: &Name, now: Timestamp) -> Standing {
        let circuit = self.circuits.get(backend);
        circuit.map_or(Standing::Well, |circuit| circuit.standing(now))
    }

    /// Takes note that a backend is being called.
    pub fn begin(&mut self, backend: &Name, now: Timestamp) {
        let options = self.options;
        self.circuit(backend).begin(&options, now);
    }

    /// Takes note of how a call to a backend ended.
    pub fn end(&mut self, backend: &Name, end: CallEnd, now: Timestamp) {
        let options = self.options;
        self.circuit(backend).end(end, &options, now);
    }

    fn circuit(&mut self, backend: &Name) -> &mut Circuit {
        self.circuits.entry(backend.clone()).or_default()
    }
}
