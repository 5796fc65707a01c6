//! Lines of a stream: bounded in memory, numbered, with gaps where data is missing.

use std::io;

use super::damage::Damage;
use super::decompress::{Filled, Restart, Stream};

/// The most records of one file: ordinals are `u32`.
pub(super) const MAX_RECORDS: u64 = u32::MAX as u64;

/// What [`Lines::next_line`] found. Each event but `End` has an ordinal of its own.
pub(super) enum LineEvent {
    /// A line, without its line feed, at this decompressed offset: see [`Lines::line`].
    Line(u64),
    /// A line of more than the limit, at this decompressed offset and of this many bytes.
    TooLong(u64, u64),
    /// Data is missing; so many bytes of a line before it are lost with it.
    Gap(Damage, u64),
    /// The range is at its end.
    End,
}

/// The lines of a range of a stream.
///
/// A gap ends a line, as a line feed does. What comes at the offset where a range ends, be it a
/// gap, belongs to the next range, so that ranges of a file tile it.
pub(super) struct Lines {
    stream: Stream,
    end: Option<u64>,
    max_line_bytes: u64,
    /// Whether lines are wanted, or only their places.
    keep: bool,
    /// Start of a line whose end is in a later chunk.
    carry: Vec<u8>,
    /// Bytes of the stream's buffer that the last line took.
    taken: usize,
    /// Whether the last line is in `carry`.
    carried: bool,
    ordinal: u64,
    next_ordinal: u64,
}

impl Lines {
    /// The lines of `stream` from the decompressed offset `start`, whose number is
    /// `first_ordinal`, to `end`.
    pub(super) fn open(
        mut stream: Stream,
        (start, end): (u64, Option<u64>),
        first_ordinal: u64,
        max_line_bytes: u64,
    ) -> io::Result<Self> {
        stream.skip_to(start)?;
        Ok(Self {
            stream,
            end,
            max_line_bytes,
            keep: true,
            carry: Vec::new(),
            taken: 0,
            carried: false,
            ordinal: first_ordinal,
            next_ordinal: first_ordinal,
        })
    }

    /// The lines of a whole stream, of which only the places are wanted.
    pub(super) fn scan(stream: Stream, max_line_bytes: u64) -> io::Result<Self> {
        let lines = Self::open(stream, (0, None), 0, max_line_bytes)?;
        Ok(Self { keep: false, ..lines })
    }

    /// Number of the last event.
    pub(super) fn ordinal(&self) -> u64 {
        self.ordinal
    }

    /// Number of the next event.
    pub(super) fn next_ordinal(&self) -> u64 {
        self.next_ordinal
    }

    /// The line of the last [`LineEvent::Line`].
    pub(super) fn line(&self) -> &[u8] {
        if self.carried {
            &self.carry
        } else {
            &self.stream.buffer()[..self.taken.saturating_sub(1)]
        }
    }

    /// Decompressed offset after the last event.
    pub(super) fn offset(&self) -> u64 {
        self.stream.offset() + self.taken as u64
    }

    /// Start of the member at hand.
    pub(super) fn member(&self) -> Restart {
        self.stream.member()
    }

    /// The stream below.
    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// The stream below, after the last event.
    pub(super) fn into_stream(mut self) -> Stream {
        self.stream.consume(self.taken);
        self.stream
    }

    /// Goes to the next line or gap.
    pub(super) fn next_line(&mut self) -> io::Result<LineEvent> {
        self.stream.consume(std::mem::take(&mut self.taken));
        self.carried = false;
        self.carry.clear();
        let start = self.stream.offset();
        if self.end.is_some_and(|end| start >= end) {
            return Ok(LineEvent::End);
        }
        let mut length = 0;
        loop {
            let buffer = self.stream.buffer();
            if let Some(at) = memchr::memchr(b'\n', buffer) {
                length += at as u64;
                self.taken = at + 1;
                if length > at as u64 || !self.keep {
                    self.extend(at, length);
                    self.carried = true;
                }
                return Ok(self.finish(start, length));
            }
            let count = buffer.len();
            length += count as u64;
            self.extend(count, length);
            self.stream.consume(count);
            match self.stream.fill()? {
                Filled::Data => {}
                Filled::Gap(damage) => {
                    self.count();
                    return Ok(LineEvent::Gap(damage, length));
                }
                Filled::End if length == 0 => return Ok(LineEvent::End),
                Filled::End => {
                    self.carried = true;
                    return Ok(self.finish(start, length));
                }
            }
        }
    }

    /// Keeps `count` bytes of the buffer, the last of a line of `length` so far; of a line that is
    /// too long, nothing.
    fn extend(&mut self, count: usize, length: u64) {
        if length > self.max_line_bytes {
            self.carry = Vec::new();
        } else if self.keep {
            self.carry.extend_from_slice(&self.stream.buffer()[..count]);
        }
    }

    fn finish(&mut self, start: u64, length: u64) -> LineEvent {
        self.count();
        if length > self.max_line_bytes {
            LineEvent::TooLong(start, length)
        } else {
            LineEvent::Line(start)
        }
    }

    fn count(&mut self) {
        self.ordinal = self.next_ordinal;
        self.next_ordinal += 1;
    }
}
