//! Pure functions on the text of one document: decoding, extraction, language, words, quality
//! signals, personal data, unsafe words, normalisation, hashes and MinHash.
//!
//! Nothing here does input or output, knows an engine, panics on bad data or returns an error: a
//! function that has nothing to say about a document returns `None` or zero. Every result depends
//! on the arguments alone, so that it is the same on any thread of any machine.

pub mod c4;
pub mod charset;
pub mod fasttext;
pub mod hash;
pub mod html;
pub mod language;
pub mod metrics;
pub mod minhash;
pub mod normalise;
pub mod pii;
pub mod quality;
pub mod safety;
pub mod sentences;
pub mod signals;
pub mod url;
pub mod words;
