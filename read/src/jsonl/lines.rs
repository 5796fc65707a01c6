//! The numbered lines of a stream, in bounded memory, with gaps where data is missing.

use std::io;

use crate::decompress::{Damage, Filled, Restart, Stream};

/// What [`Lines::next_line`] found. Each event except `End` has its own ordinal.
pub(crate) enum LineEvent {
    /// A line at this decompressed offset; [`Lines::line`] returns it.
    Line(u64),
    /// A line over the limit: its decompressed offset and its length in bytes.
    TooLong(u64, u64),
    /// Data is missing. This many bytes of a line before it are lost with it.
    Gap(Damage, u64),
    /// The end of the range.
    End,
}

/// The lines of a range of a stream.
///
/// A gap ends a line like a line feed does. A line or a gap at the offset where a range ends
/// belongs to the next range, so that the ranges of a file tile it.
pub(crate) struct Lines {
    stream: Stream,
    end: Option<u64>,
    max_line_bytes: u64,
    /// Whether to keep the lines, rather than only their offsets.
    keep: bool,
    /// The first bytes of a line that ends in a later chunk.
    carry: Vec<u8>,
    /// Number of bytes of the last line in the stream's buffer, including the line feed.
    taken: usize,
    /// Whether the last line is in `carry`.
    carried: bool,
    ordinal: u64,
    next_ordinal: u64,
}

impl Lines {
    /// The lines of `stream` whose decompressed offsets are in `start..end`. The first has the
    /// number `first_ordinal`.
    pub(crate) fn open(
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

    /// The lines of a whole stream, of which only the offsets are kept.
    pub(crate) fn scan(stream: Stream, max_line_bytes: u64) -> io::Result<Self> {
        let lines = Self::open(stream, (0, None), 0, max_line_bytes)?;
        Ok(Self { keep: false, ..lines })
    }

    /// Number of the last event.
    pub(crate) fn ordinal(&self) -> u64 {
        self.ordinal
    }

    /// Number of the next event.
    pub(crate) fn next_ordinal(&self) -> u64 {
        self.next_ordinal
    }

    /// The line of the last [`LineEvent::Line`], without its line feed.
    pub(crate) fn line(&self) -> &[u8] {
        if self.carried {
            &self.carry
        } else {
            &self.stream.buffer()[..self.taken.saturating_sub(1)]
        }
    }

    /// Decompressed offset after the last event.
    pub(crate) fn offset(&self) -> u64 {
        self.stream.offset() + self.taken as u64
    }

    /// Start of the member that contains the last event.
    pub(crate) fn member(&self) -> Restart {
        self.stream.member()
    }

    /// The underlying stream.
    pub(crate) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// The underlying stream, positioned after the last event.
    pub(crate) fn into_stream(mut self) -> Stream {
        self.stream.consume(self.taken);
        self.stream
    }

    /// Reads the next line or gap.
    pub(crate) fn next_line(&mut self) -> io::Result<LineEvent> {
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
                // A line that lies within the buffer is not copied.
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

    /// Keeps the first `count` bytes of the buffer, with which the line has `length` bytes so far.
    /// Keeps nothing of a line that is too long.
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
