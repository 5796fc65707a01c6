//! Shards that are written while their documents are encoded, in a run that is not gone on with.
//!
//! Documents stand in shards in the order of their parts, which are worked on at the same time. What comes before
//! its turn waits, in memory while there is room and else on disk, and a thread that finds the shards free writes
//! all that has its turn. So tokens are written once, most of them out of the cache that they were made in.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use arrow::record_batch::RecordBatch;
use store::{Run, Scratch};

use super::open_shards::OpenShards;
use super::written::WrittenShards;
use crate::error::{PipelineError, Result};

/// The share of the memory that waiting tokens may take.
const MEMORY_SHARE: u64 = 8;

/// Buffers that are kept to be filled again.
const SPARE_BUFFERS_MAX: usize = 16;

/// Writes shards from parts that come in any order.
pub(crate) struct InTurn {
    queue: Mutex<Queue>,
    /// `None` once they are finished.
    shards: Mutex<Option<OpenShards>>,
    scratch: Scratch,
    held_bytes_max: u64,
}

/// What waits.
#[derive(Default)]
struct Queue {
    /// The part whose documents come next.
    turn: usize,
    parts: BTreeMap<usize, Waiting>,
    held_bytes: u64,
    /// Batches that had no room in memory, so far.
    n_stored: u64,
    /// Buffers to be filled again.
    spare: Vec<Vec<u8>>,
}

/// What waits of a part.
#[derive(Default)]
struct Waiting {
    batches: VecDeque<EncodedBatch>,
    /// No batch comes after these.
    is_whole: bool,
}

/// The documents of a batch.
struct EncodedBatch {
    payload: Payload,
    index: RecordBatch,
}

/// Tokens as shards hold them, one document after another.
enum Payload {
    Held(Vec<u8>),
    /// In a file.
    Stored {
        name: String,
        n_bytes: usize,
    },
}

impl InTurn {
    /// Writes shards of `shard_tokens` at most; what waits follows the run's memory.
    pub(super) fn new(
        run: &Run,
        vocab_size: usize,
        shard_tokens: u64,
        memory_bytes: u64,
    ) -> Result<Self> {
        Ok(Self {
            queue: Mutex::default(),
            shards: Mutex::new(Some(OpenShards::new(vocab_size, shard_tokens))),
            scratch: Scratch::create(run.path("work/tokens"))?,
            held_bytes_max: memory_bytes / MEMORY_SHARE,
        })
    }

    /// Takes the next batch of a part: its tokens, for which `payload` becomes an empty buffer, and its index.
    pub(super) fn add(
        &self,
        run: &Run,
        part: usize,
        payload: &mut Vec<u8>,
        index: RecordBatch,
    ) -> Result<()> {
        let payload = self.hold(part, payload)?;
        let batch = EncodedBatch { payload, index };
        lock(&self.queue).parts.entry(part).or_default().batches.push_back(batch);
        self.write(run)
    }

    /// Notes that a part has come to its end; one without documents has to as well.
    pub(super) fn end(&self, run: &Run, part: usize) -> Result<()> {
        lock(&self.queue).parts.entry(part).or_default().is_whole = true;
        self.write(run)
    }

    /// Publishes the last shards, once all parts have come to their end.
    pub(super) fn finish(&self, run: &Run) -> Result<WrittenShards> {
        self.write(run)?;
        if let Some(part) = lock(&self.queue).parts.keys().next() {
            let message = format!("the tokens of part {part} are in no shard");
            return Err(PipelineError::Unbalanced(message));
        }
        let shards = lock(&self.shards).take();
        let finished = || PipelineError::Unbalanced("shards are finished twice".into());
        shards.ok_or_else(finished)?.finish(run)
    }

    /// Keeps tokens in memory while there is room, and always those whose turn it is.
    fn hold(&self, part: usize, payload: &mut Vec<u8>) -> Result<Payload> {
        let n_bytes = payload.len();
        let name = {
            let mut queue = lock(&self.queue);
            let held_bytes = queue.held_bytes + n_bytes as u64;
            if queue.turn == part || held_bytes <= self.held_bytes_max {
                queue.held_bytes = held_bytes;
                let empty = queue.spare.pop().unwrap_or_default();
                return Ok(Payload::Held(std::mem::replace(payload, empty)));
            }
            queue.n_stored += 1;
            queue.n_stored.to_string()
        };
        let mut file = self.scratch.write(&name)?;
        file.append(payload)?;
        file.finish()?;
        payload.clear();
        Ok(Payload::Stored { name, n_bytes })
    }

    /// Writes all that has its turn, unless another thread does.
    fn write(&self, run: &Run) -> Result<()> {
        loop {
            let mut shards = match self.shards.try_lock() {
                Ok(shards) => shards,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return Ok(()),
            };
            let Some(open) = &mut *shards else {
                return Err(PipelineError::Unbalanced("tokens after the last shard".into()));
            };
            self.write_to(open, run)?;
            drop(shards);
            // Another thread may have come with a batch, and gone, after the last look.
            if !lock(&self.queue).has_next() {
                return Ok(());
            }
        }
    }

    fn write_to(&self, shards: &mut OpenShards, run: &Run) -> Result<()> {
        loop {
            // A name of its own, so that the queue is free while its batch is written.
            let next = lock(&self.queue).next();
            let Some((part, batch)) = next else { return Ok(()) };
            let payload = match batch.payload {
                Payload::Held(payload) => payload,
                Payload::Stored { name, n_bytes } => self.read(&name, n_bytes)?,
            };
            shards.add(run, part, &payload, batch.index)?;
            lock(&self.queue).recycle(payload);
        }
    }

    /// Reads tokens back, whose file goes.
    fn read(&self, name: &str, n_bytes: usize) -> Result<Vec<u8>> {
        let mut payload = vec![0; n_bytes];
        self.scratch.read(name)?.read_at(0, &mut payload)?;
        self.scratch.remove(name)?;
        Ok(payload)
    }
}

impl Queue {
    /// The batch that has its turn, if it is there, and its part.
    fn next(&mut self) -> Option<(usize, EncodedBatch)> {
        loop {
            let waiting = self.parts.get_mut(&self.turn)?;
            if let Some(batch) = waiting.batches.pop_front() {
                if let Payload::Held(payload) = &batch.payload {
                    self.held_bytes -= payload.len() as u64;
                }
                return Some((self.turn, batch));
            }
            if !waiting.is_whole {
                return None;
            }
            self.parts.remove(&self.turn);
            self.turn += 1;
        }
    }

    fn has_next(&self) -> bool {
        let waiting = self.parts.get(&self.turn);
        waiting.is_some_and(|waiting| waiting.is_whole || !waiting.batches.is_empty())
    }

    /// Keeps a buffer to be filled again.
    fn recycle(&mut self, mut payload: Vec<u8>) {
        if self.spare.len() < SPARE_BUFFERS_MAX {
            payload.clear();
            self.spare.push(payload);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BooleanArray, StringArray, UInt32Array, UInt64Array};
    use proptest::prelude::*;
    use store::shards::Split;
    use store::{Fingerprint, Opened};

    use super::super::index::index_schema;
    use super::*;

    /// A document: how many tokens it has, and whether it is held out.
    type Made = (u32, bool);

    const SHARD_TOKENS: u64 = 40;

    fn index(documents: &[Made]) -> RecordBatch {
        let n = documents.len();
        let numbers = || Arc::new(UInt64Array::from(vec![1; n]));
        let texts = || Arc::new(StringArray::from(vec!["a"; n]));
        let validation: BooleanArray = documents.iter().map(|made| Some(made.1)).collect();
        let n_tokens: UInt32Array = documents.iter().map(|made| made.0).collect();
        let columns: Vec<arrow::array::ArrayRef> = vec![
            numbers(),
            texts(),
            texts(),
            texts(),
            Arc::new(validation),
            numbers(),
            Arc::new(n_tokens),
            numbers(),
        ];
        RecordBatch::try_new(index_schema(), columns).unwrap()
    }

    /// Tokens count up from `first`.
    fn payload(first: u16, documents: &[Made]) -> Vec<u8> {
        let n: u32 = documents.iter().map(|made| made.0).sum();
        (0..n as u16).flat_map(|k| (first + k).to_le_bytes()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 32,
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        /// Whatever order parts come in, and whether they wait in memory or on disk.
        #[test]
        fn documents_stand_in_the_order_of_their_parts(
            parts in prop::collection::vec(
                prop::collection::vec(prop::collection::vec((1..30u32, any::<bool>()), 0..4), 0..3),
                1..5,
            ),
            memory_bytes in prop::sample::select(vec![0, 400, 1 << 20]),
            turns in prop::collection::vec(any::<prop::sample::Index>(), 20),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let opened = Run::open_passing(&folder.path().join("run"), Fingerprint::default());
            let Opened::Open(run) = opened.unwrap() else { panic!("a fresh run") };
            let in_turn = InTurn::new(&run, 10_000, SHARD_TOKENS, memory_bytes).unwrap();
            let (mut batches, mut expected) = (Vec::new(), [Vec::new(), Vec::new()]);
            let mut next = 0;
            for part in &parts {
                batches.push(VecDeque::new());
                for documents in part {
                    batches.last_mut().unwrap().push_back((payload(next, documents), documents));
                    for (n_tokens, is_validation) in documents {
                        let tokens = next..next + *n_tokens as u16;
                        next = tokens.end;
                        expected[usize::from(*is_validation)].extend(tokens);
                    }
                }
            }
            let mut open: Vec<usize> = (0..parts.len()).collect();
            for step in 0.. {
                if open.is_empty() {
                    break;
                }
                let at = turns[step % turns.len()].index(open.len());
                let part = open[at];
                if let Some((mut payload, documents)) = batches[part].pop_front() {
                    in_turn.add(&run, part, &mut payload, index(documents)).unwrap();
                } else {
                    in_turn.end(&run, part).unwrap();
                    open.remove(at);
                }
            }
            let written = in_turn.finish(&run).unwrap();
            let mut found = [Vec::new(), Vec::new()];
            for (shard, planned) in written.entries.iter().zip(&written.planned) {
                prop_assert_eq!(&shard.name, &planned.split.shard_name(planned.number));
                prop_assert!(shard.counts.tokens <= SHARD_TOKENS);
                let bytes = std::fs::read(run.path(&format!("shards/{}.bin", shard.name))).unwrap();
                let tokens = bytes.as_chunks::<2>().0.iter().map(|token| u16::from_le_bytes(*token));
                found[usize::from(shard.split == Split::Validation)].extend(tokens);
            }
            prop_assert_eq!(found, expected);
        }
    }
}
