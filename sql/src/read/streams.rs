//! Streams that the readers of parts leave behind for the readers of later parts.
//!
//! A packed file of one member can be entered at its start only, so that the reader of a part
//! unpacks all parts before it. A stream that has come to the end of one part stands at the start
//! of the next: kept, it saves that work. Which streams are at hand changes time alone, since one
//! is taken only for a part with the restart that it was opened at, and is then in the state that
//! a new one would come to.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::decompress::{Restart, Stream};
use super::jsonl::JsonlRecords;
use super::source::ReadSeek;
use super::{Format, Input, PartRange, Record, Records, read};

/// Streams that wait for a reader.
pub struct Streams {
    kept: Mutex<Vec<(Input, Stream)>>,
    max: usize,
}

impl Streams {
    /// Keeps `max` streams at most, each with a window of its compression; as many as there are
    /// threads that read.
    pub fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { kept: Mutex::default(), max })
    }

    /// Does the same as [`read()`], with a stream that was left behind, if there is a fitting one;
    /// else `open` opens the file. Where only the records `wanted` are looked for, whose numbers are
    /// sorted, others may be passed over.
    ///
    /// # Errors
    ///
    /// Only when the file itself fails; so does the iterator.
    pub fn read(
        self: &Arc<Self>,
        input: &Input,
        open: impl FnOnce() -> io::Result<Box<dyn ReadSeek>>,
        range: &PartRange,
        wanted: Option<Arc<[u32]>>,
    ) -> io::Result<Records> {
        let PartRange::Lines { start, end, restart, .. } = *range else {
            return read(input, open()?, range);
        };
        if input.format != Format::Jsonl {
            return read(input, open()?, range);
        }
        let stream = match self.take(input, start, restart) {
            Some(stream) => stream,
            None => Stream::open(input, open()?, restart)?,
        };
        let records = JsonlRecords::new(input, stream, range)?.only(wanted);
        // Behind the last part comes none.
        let streams = end.map(|_| Arc::clone(self));
        Ok(Records::new(Keeping { records: Some(records), input: input.clone(), streams }))
    }

    /// The stream that has come nearest to `start`.
    fn take(&self, input: &Input, start: u64, restart: Restart) -> Option<Stream> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |(of, stream): &(Input, Stream)| {
            of == input && stream.opened() == restart && stream.offset() <= start
        };
        let fitting = kept.iter().enumerate().filter(|(_, kept)| fits(kept));
        let (nearest, _) = fitting.max_by_key(|(_, (_, stream))| stream.offset())?;
        Some(kept.remove(nearest).1)
    }

    fn keep(&self, input: Input, stream: Stream) {
        // The next part of a file with members is entered at one.
        if !stream.is_compressed() || stream.member() != stream.opened() {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push((input, stream));
        if kept.len() > self.max {
            kept.remove(0);
        }
    }
}

/// The records of a part, whose stream is kept at its end.
struct Keeping {
    records: Option<JsonlRecords>,
    input: Input,
    streams: Option<Arc<Streams>>,
}

impl Iterator for Keeping {
    type Item = io::Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.records.as_mut()?.next();
        if item.is_none()
            && let Some(records) = self.records.take()
            && let Some(streams) = &self.streams
        {
            streams.keep(self.input.clone(), records.into_stream());
        }
        item
    }
}
