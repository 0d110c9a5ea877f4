//! What a proof is for.

/// Names the one purpose that a tag or a signature proves something for.
///
/// A constant of the code that signs, such as `mp-share/link/v1`; a proof of one domain never
/// verifies in another. The name is no secret.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Domain(&'static str);

impl Domain {
    /// Returns the domain of a name, which should end in the version of the signed format.
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// Returns the name.
    pub const fn name(self) -> &'static str {
        self.0
    }

    /// Returns what stands before the name: its length in bytes, 64 bits big-endian.
    pub(super) fn length_prefix(self) -> [u8; 8] {
        (self.0.len() as u64).to_be_bytes()
    }

    /// Returns the bytes that are signed, for algorithms that want them in one piece.
    pub(super) fn frame(self, message: &[u8]) -> Vec<u8> {
        [&self.length_prefix(), self.0.as_bytes(), message].concat()
    }
}
