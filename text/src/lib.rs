//! Pure functions on the text of one document: decoding, extraction, language, words, quality
//! signals, C4's cleaning, classifiers, personal data, safety, block lists of addresses,
//! normalisation, hashes and MinHash.
//!
//! Nothing here does input or output, knows an engine or panics on bad data, and no text is an error:
//! a function that has nothing to say about a document returns `None` or zero. Only files of models,
//! and options, can be wrong. Every result depends on the arguments alone, so that it is the same on
//! any thread of any machine.

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
