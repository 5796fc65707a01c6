//! Splitting a WARC stream into records, before their headers are parsed.
//!
//! fastwarc parses the headers (see `http.rs`) but does not drive the reading. Its iterator takes a
//! Content-Length that is missing or not a number as 0, skips a body that the file ends in, follows
//! a wrong length into the next record, matches `WARC-Type` case-sensitively, and abandons the file
//! at the first header or payload that it cannot parse. Here a length is believed only if what
//! follows agrees with it, and one bad record costs only itself: reading resumes at the next line
//! that starts a record.

use std::io;

use memchr::memmem;

use super::header::{
    RECORD_START_BYTES, VERSION_LINE_BYTES, content_length, embedded_record, header_end,
    is_cut_version_line, is_version_line, line_ends,
};
use super::record_buffer::RecordBuffer;
use crate::decompress::{Damage, Filled, Restart, Stream};
use crate::fault::FaultReason;
use crate::limits::Limits;

/// Length of the data after a record that does not end where it says. Damage of the record's member
/// within this length explains that data.
const DAMAGE_BYTES: usize = 1 << 20;

/// A place where a record starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordStart {
    /// Offset in the decompressed data.
    pub(crate) start: u64,
    /// The member that contains it.
    pub(crate) restart: Restart,
}

/// What [`RawRecords::next_record`] found.
pub(crate) enum RawRecord {
    /// A whole record; see [`RawRecords::header`] and [`RawRecords::block`].
    Whole,
    /// A record of this many bytes, whose block exceeds the limit and was skipped; see
    /// [`RawRecords::header`].
    Oversized(u64),
    /// This many bytes are lost, for a reason.
    Lost(u64, FaultReason, String),
    /// Data is missing in the compressed file.
    Gap(Damage),
    /// The end of the stream.
    End,
}

/// The records of a stream.
///
/// They depend only on the data from the start of the first of them, and not on what precedes it.
/// So a part can start at every place that [`RawRecords::start`] returns.
pub(crate) struct RawRecords {
    buffer: RecordBuffer,
    /// See [`RawRecords::offset`].
    offset: u64,
    /// See [`RawRecords::start`].
    start: Option<RecordStart>,
    /// Header of the last record.
    header: Vec<u8>,
    /// Length of the block of the last record.
    block_bytes: usize,
    /// Length of the last record with the line ends after it, to be consumed next.
    taken: usize,
    limits: Limits,
}

impl RawRecords {
    /// The records of `stream` from the decompressed offset `start`, which must be the start of
    /// one.
    pub(crate) fn open(stream: Stream, start: u64, limits: &Limits) -> io::Result<Self> {
        Ok(Self {
            buffer: RecordBuffer::open(stream, start)?,
            offset: 0,
            start: None,
            header: Vec::new(),
            block_bytes: 0,
            taken: 0,
            limits: limits.clone(),
        })
    }

    /// Where the last record starts, if a part can start there.
    pub(crate) fn start(&self) -> Option<RecordStart> {
        self.start
    }

    /// The underlying stream.
    pub(crate) fn stream(&self) -> &Stream {
        self.buffer.stream()
    }

    /// Decompressed offset after the records so far.
    pub(crate) fn end_offset(&self) -> u64 {
        self.buffer.offset()
    }

    /// Where the last record starts: in a compressed file the offset of its member in the file, in
    /// a plain file its own offset.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Header of the last record, from its version line to its blank line.
    pub(crate) fn header(&self) -> &[u8] {
        &self.header
    }

    /// Block of the last [`RawRecord::Whole`].
    pub(crate) fn block(&self) -> &[u8] {
        &self.buffer.data()[self.header.len()..][..self.block_bytes]
    }

    /// The next bytes, 256 at most, which show what a file is that is not WARC.
    pub(crate) fn first_bytes(&mut self) -> io::Result<&[u8]> {
        self.buffer.want(256)?;
        let bytes = self.buffer.data();
        Ok(&bytes[..bytes.len().min(256)])
    }

    /// Skips the rest of the stream and returns its length in bytes.
    pub(crate) fn skip_all(&mut self) -> io::Result<u64> {
        let mut length = 0;
        while !self.buffer.data().is_empty() || self.buffer.more()? {
            let count = self.buffer.data().len();
            length += count as u64;
            self.buffer.advance(count);
        }
        Ok(length)
    }

    /// Reads the next record.
    pub(crate) fn next_record(&mut self) -> io::Result<RawRecord> {
        let taken = std::mem::take(&mut self.taken);
        self.buffer.advance(taken);
        self.block_bytes = 0;
        self.skip_line_ends()?;
        self.buffer.want(VERSION_LINE_BYTES)?;
        let place = self.place();
        (self.offset, self.start) = (place.restart.compressed, None);
        if self.buffer.data().is_empty() {
            return Ok(self.take_barrier());
        }
        let first = self.buffer.data();
        if first.len() < VERSION_LINE_BYTES && is_cut_version_line(first) {
            return self.cut("WARC header");
        }
        if !is_version_line(first) {
            let detail = "bytes that start no WARC record".to_owned();
            return self.lose(0, FaultReason::BadHeader, detail);
        }
        self.start = Some(place);
        let max = self.limits.max_header_bytes as usize;
        let mut seen = 0;
        let header_bytes = loop {
            let bytes = self.buffer.data();
            if let Some(end) = header_end(&bytes[..bytes.len().min(max)], seen) {
                break end;
            }
            if bytes.len() >= max {
                let detail = format!("WARC header of more than {max} bytes");
                return self.lose(1, FaultReason::BadHeader, detail);
            }
            seen = bytes.len();
            if !self.buffer.more()? {
                return self.cut("WARC header");
            }
        };
        self.header.clear();
        self.header.extend_from_slice(&self.buffer.data()[..header_bytes]);
        match content_length(&self.header) {
            Ok(length) => self.read_block(length),
            Err(detail) => self.lose(1, FaultReason::BadContentLength, detail.to_owned()),
        }
    }

    /// Reads the block of `length` bytes after the header, if the file agrees with the length.
    fn read_block(&mut self, length: u64) -> io::Result<RawRecord> {
        let header_bytes = self.header.len();
        let total = length.saturating_add(header_bytes as u64);
        let available = self.buffer.data().len() as u64;
        let most = available.saturating_add(self.buffer.stream().left_at_most());
        if total > most && length > self.limits.max_record_bytes {
            let detail = format!("Content-Length of {length} is more than the file holds");
            return self.lose(1, FaultReason::BadContentLength, detail);
        }
        if length > self.limits.max_record_bytes {
            return self.skip_block(length);
        }
        let total = total as usize;
        let complete = self.buffer.want(total)?;
        if let Some(start) = self.record_start_in(1, total)? {
            return Ok(self.overrun(length, start));
        }
        if !complete {
            let embedded = embedded_record(&self.buffer.data()[header_bytes..]);
            return match embedded {
                Some(at) => Ok(self.overrun(length, header_bytes + at)),
                None => self.cut("WARC record"),
            };
        }
        let (follows, after) = self.what_follows(total)?;
        match follows {
            Follows::Damage => return self.cut("WARC record"),
            Follows::Other => {
                // The length may end inside the lines by which a record is recognised.
                self.buffer.want(total + RECORD_START_BYTES)?;
                let end = self.buffer.data().len().min(total + RECORD_START_BYTES);
                let embedded = embedded_record(&self.buffer.data()[header_bytes..end]);
                if let Some(at) = embedded.filter(|at| header_bytes + at < total) {
                    return Ok(self.overrun(length, header_bytes + at));
                }
            }
            Follows::Record | Follows::End => {}
        }
        self.block_bytes = length as usize;
        self.taken = after;
        Ok(RawRecord::Whole)
    }

    /// What follows the first `total` bytes and the line ends after them, and the length of both.
    fn what_follows(&mut self, total: usize) -> io::Result<(Follows, usize)> {
        let mut after = total;
        loop {
            let rest = &self.buffer.data()[after..];
            after += line_ends(rest);
            if after == self.buffer.data().len() {
                if self.buffer.more()? {
                    continue;
                }
                let follows = if self.is_damaged() { Follows::Damage } else { Follows::End };
                return Ok((follows, after));
            }
            self.buffer.want(after + VERSION_LINE_BYTES)?;
            if is_version_line(&self.buffer.data()[after..]) {
                return Ok((Follows::Record, after));
            }
            // What follows may be the output of a damaged member. The member's end shows it.
            let end = after + DAMAGE_BYTES;
            while self.buffer.data().len() <= end && self.buffer.more()? {}
            // The buffer may already hold more than that, which must make no difference.
            let explained = self.is_damaged() && self.buffer.data().len() <= end;
            return Ok((if explained { Follows::Damage } else { Follows::Other }, after));
        }
    }

    /// Whether the data ends in damage of the member in which it starts.
    fn is_damaged(&self) -> bool {
        match self.buffer.barrier() {
            Some(Filled::Gap(damage)) => {
                let member = self.buffer.member().compressed;
                damage.member == member && damage.failed != damage.member
            }
            _ => false,
        }
    }

    /// Skips a record that is too long to keep, without holding its block in memory.
    fn skip_block(&mut self, length: u64) -> io::Result<RawRecord> {
        let header_bytes = self.header.len();
        self.buffer.advance(header_bytes);
        let mut left = length;
        while left > 0 {
            if self.buffer.data().is_empty() && !self.buffer.more()? {
                return self.cut("WARC record");
            }
            let available = self.buffer.data().len();
            let count = left.min(available as u64) as usize;
            if let Some(start) = self.record_start_in(0, count)? {
                self.taken = start;
                let lost = header_bytes as u64 + (length - left) + start as u64;
                let detail = format!("Content-Length of {length} runs into the next record");
                return Ok(RawRecord::Lost(lost, FaultReason::BadContentLength, detail));
            }
            self.buffer.advance(count);
            left -= count as u64;
        }
        Ok(RawRecord::Oversized(header_bytes as u64 + length))
    }

    /// Loses the first `start` bytes, after which the next record was found inside this one.
    fn overrun(&mut self, length: u64, start: usize) -> RawRecord {
        self.taken = start;
        let detail = format!("Content-Length of {length} runs into the next record");
        RawRecord::Lost(start as u64, FaultReason::BadContentLength, detail)
    }

    /// The first position in a range of the data where a member starts with a record.
    fn record_start_in(&mut self, start: usize, end: usize) -> io::Result<Option<usize>> {
        // One member at a time, since a buffer of many small members is searched once for each of
        // their records.
        let mut number = 0;
        while let Some(position) = self.buffer.member_position(number).filter(|&at| at < end) {
            number += 1;
            if position < start {
                continue;
            }
            self.buffer.want(position + VERSION_LINE_BYTES)?;
            if self.buffer.data().get(position..).is_some_and(is_version_line) {
                return Ok(Some(position));
            }
        }
        Ok(None)
    }

    /// Loses the data up to the barrier, which truncates a record.
    fn cut(&mut self, what: &str) -> io::Result<RawRecord> {
        while self.buffer.more()? {}
        let length = self.buffer.data().len();
        self.buffer.advance(length);
        if let RawRecord::Gap(mut damage) = self.take_barrier() {
            damage.detail = format!("{} inside a {what}", damage.detail);
            return Ok(RawRecord::Gap(damage));
        }
        let detail = format!("file ends in a {what}");
        Ok(RawRecord::Lost(length as u64, FaultReason::Truncated, detail))
    }

    /// Loses the data up to the next line, at or after `from`, that starts a record.
    fn lose(&mut self, from: usize, reason: FaultReason, detail: String) -> io::Result<RawRecord> {
        let mut length = from as u64;
        self.buffer.advance(from);
        loop {
            self.buffer.want(VERSION_LINE_BYTES)?;
            let bytes = self.buffer.data();
            if let Some(at) = find_record(&self.buffer) {
                self.buffer.advance(at);
                return Ok(RawRecord::Lost(length + at as u64, reason, detail));
            }
            // The end of the data may cut a version line, and the byte before it shows whether it
            // starts a line.
            let count = bytes.len().saturating_sub(VERSION_LINE_BYTES + 1);
            length += count as u64;
            self.buffer.advance(count);
            if !self.buffer.more()? {
                let rest = self.buffer.data().len();
                self.buffer.advance(rest);
                length += rest as u64;
                break;
            }
        }
        // Damage of the compression explains why a record is truncated.
        Ok(match self.buffer.barrier() {
            Some(Filled::Gap(damage)) if damage.failed != damage.member => self.take_barrier(),
            _ => RawRecord::Lost(length, reason, detail),
        })
    }

    /// Takes the barrier, so that reading continues after it.
    fn take_barrier(&mut self) -> RawRecord {
        match self.buffer.take_gap() {
            Some(damage) => RawRecord::Gap(damage),
            None => RawRecord::End,
        }
    }

    /// Where the data starts, and where reading can start in order to reach it.
    fn place(&self) -> RecordStart {
        let start = self.buffer.offset();
        let is_compressed = self.stream().is_compressed();
        // Reading plain data can start anywhere.
        let plain = Restart { compressed: start, decompressed: start };
        RecordStart { start, restart: if is_compressed { self.buffer.member() } else { plain } }
    }

    fn skip_line_ends(&mut self) -> io::Result<()> {
        loop {
            let count = line_ends(self.buffer.data());
            self.buffer.advance(count);
            if !self.buffer.data().is_empty() || !self.buffer.more()? {
                return Ok(());
            }
        }
    }
}

/// The first position in the data where a line or a member starts with a record.
fn find_record(buffer: &RecordBuffer) -> Option<usize> {
    let bytes = buffer.data();
    memmem::find_iter(bytes, b"WARC/").find(|&at| {
        let starts_line = at.checked_sub(1).is_some_and(|before| bytes[before] == b'\n');
        (starts_line || buffer.starts_member(at)) && is_version_line(&bytes[at..])
    })
}

/// What follows a block.
enum Follows {
    /// Another record.
    Record,
    /// Nothing: the file ends, or damage of another member follows.
    End,
    /// Damage of the record's own member: its checksum was not reached or is wrong.
    Damage,
    /// Something else.
    Other,
}
