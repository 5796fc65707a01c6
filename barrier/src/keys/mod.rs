//! Keys of documents: made while the documents stream by, written part by part, and read by the
//! stage that compares them.

mod content;
mod files;
mod layout;
#[cfg(test)]
mod tests;
mod writer;

use text::minhash::Signature;

pub(crate) use content::Content;
pub use files::KeyFiles;
pub(crate) use files::KeyRow;
pub(crate) use layout::Compared;
pub use layout::KeyLayout;
pub use writer::KeyWriter;

/// The keys of one document.
#[derive(Debug, Default)]
pub struct Keys {
    /// Keys of 8 or 16 bytes, one after another, big-endian.
    pub(crate) bytes: Vec<u8>,
    /// One key per MinHash band.
    pub(crate) bands: Vec<u64>,
    /// One byte per hash function.
    pub(crate) sketch: Vec<u8>,
    /// 8 bytes per minimum, big-endian.
    pub(crate) minima: Vec<u8>,
}

impl Keys {
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.bands.clear();
        self.sketch.clear();
        self.minima.clear();
    }

    /// Adds the keys and the sketch of a MinHash signature.
    pub(crate) fn set_signature(&mut self, signature: &Signature) {
        self.bands.extend(&signature.keys);
        self.sketch.extend(&signature.sketch);
    }
}

/// Makes the keys of documents.
pub trait KeyMaker: Send {
    /// Adds the keys of a document to `keys`, which must be empty. `value` is the value of the
    /// stage's expression; `None` if it is NULL or the stage has none.
    fn make(&mut self, text: &str, value: Option<&[u8]>, keys: &mut Keys);
}
