//! group
mp_core::id_type!(
    /// Names a group.
    pub GroupId, "gb"
);
