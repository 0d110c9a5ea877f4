use super::{BookId, Transfer, TransferId};

/// Names the plan of a transfer over several books: its home, itself, and what it gives back.
///
/// The text form `{home}/{transfer}` or `{home}/{transfer}/{original}` is the plan's id; a step's
/// key, `{plan}.{number}`, leads from a far book back to the transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlanId {
    pub(super) home: BookId,
    pub(super) transfer: TransferId,
    pub(super) original: Option<TransferId>,
}

impl PlanId {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let home = BookId::new(parts.next()?).ok()?;
        let transfer = parts.next()?.parse().ok()?;
        let original = match parts.next() {
            Some(original) => Some(original.parse().ok()?),
            None => None,
        };
        parts.next().is_none().then_some(Self {
            home,
            transfer,
            original,
        })
    }

    /// Names the plan of a transfer, which says what it gives back.
    pub(super) fn of(transfer: &Transfer) -> Self {
        Self {
            home: transfer.home.clone(),
            transfer: transfer.id,
            original: transfer.reverses.or(transfer.returns),
        }
    }

    /// Names the plan of a transfer that may be pending: it gives nothing back.
    pub(super) fn of_two_phase(home: &BookId, transfer: TransferId) -> Self {
        Self {
            home: home.clone(),
            transfer,
            original: None,
        }
    }

    /// Reads the key of a step: the plan, and the step's number.
    pub(super) fn of_step(key: &str) -> Option<(Self, usize)> {
        let (plan, number) = key.rsplit_once('.')?;
        Some((Self::parse(plan)?, number.parse().ok()?))
    }
}

impl std::fmt::Display for PlanId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.home, self.transfer)?;
        match self.original {
            Some(original) => write!(f, "/{original}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_leads_back_to_its_transfer() {
        let [transfer, original] = [1, 2].map(|byte| TransferId::from_bytes([byte; 16]));
        for original in [None, Some(original)] {
            let home = BookId::new("a.b").expect("a book");
            let plan = PlanId {
                home,
                transfer,
                original,
            };
            assert_eq!(PlanId::of_step(&format!("{plan}.7")), Some((plan, 7)));
        }
        assert_eq!(PlanId::of_step("a/b.1"), None);
    }
}
