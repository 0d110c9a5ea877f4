use std::{
    any::Any,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;

use crate::{
    document::{self, Document, Newer},
    error::Error,
};

/// A record of a family: as it was read, decoded once somebody asks, or as a decision has put it.
pub(super) struct Entry {
    bytes: Option<Bytes>,
    decoded: OnceLock<Decoded>,
    /// How long its value is; nothing, until it was encoded.
    length: usize,
}

/// A document of any type that knows how to write itself again.
pub(super) trait Stored: Any + Send + Sync {
    fn write(&self, newer: Option<&Newer>, to: &mut Vec<u8>) -> Result<(), Error>;
    /// Returns what a newer release had put into the value that this one replaces.
    fn newer_in(&self, replaced: &[u8]) -> Option<Newer>;
}

impl<D: Document> Stored for D {
    fn write(&self, newer: Option<&Newer>, to: &mut Vec<u8>) -> Result<(), Error> {
        document::write(self, newer, to)
    }

    fn newer_in(&self, replaced: &[u8]) -> Option<Newer> {
        document::decode::<D>(replaced).ok()?.1
    }
}

/// A document, and what a newer release had put into its value.
#[derive(Clone)]
pub(super) struct Decoded {
    document: Arc<dyn Stored>,
    newer: Option<Arc<Newer>>,
}

impl Decoded {
    pub(super) fn of(document: impl Document) -> Self {
        Self {
            document: Arc::new(document),
            newer: None,
        }
    }

    fn read<D: Document>(bytes: &[u8]) -> Result<Self, Error> {
        let (document, newer) = document::decode::<D>(bytes)?;
        Ok(Self {
            document: Arc::new(document),
            newer: newer.map(Arc::new),
        })
    }

    fn document<D: Document>(&self) -> Option<Arc<D>> {
        let document: Arc<dyn Any + Send + Sync> = self.document.clone();
        document.downcast().ok()
    }

    /// Has it written again with what a newer release had put into the value that it replaces.
    pub(super) fn keep(&mut self, newer: Option<Arc<Newer>>) {
        self.newer = newer;
    }

    pub(super) fn write(&self, to: &mut Vec<u8>) -> Result<(), Error> {
        self.document.write(self.newer.as_deref(), to)
    }
}

impl Entry {
    /// Makes the entry of what a store has.
    pub(super) const fn stored(bytes: Bytes) -> Self {
        Self {
            length: bytes.len(),
            bytes: Some(bytes),
            decoded: OnceLock::new(),
        }
    }

    /// Makes the entry of what a decision has put, as long as it is when written, if that is known.
    pub(super) fn of(decoded: Decoded, length: usize) -> Self {
        Self {
            bytes: None,
            decoded: OnceLock::from(decoded),
            length,
        }
    }

    pub(super) const fn length(&self) -> usize {
        self.length
    }

    /// Takes note how long its value is.
    pub(super) const fn measured(&mut self, length: usize) {
        self.length = length;
    }

    pub(super) fn read<D: Document>(&self) -> Result<Arc<D>, Error> {
        if self.decoded.get().is_none() {
            let decoded = Decoded::read::<D>(self.bytes.as_deref().unwrap_or_default())?;
            // Losing a race to set it is harmless: both decoded the same bytes.
            let _ = self.decoded.set(decoded);
        }
        match self.decoded.get().and_then(Decoded::document) {
            Some(document) => Ok(document),
            // It was read before as another type, perhaps of the same kind.
            None => Ok(Arc::new(document::decode::<D>(&self.encode()?)?.0)),
        }
    }

    pub(super) fn newer_for(&self, successor: &Decoded) -> Option<Arc<Newer>> {
        match self.decoded.get() {
            Some(decoded) => decoded.newer.clone(),
            None => {
                let newer = successor.document.newer_in(self.bytes.as_deref()?)?;
                Some(Arc::new(newer))
            }
        }
    }

    fn encode(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        match (self.decoded.get(), &self.bytes) {
            (Some(decoded), _) => decoded.write(&mut bytes)?,
            (None, Some(stored)) => bytes.extend_from_slice(stored),
            (None, None) => {}
        }
        Ok(bytes)
    }
}
