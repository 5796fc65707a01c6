//! Half-read streams, kept for the readers of later parts.
//!
//! A compressed file of one member can only be decompressed from its start, so the reader of a part
//! decompresses all parts before it. A stream that has reached the end of one part is at the start
//! of the next, and keeping it saves that work. Which streams the pool holds affects only time: a
//! stream is reused only for a part with the restart at which it was opened, and is then in the
//! same state as a new one that has skipped to the part.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::decompress::{Restart, Stream};
use crate::dispatch::read;
use crate::format::Format;
use crate::input::Input;
use crate::jsonl::JsonlRecords;
use crate::part_range::PartRange;
use crate::read_seek::ReadSeek;
use crate::record::{Record, Records};

/// Streams that wait for a reader, the oldest first.
pub struct StreamPool {
    kept: Mutex<Vec<(Input, Stream)>>,
    max: usize,
}

impl StreamPool {
    /// A pool of at most `max` streams, each with the window of its compression. As many as there
    /// are reading threads are enough.
    pub fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { kept: Mutex::default(), max })
    }

    /// Does the same as [`read()`], with a stream of the pool if one fits; otherwise `open` opens
    /// the file. If only records with the sorted ordinals `wanted` are needed, others may be
    /// skipped.
    ///
    /// # Errors
    ///
    /// Only if the file itself fails; the same holds for the iterator.
    pub fn read(
        self: &Arc<Self>,
        input: &Input,
        open: impl FnOnce() -> io::Result<Box<dyn ReadSeek>>,
        range: &PartRange,
        wanted: Option<Arc<[u32]>>,
    ) -> io::Result<Records> {
        // The parts of the other formats start with a member, or are few.
        let (PartRange::Lines { start, end, restart, .. }, Format::Jsonl | Format::Text) =
            (*range, input.format)
        else {
            return read(input, open()?, range);
        };
        let stream = match self.take(input, start, restart) {
            Some(stream) => stream,
            None => Stream::open(input, open()?, restart)?,
        };
        let records = JsonlRecords::new(input, stream, range)?.only(wanted);
        // No part follows the last.
        let pool = end.map(|_| Arc::clone(self));
        Ok(Records::new(Returning { records: Some(records), input: input.clone(), pool }))
    }

    /// Takes the stream that is nearest to `start` but not past it.
    fn take(&self, input: &Input, start: u64, restart: Restart) -> Option<Stream> {
        let mut kept = self.lock();
        let fits = |(of, stream): &(Input, Stream)| {
            of == input && stream.opened() == restart && stream.offset() <= start
        };
        let fitting = kept.iter().enumerate().filter(|(_, kept)| fits(kept));
        let (nearest, _) = fitting.max_by_key(|(_, (_, stream))| stream.offset())?;
        Some(kept.remove(nearest).1)
    }

    fn keep(&self, input: Input, stream: Stream) {
        // The next part of a file with several members starts decompression at a later member.
        if !stream.is_compressed() || stream.member() != stream.opened() {
            return;
        }
        let mut kept = self.lock();
        kept.push((input, stream));
        if kept.len() > self.max {
            kept.remove(0);
        }
    }

    /// A panic of another thread cannot have left the list half-changed.
    fn lock(&self) -> MutexGuard<'_, Vec<(Input, Stream)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The records of a part, which return their stream to the pool at the end.
struct Returning {
    records: Option<JsonlRecords>,
    input: Input,
    pool: Option<Arc<StreamPool>>,
}

impl Iterator for Returning {
    type Item = io::Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.records.as_mut()?.next();
        if item.is_none()
            && let Some(records) = self.records.take()
            && let Some(pool) = &self.pool
        {
            pool.keep(self.input.clone(), records.into_stream());
        }
        item
    }
}
