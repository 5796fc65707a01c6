//! Data parallelism whose result does not depend on the number of threads.
//!
//! The size of a batch alone decides how it is cut into slices. Each slice runs forward and
//! backward on one thread, and the gradients are added in the order of the slices. This is faster
//! than threads inside each operation: lanes wait for each other only at the end of a slice, and
//! the tensors of a slice fit into the caches.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use candle_core::Device;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::ModelError;

/// A batch is cut into at most this many slices, so at most this many threads work on it.
const MAX_SLICES: usize = 32;

/// A slice has at least about this many tokens. With fewer, matrix products are too thin to be
/// fast; more tokens take more memory.
const SLICE_TOKENS: usize = 512;

/// Rows in each slice of a batch (the last may have fewer). They must not depend on the number of
/// threads, because they decide the order of sums.
pub(crate) fn rows_per_slice(batch_size: usize, context: usize) -> usize {
    let enough = SLICE_TOKENS.div_ceil(context.max(1));
    batch_size.div_ceil(MAX_SLICES).max(enough).min(batch_size).max(1)
}

/// Threads that each work on one slice at a time.
///
/// Each lane owns a rayon pool of one thread. Otherwise candle's matrix product would use as many
/// threads as the machine has, and the lanes would wait for each other.
#[derive(Debug)]
pub struct Lanes {
    pools: Vec<ThreadPool>,
}

impl Lanes {
    /// The lanes of a device. A CPU gets as many as the surrounding rayon pool has threads, up to
    /// the largest number of slices. Any other device gets one, since it is parallel itself.
    ///
    /// # Errors
    /// The system refuses to start threads.
    pub fn for_device(device: &Device) -> Result<Self, ModelError> {
        let threads = if device.is_cpu() { rayon::current_num_threads() } else { 1 };
        let count = threads.clamp(1, MAX_SLICES);
        let pool = |_| ThreadPoolBuilder::new().num_threads(1).build();
        Ok(Self { pools: (0..count).map(pool).collect::<Result<_, _>>()? })
    }

    /// Applies `work` to every item. The results have the order of the items.
    pub(crate) fn map<T: Sync, R: Send>(
        &self,
        items: &[T],
        work: impl Fn(&T) -> R + Sync,
    ) -> Vec<R> {
        let next = AtomicUsize::new(0);
        // A lock is poisoned only by a panic, which the scope passes on after all lanes have ended.
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

    /// Applies `work` to every item, and `fold` to the results in the order of the items. A lane
    /// keeps its result until it is its turn, so there are never more results than lanes.
    pub(crate) fn fold<T: Sync, R: Send>(
        &self,
        items: &[T],
        work: impl Fn(&T) -> R + Sync,
        fold: impl FnMut(R) + Send,
    ) {
        let next = AtomicUsize::new(0);
        let turn = Turn { folded: Mutex::new((0, fold)), advanced: Condvar::new() };
        std::thread::scope(|scope| {
            for pool in self.pools.iter().take(items.len()) {
                scope.spawn(|| {
                    pool.install(|| {
                        while let Some((index, item)) = claim(&next, items) {
                            // A panic in `work` must not leave the other lanes waiting for this
                            // turn.
                            let skip = Skip { turn: &turn, index };
                            let result = work(item);
                            std::mem::forget(skip);
                            turn.take(index, |fold| fold(result));
                        }
                    });
                });
            }
        });
    }
}

/// The place where lanes wait until it is their turn to fold: the index of the next item, and the
/// folding function.
struct Turn<F> {
    folded: Mutex<(usize, F)>,
    advanced: Condvar,
}

impl<F> Turn<F> {
    fn take(&self, index: usize, act: impl FnOnce(&mut F)) {
        let folded = self.folded.lock().unwrap_or_else(PoisonError::into_inner);
        let mut folded = self
            .advanced
            .wait_while(folded, |(turn, _)| *turn != index)
            .unwrap_or_else(PoisonError::into_inner);
        folded.0 += 1;
        self.advanced.notify_all();
        act(&mut folded.1);
    }
}

/// Gives up a turn when it is dropped.
struct Skip<'a, F> {
    turn: &'a Turn<F>,
    index: usize,
}

impl<F> Drop for Skip<'_, F> {
    fn drop(&mut self) {
        self.turn.take(self.index, |_| {});
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
    fn slices_have_enough_tokens_and_are_not_too_many() {
        assert_eq!(rows_per_slice(16, 256), 2);
        assert_eq!(rows_per_slice(12, 64), 8);
        assert_eq!(rows_per_slice(3, 64), 3);
        assert_eq!(rows_per_slice(100, 2048), 4);
    }

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..50).collect();
        assert_eq!(
            Lanes::for_device(&Device::Cpu).unwrap().map(&items, |item| item * 2),
            (0..100).step_by(2).collect::<Vec<_>>()
        );
    }

    #[test]
    fn results_are_folded_in_the_order_of_the_items_with_few_alive() {
        let items: Vec<u64> = (0..40).collect();
        let mut folded = Vec::new();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let lanes = pool.install(|| Lanes::for_device(&Device::Cpu)).unwrap();
        let alive = AtomicUsize::new(0);
        let most = AtomicUsize::new(0);
        lanes.fold(
            &items,
            |item| {
                most.fetch_max(alive.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                (0..item * 1_000).fold(*item, |sum, i| sum ^ std::hint::black_box(i) ^ i)
            },
            |item| {
                alive.fetch_sub(1, Ordering::SeqCst);
                folded.push(item);
            },
        );
        assert_eq!(folded, items);
        assert!(most.into_inner() <= 3);
    }
}
