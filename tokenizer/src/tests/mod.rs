//! Tests of the whole crate: against recorded results of other tokenizers, against Hugging Face's
//! library at run time, and against a naive trainer.

mod differential;
mod exact;
mod golden;
mod library;
mod naive;

use std::path::PathBuf;

use crate::Tokenizer;

/// The ids of a text.
fn encode(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
    let mut ids = Vec::new();
    tokenizer.encode(text, &mut ids);
    ids
}

/// A path in the directory of shared test data, or `None` with a note if the environment names
/// none.
fn data(path: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("GRISTMILL_DATA") else {
        println!("skipped: GRISTMILL_DATA is not set");
        return None;
    };
    Some(PathBuf::from(root).join(path))
}
