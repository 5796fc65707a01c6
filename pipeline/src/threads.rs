//! Worker threads.

use crate::error::{PipelineError, Result};

/// A pool of `threads` worker threads, or one thread per core if the number is not given.
///
/// # Errors
/// The system cannot start the threads.
pub fn worker_threads(threads: Option<usize>) -> Result<rayon::ThreadPool> {
    // 0 is rayon's "one per core".
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).build();
    pool.map_err(|error| PipelineError::Threads(error.to_string()))
}
