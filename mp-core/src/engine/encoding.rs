//! How an edit becomes a write of the store's.

use bytes::Bytes;

use super::{Edit, entry::Decoded};
use crate::{
    error::Error,
    store::{Key, Write},
};

impl Decoded {
    /// Returns the edit that puts it, encoded; one that cannot be encoded fails when it is sent.
    pub(super) fn ahead(self, buffer: &mut Vec<u8>) -> Edit {
        match self.encode(buffer) {
            Ok(value) => Edit::Encoded(value),
            Err(_) => Edit::Put(self),
        }
    }

    pub(super) fn encode(&self, buffer: &mut Vec<u8>) -> Result<Bytes, Error> {
        buffer.clear();
        self.write(buffer)?;
        Ok(Bytes::copy_from_slice(buffer))
    }
}

impl Edit {
    /// Returns how long the value is, if it was encoded already.
    pub(super) const fn length(&self) -> usize {
        match self {
            Self::Encoded(value) => value.len(),
            Self::Put(_) | Self::Deliver(..) | Self::Delete => 0,
        }
    }

    /// Returns the write that carries it; values are put together in a buffer.
    pub(super) fn write(&self, key: Key, buffer: &mut Vec<u8>) -> Result<Write, Error> {
        Ok(match self {
            Self::Put(decoded) => Write::put(key, decoded.encode(buffer)?),
            Self::Encoded(value) => Write::put(key, value.clone()),
            Self::Deliver(value, due_at) => Write::deliver(key, value.clone(), *due_at),
            Self::Delete => Write::Delete { key },
        })
    }
}
