//! Whole-crate tests: against recorded results of other tokenizers, against Hugging Face's library
//! at run time, and against a trainer written for clarity.

mod differential;
mod exact;
mod golden;
mod library;
mod naive;

use std::path::PathBuf;

/// The directory of shared test data, or `None` with a note where the environment names none.
fn data(path: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("GRISTMILL_DATA") else {
        println!("skipped: GRISTMILL_DATA is not set");
        return None;
    };
    Some(PathBuf::from(root).join(path))
}
