use super::{
    error::AuditError,
    file::{Family, Work},
};

/// What a store holds, as it was at one moment.
pub(super) trait Records {
    /// Hands over every partition whose name matches a pattern such as `*/pay/*`, one at a time.
    fn each(
        &self,
        pattern: &str,
        visit: &mut dyn FnMut(&Family) -> Result<(), AuditError>,
    ) -> Result<(), AuditError>;

    /// Returns all work that is not done.
    fn work(&self) -> Result<Vec<Work>, AuditError>;
}

/// Puts rows, which come in the order of their partitions and keys, together to families.
#[derive(Debug, Default)]
pub(super) struct Gathering(Option<Family>);

impl Gathering {
    /// Takes the next row, and returns the family that is complete with it.
    pub(super) fn take(&mut self, partition: String, key: String, value: String) -> Option<Family> {
        let complete = self.0.take_if(|family| family.partition != partition);
        let family = self.0.get_or_insert_with(|| Family::new(partition));
        family.add(key, value);
        complete
    }

    /// Returns the last family.
    pub(super) fn end(self) -> Option<Family> {
        self.0
    }
}
