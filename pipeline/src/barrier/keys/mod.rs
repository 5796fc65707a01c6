//! Keys of documents: made where their texts stream by, written beside the documents of a part, and
//! read by the stage that compares them.

mod content;
mod files;
mod layout;
#[cfg(test)]
mod tests;
mod writer;

use text::minhash::Signature;

pub(crate) use content::Content;
pub(crate) use files::{KeyFiles, KeyRow};
pub(crate) use layout::{Compared, KeyLayout};
pub(crate) use writer::KeyWriter;

/// The keys of one document.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    /// Keys of 8 or 16 bytes, one after another, big-endian.
    pub(crate) bytes: Vec<u8>,
    /// A key for each MinHash band.
    pub(crate) bands: Vec<u64>,
    /// A byte for each hash function.
    pub(crate) sketch: Vec<u8>,
    /// 8 bytes for each minimum, big-endian.
    pub(crate) minima: Vec<u8>,
}

impl Keys {
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.bands.clear();
        self.sketch.clear();
        self.minima.clear();
    }

    /// Takes over a MinHash signature.
    pub(crate) fn set_signature(&mut self, signature: &Signature) {
        self.bands.extend(&signature.keys);
        self.sketch.extend(&signature.sketch);
    }
}

/// Makes the keys of documents.
pub(crate) trait KeyMaker: Send {
    /// Adds the keys of a document to `keys`, which is empty. `value` is the value of the stage's
    /// expression, if it has one and it is not NULL.
    fn make(&mut self, text: &str, value: Option<&[u8]>, keys: &mut Keys);
}
