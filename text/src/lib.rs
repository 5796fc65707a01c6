//! Pure functions on the text of one document: decoding, extraction, language detection, words,
//! quality signals, C4's cleaning, classifiers, personal data, safety, block lists of addresses,
//! contamination, normalisation, hashes and MinHash.
//!
//! The functions do no input or output, depend on no query engine and do not panic on bad data. No
//! text is an error: if there is nothing to find, the result is empty, zero or `None`. Only model
//! files and options can be invalid. A result depends only on the arguments, so it is the same on
//! every thread and every machine.

pub mod c4;
pub mod charset;
pub mod contamination;
pub mod fasttext;
pub mod hash;
pub mod html;
pub mod language;
pub mod metrics;
pub mod minhash;
pub mod normalise;
pub mod pii;
mod plane;
pub mod quality;
mod runs;
pub mod safety;
pub mod sentences;
pub mod signals;
pub mod url;
pub mod words;
