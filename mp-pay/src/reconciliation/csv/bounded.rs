use std::io::{self, Read};

/// Hands out no more than is left, and then fails: so that one row cannot fill the memory.
#[derive(Debug)]
pub(super) struct Bounded<R> {
    inner: R,
    left: usize,
}

impl<R> Bounded<R> {
    pub(super) const fn new(inner: R, left: usize) -> Self {
        Self { inner, left }
    }

    /// Lets so much be read from here on.
    pub(super) const fn allow(&mut self, bytes: usize) {
        self.left = bytes;
    }

    /// Returns whether it has failed for this reason.
    pub(super) const fn is_spent(&self) -> bool {
        self.left == 0
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = into.len().min(self.left);
        if most == 0 && !into.is_empty() {
            return Err(io::Error::other("a row is too long"));
        }
        let read = self.inner.read(&mut into[..most])?;
        self.left -= read.min(self.left);
        Ok(read)
    }
}
