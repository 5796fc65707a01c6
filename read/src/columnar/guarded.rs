//! Calls into the parquet crate that may panic.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs a piece of the parquet crate and turns a panic into a message. Its decoders check a lot,
/// but they index and slice by numbers from the file and have panicked on damaged pages. The caller
/// must not use the reader again after a panic.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| "the decoder panicked".to_owned())
}
