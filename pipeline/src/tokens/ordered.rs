//! Shards of a run that serves one command: they are written while their documents are encoded.
//!
//! Shards hold the documents in the order of their parts, but parts are encoded in parallel and
//! their batches arrive in any order. A batch that arrives early waits: in memory while the limit
//! allows it, otherwise on disk. Whichever thread finds the writer free writes all batches whose
//! turn has come. So tokens are written once, most of them while they are still in the processor's
//! cache.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use arrow::record_batch::RecordBatch;
use bug::{Bug, OrBug as _};
use shards::dataset::{DatasetWriter, TokenType};
use store::layout::SHARDS;
use store::{Run, Scratch};

use super::index::Index;
use super::placement::{PlacedShards, Placement};
use crate::error::Result;

/// Waiting tokens may take one part in this many of the run's memory.
const MEMORY_SHARE: u64 = 8;

/// Empty buffers that are kept for reuse.
const SPARE_BUFFERS_MAX: usize = 16;

/// Writes shards from parts that arrive in any order.
pub(crate) struct OrderedShardWriter {
    queue: Mutex<Queue>,
    /// `None` once the shards are finished.
    shards: Mutex<Option<OpenShards>>,
    scratch: Scratch,
    held_bytes_max: u64,
}

/// The shards that are being written, and where each document went.
struct OpenShards {
    writer: DatasetWriter<'static>,
    token_type: TokenType,
    placement: Placement,
    /// The index of each part, batch by batch.
    indexes: BTreeMap<usize, Vec<RecordBatch>>,
}

/// The batches that wait.
#[derive(Default)]
struct Queue {
    /// The part whose documents come next.
    next_part: usize,
    parts: BTreeMap<usize, WaitingPart>,
    /// Bytes of tokens that wait in memory.
    held_bytes: u64,
    /// Batches that were put on disk so far; numbers their files.
    n_stored: u64,
    /// Empty buffers for reuse.
    spare: Vec<Vec<u8>>,
}

/// The batches of a part that wait.
#[derive(Default)]
struct WaitingPart {
    batches: VecDeque<EncodedBatch>,
    /// True when no more batches follow.
    is_complete: bool,
}

/// The documents of a batch.
struct EncodedBatch {
    payload: Payload,
    index: RecordBatch,
}

/// Tokens as shards hold them, one document after another.
enum Payload {
    /// In memory.
    Held(Vec<u8>),
    /// In a scratch file.
    Stored { name: String, n_bytes: usize },
}

impl OrderedShardWriter {
    /// Writes shards of at most `shard_tokens` tokens, or one longer document. `memory_bytes` is
    /// the run's memory; a share of it may be held by waiting tokens.
    ///
    /// # Errors
    /// The scratch folder cannot be created.
    pub(super) fn new(
        run: &Run,
        vocab_size: usize,
        shard_tokens: u64,
        memory_bytes: u64,
    ) -> Result<Self> {
        let shards = OpenShards {
            writer: DatasetWriter::new(run.folder(SHARDS), vocab_size, shard_tokens),
            token_type: TokenType::for_vocabulary(vocab_size),
            placement: Placement::default(),
            indexes: BTreeMap::new(),
        };
        Ok(Self {
            queue: Mutex::default(),
            shards: Mutex::new(Some(shards)),
            scratch: Scratch::create(run.path("work/tokens"))?,
            held_bytes_max: memory_bytes / MEMORY_SHARE,
        })
    }

    /// Adds the next batch of a part: its tokens and its index. `payload` is left empty.
    ///
    /// # Errors
    /// A scratch file or a shard cannot be written.
    pub(super) fn add(&self, part: usize, payload: &mut Vec<u8>, index: RecordBatch) -> Result<()> {
        let payload = self.hold(part, payload)?;
        let batch = EncodedBatch { payload, index };
        lock(&self.queue).parts.entry(part).or_default().batches.push_back(batch);
        self.write()
    }

    /// Notes that a part is complete. Must also be called for parts without documents.
    ///
    /// # Errors
    /// A shard cannot be written.
    pub(super) fn end(&self, part: usize) -> Result<()> {
        lock(&self.queue).parts.entry(part).or_default().is_complete = true;
        self.write()
    }

    /// Publishes the last shards, once all parts are complete.
    ///
    /// # Errors
    /// A shard cannot be written. It is a bug if a part is incomplete.
    pub(super) fn finish(&self) -> Result<PlacedShards> {
        self.write()?;
        if let Some(part) = lock(&self.queue).parts.keys().next() {
            return Err(Bug::new(format!("the tokens of part {part} are in no shard")).into());
        }
        let shards = lock(&self.shards).take();
        shards.or_bug("shards are finished once")?.finish()
    }

    /// Keeps tokens in memory while the limit allows it, and always those of the next part, which
    /// are written at once.
    fn hold(&self, part: usize, payload: &mut Vec<u8>) -> Result<Payload> {
        let n_bytes = payload.len();
        let name = {
            let mut queue = lock(&self.queue);
            let held_bytes = queue.held_bytes + n_bytes as u64;
            if queue.next_part == part || held_bytes <= self.held_bytes_max {
                queue.held_bytes = held_bytes;
                // Without a spare buffer, the caller gets a new one.
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

    /// Writes all batches whose turn has come, unless another thread is writing.
    fn write(&self) -> Result<()> {
        loop {
            let mut shards = match self.shards.try_lock() {
                Ok(shards) => shards,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return Ok(()),
            };
            let open = shards.as_mut().or_bug("no tokens arrive after the last shard")?;
            self.write_to(open)?;
            drop(shards);
            // A batch may have arrived after the last look at the queue, from a thread that found
            // the writer busy and left.
            if !lock(&self.queue).has_next() {
                return Ok(());
            }
        }
    }

    fn write_to(&self, shards: &mut OpenShards) -> Result<()> {
        loop {
            // A statement by itself, so that the queue is unlocked while its batch is written.
            let next = lock(&self.queue).next();
            let Some((part, batch)) = next else { return Ok(()) };
            let payload = match batch.payload {
                Payload::Held(payload) => payload,
                Payload::Stored { name, n_bytes } => self.read(&name, n_bytes)?,
            };
            shards.add(part, &payload, batch.index)?;
            lock(&self.queue).recycle(payload);
        }
    }

    /// Reads tokens back and removes their file.
    fn read(&self, name: &str, n_bytes: usize) -> Result<Vec<u8>> {
        let mut payload = vec![0; n_bytes];
        self.scratch.read(name)?.read_at(0, &mut payload)?;
        self.scratch.remove(name)?;
        Ok(payload)
    }
}

impl OpenShards {
    /// Adds the next documents of a part: their tokens, one document after another, and their
    /// index.
    fn add(&mut self, part: usize, payload: &[u8], rows: RecordBatch) -> Result<()> {
        let before = self.indexes.entry(part).or_default();
        let start: usize = before.iter().map(RecordBatch::num_rows).sum();
        before.push(rows.clone());
        let index = Index::new(rows);
        let mut rest = payload;
        for row in 0..index.len() {
            let n_bytes = index.n_tokens(row) * self.token_type.bytes();
            let (tokens, later) = rest.split_at(n_bytes as usize);
            rest = later;
            let split = index.split(row);
            let number = self.writer.add(split, &index.document(row, tokens))?;
            self.placement.add(split, number, (part, start + row));
        }
        Ok(())
    }

    /// Publishes the last shards.
    fn finish(self) -> Result<PlacedShards> {
        let written = self.writer.close()?;
        let index = |(part, batches): (usize, Vec<_>)| Ok((part, Index::of(&batches)?));
        Ok(PlacedShards {
            entries: written.entries,
            placed: self.placement.into_shards(),
            indexes: self.indexes.into_iter().map(index).collect::<Result<_>>()?,
            files: written.files,
        })
    }
}

impl Queue {
    /// The batch whose turn it is, if it has arrived, and its part.
    fn next(&mut self) -> Option<(usize, EncodedBatch)> {
        loop {
            let waiting = self.parts.get_mut(&self.next_part)?;
            if let Some(batch) = waiting.batches.pop_front() {
                if let Payload::Held(payload) = &batch.payload {
                    self.held_bytes -= payload.len() as u64;
                }
                return Some((self.next_part, batch));
            }
            if !waiting.is_complete {
                return None;
            }
            self.parts.remove(&self.next_part);
            self.next_part += 1;
        }
    }

    fn has_next(&self) -> bool {
        let waiting = self.parts.get(&self.next_part);
        waiting.is_some_and(|waiting| waiting.is_complete || !waiting.batches.is_empty())
    }

    /// Keeps a buffer for reuse.
    fn recycle(&mut self, mut payload: Vec<u8>) {
        if self.spare.len() < SPARE_BUFFERS_MAX {
            payload.clear();
            self.spare.push(payload);
        }
    }
}

/// A poisoned lock means that another thread panicked, which already ends the run.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BooleanArray, StringArray, UInt32Array, UInt64Array};
    use proptest::prelude::*;
    use shards::dataset::Split;
    use store::{Fingerprint, Opened};

    use super::super::index::index_schema;
    use super::*;

    /// A document: its number of tokens, and whether it is held out.
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

        /// Holds for any order of arrival, whether parts wait in memory or on disk.
        #[test]
        fn documents_keep_the_order_of_their_parts(
            parts in prop::collection::vec(
                prop::collection::vec(prop::collection::vec((1..30u32, any::<bool>()), 0..4), 0..3),
                1..5,
            ),
            memory_bytes in prop::sample::select(vec![0, 400, 1 << 20]),
            turns in prop::collection::vec(any::<prop::sample::Index>(), 20),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let opened = Run::open_ephemeral(&folder.path().join("run"), Fingerprint::default());
            let Opened::Open(run) = opened.unwrap() else { panic!("a fresh run") };
            let writer = OrderedShardWriter::new(&run, 10_000, SHARD_TOKENS, memory_bytes).unwrap();
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
                    writer.add(part, &mut payload, index(documents)).unwrap();
                } else {
                    writer.end(part).unwrap();
                    open.remove(at);
                }
            }
            let written = writer.finish().unwrap();
            let mut found = [Vec::new(), Vec::new()];
            for (shard, placed) in written.entries.iter().zip(&written.placed) {
                prop_assert_eq!(&shard.name, &placed.split.shard_name(placed.number));
                prop_assert!(shard.counts.tokens <= SHARD_TOKENS);
                let bytes = std::fs::read(run.path(&format!("shards/{}.bin", shard.name))).unwrap();
                let tokens = bytes.as_chunks::<2>().0;
                let tokens = tokens.iter().map(|token| u16::from_le_bytes(*token));
                found[usize::from(shard.split == Split::Validation)].extend(tokens);
            }
            prop_assert_eq!(found, expected);
        }
    }
}
