//! Worker threads.

use crate::error::{PipelineError, Result};

/// A pool of `threads` worker threads; as many as there are cores where the number is not given.
///
/// # Errors
/// The system refuses to start them.
pub fn worker_threads(threads: Option<usize>) -> Result<rayon::ThreadPool> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).build();
    pool.map_err(|error| PipelineError::Threads(error.to_string()))
}
