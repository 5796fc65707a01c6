//! Data parallelism whose result does not know how many threads there are.
//!
//! A batch is cut into slices by its size alone. Each slice runs forward and backward on one thread, and the
//! slices' gradients are added in the order of the slices. This beats threads inside each operation: lanes wait
//! for each other only at the end of a step, and the tensors of a slice fit the caches.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use candle_core::Device;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::ModelError;

/// A batch is cut into at most this many slices, so no more threads than this work on one batch.
pub const MAX_SLICES: usize = 8;

/// The gradients of all slices together take at most this much memory; larger models get fewer slices.
pub const SLICE_GRADIENT_BYTES: usize = 4 << 30;

/// Rows in each slice of a batch (the last may have fewer): a function of sizes, never of threads.
pub fn rows_per_slice(batch_size: usize, n_parameters: usize) -> usize {
    let affordable = SLICE_GRADIENT_BYTES / (size_of::<f32>() * n_parameters.max(1));
    batch_size.div_ceil(affordable.clamp(1, MAX_SLICES)).max(1)
}

/// Threads that each work on one slice at a time.
///
/// Each lane owns a rayon pool of one thread, because candle's matrix product asks for as many threads as the
/// machine has and would otherwise make the lanes wait for each other.
#[derive(Debug)]
pub struct Lanes {
    pools: Vec<ThreadPool>,
}

impl Lanes {
    /// On the CPU as many lanes as the surrounding rayon pool has threads, but no more than there can be slices;
    /// on another device one, since it is parallel in itself.
    ///
    /// # Errors
    /// The system refuses to start threads.
    pub fn for_device(device: &Device) -> Result<Self, ModelError> {
        let threads = if device.is_cpu() { rayon::current_num_threads() } else { 1 };
        let count = threads.clamp(1, MAX_SLICES);
        let pool = |_| ThreadPoolBuilder::new().num_threads(1).build();
        Ok(Self { pools: (0..count).map(pool).collect::<Result<_, _>>()? })
    }

    /// Applies `work` to every item; the results come in the order of the items.
    pub fn map<T: Sync, R: Send>(&self, items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
        let next = AtomicUsize::new(0);
        let results = Mutex::new(Vec::with_capacity(items.len()));
        std::thread::scope(|scope| {
            for pool in self.pools.iter().take(items.len()) {
                scope.spawn(|| {
                    pool.install(|| {
                        while let Some((index, item)) = claim(&next, items) {
                            let result = work(item);
                            results
                                .lock()
                                .unwrap_or_else(PoisonError::into_inner)
                                .push((index, result));
                        }
                    });
                });
            }
        });
        let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        results.sort_by_key(|(index, _)| *index);
        results.into_iter().map(|(_, result)| result).collect()
    }
}

fn claim<'a, T>(next: &AtomicUsize, items: &'a [T]) -> Option<(usize, &'a T)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    items.get(index).map(|item| (index, item))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..50).collect();
        assert_eq!(
            Lanes::for_device(&Device::Cpu).unwrap().map(&items, |item| item * 2),
            (0..100).step_by(2).collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_large_model_gets_fewer_slices() {
        assert_eq!(rows_per_slice(16, 5_000_000), 2);
        assert_eq!(rows_per_slice(16, 600_000_000), 16);
        assert_eq!(rows_per_slice(3, 1), 1);
    }
}
