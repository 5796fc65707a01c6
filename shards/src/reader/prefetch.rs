//! Batches made ahead by a thread, so that no step waits for the disk or for checks.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::{Batch, RowReader};
use crate::order::Order;
use crate::{Result, ShardError};

/// Batches made ahead by default: one to be trained on, one being made.
pub const BATCHES_AHEAD: usize = 2;

/// Which part of each global batch a process reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rank {
    /// This process, from 0.
    pub rank: u64,
    /// How many there are.
    pub world: u64,
}

impl Rank {
    /// One process reads all.
    pub const ALONE: Self = Self { rank: 0, world: 1 };
}

/// The batches of a run from a step on, in order; ends with the run's budget, or after an error.
pub struct Batches {
    receiver: Option<Receiver<Result<(u64, Batch)>>>,
    thread: Option<JoinHandle<()>>,
}

impl Batches {
    /// Starts with `first_step`, keeping `ahead` batches at most.
    ///
    /// Fails with [`ShardError::Identity`] when the order is over another plan, and with
    /// [`ShardError::Order`] when the first batch or a shorter last one cannot be dealt out to the
    /// ranks: before the run, not at its end.
    pub fn start(
        reader: Arc<RowReader>,
        order: Arc<Order>,
        first_step: u64,
        rank: Rank,
        ahead: usize,
    ) -> Result<Self> {
        let plan = reader.plan().digest();
        if order.subject().plan != plan {
            return Err(ShardError::Identity {
                what: "plan digest",
                expected: order.subject().plan.clone(),
                found: plan.to_owned(),
            });
        }
        let last_step = order.steps_total().and_then(|total| total.checked_sub(1));
        for step in [Some(first_step), last_step].into_iter().flatten() {
            order.rank_rows(step, rank.rank, rank.world)?;
        }
        let (sender, receiver) = sync_channel(ahead.max(1));
        let thread = std::thread::Builder::new()
            .name("shards".into())
            .spawn(move || read_ahead(&reader, &order, first_step, rank, &sender))
            .map_err(|e| store::StoreError::io("shards", "start a thread", e))?;
        Ok(Self { receiver: Some(receiver), thread: Some(thread) })
    }
}

/// Sends batches until there are no more, one fails, or nobody takes them.
fn read_ahead(
    reader: &RowReader,
    order: &Order,
    first_step: u64,
    rank: Rank,
    sender: &SyncSender<Result<(u64, Batch)>>,
) {
    for step in first_step.. {
        let rows = match order.rank_rows(step, rank.rank, rank.world) {
            Ok(rows) if rows.is_empty() => return,
            Ok(rows) => rows,
            Err(error) => return drop(sender.send(Err(error))),
        };
        let batch = reader.read(&rows).map(|batch| (step, batch));
        let failed = batch.is_err();
        if sender.send(batch).is_err() || failed {
            return;
        }
    }
}

impl Iterator for Batches {
    type Item = Result<(u64, Batch)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.receiver.as_ref()?.recv().ok()
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        // A thread that waits to hand a batch on sees that nobody will take it.
        self.receiver = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
