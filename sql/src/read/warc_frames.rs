//! The records of a WARC stream as stretches of bytes, before their headers mean anything.
//!
//! fastwarc parses the headers (see `warc.rs`), but does not drive the reading. Its iterator takes
//! a Content-Length that is missing or no number for 0, passes over a body that the file ends in,
//! follows a wrong length into the next record, matches `WARC-Type` with its case, and gives up
//! the file at the first header or payload that it cannot parse. Here a length is believed when
//! what follows agrees with it, and one bad record costs one record: reading goes on at the next
//! line that starts a record.

use std::io;

use memchr::memmem;

use super::Limits;
use super::damage::Damage;
use super::decompress::{Filled, Restart, Stream};
use super::fault::FaultReason;
use super::warc_header::{
    RECORD_START_BYTES, VERSION_LINE_BYTES, content_length, embedded_record, header_end,
    is_cut_version_line, is_version_line, line_ends,
};
use super::window::Window;

/// Bytes behind a record that does not end where it says, in which damage of its member explains
/// what stands there.
const DAMAGE_BYTES: usize = 1 << 20;

/// A place where a record starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entrance {
    /// Offset in the decompressed data.
    pub(super) start: u64,
    /// The member that it is in.
    pub(super) member: Restart,
}

/// A stretch of the stream.
pub(super) enum Frame {
    /// A whole record: see [`Frames::header`] and [`Frames::block`].
    Record,
    /// A record whose block is over the limit and was stepped over: see [`Frames::header`].
    Oversized(u64),
    /// Bytes that are lost: so many, for a reason.
    Lost(u64, FaultReason, String),
    /// Data is missing in the compressed file.
    Gap(Damage),
    /// There is no more.
    End,
}

/// The records of a stream.
///
/// What they are depends on the data from where the first of them starts, and on nothing before:
/// that is what lets a part start at any of them that [`Frames::entrance`] names.
pub(super) struct Frames {
    window: Window,
    /// Offset of the last frame, as documents tell it.
    frame_offset: u64,
    entrance: Option<Entrance>,
    /// Header of the last record.
    header: Vec<u8>,
    /// Length of the block of the last record, and of all that its frame takes.
    block_bytes: usize,
    taken: usize,
    limits: Limits,
}

impl Frames {
    /// The records of `stream` from the decompressed offset `start`, where one of them starts.
    pub(super) fn open(stream: Stream, start: u64, limits: &Limits) -> io::Result<Self> {
        Ok(Self {
            window: Window::open(stream, start)?,
            frame_offset: 0,
            entrance: None,
            header: Vec::new(),
            block_bytes: 0,
            taken: 0,
            limits: limits.clone(),
        })
    }

    /// Where reading can start so that the last frame is its first, if it can.
    pub(super) fn entrance(&self) -> Option<Entrance> {
        self.entrance
    }

    /// The data that the records are in.
    pub(super) fn window(&self) -> &Window {
        &self.window
    }

    /// Where the last frame starts: the offset of its member in the compressed file, or its own in
    /// a plain one.
    pub(super) fn frame_offset(&self) -> u64 {
        self.frame_offset
    }

    /// Header of the last record: from its version line to its blank line.
    pub(super) fn header(&self) -> &[u8] {
        &self.header
    }

    /// Block of the last [`Frame::Record`].
    pub(super) fn block(&self) -> &[u8] {
        &self.window.at_hand()[self.header.len()..][..self.block_bytes]
    }

    /// First bytes at hand, for saying what a file that is no WARC is.
    pub(super) fn first_bytes(&mut self) -> io::Result<&[u8]> {
        self.window.want(256)?;
        let bytes = self.window.at_hand();
        Ok(&bytes[..bytes.len().min(256)])
    }

    /// Steps over all that is left, and tells how many bytes that was.
    pub(super) fn skip_all(&mut self) -> io::Result<u64> {
        let mut length = 0;
        while !self.window.at_hand().is_empty() || self.window.more()? {
            let count = self.window.at_hand().len();
            length += count as u64;
            self.window.advance(count);
        }
        Ok(length)
    }

    /// Goes to the next frame.
    pub(super) fn next_frame(&mut self) -> io::Result<Frame> {
        let taken = std::mem::take(&mut self.taken);
        self.window.advance(taken);
        self.block_bytes = 0;
        self.skip_line_ends()?;
        self.window.want(VERSION_LINE_BYTES)?;
        let place = self.place();
        (self.frame_offset, self.entrance) = (place.member.compressed, None);
        if self.window.at_hand().is_empty() {
            return Ok(self.take_barrier());
        }
        let first = self.window.at_hand();
        if first.len() < VERSION_LINE_BYTES && is_cut_version_line(first) {
            return self.cut("WARC header");
        }
        if !is_version_line(first) {
            let detail = "bytes that start no WARC record".to_owned();
            return self.lose(0, FaultReason::BadHeader, detail);
        }
        self.entrance = Some(place);
        let max = self.limits.max_header_bytes as usize;
        let mut seen = 0;
        let header_bytes = loop {
            let bytes = self.window.at_hand();
            if let Some(end) = header_end(&bytes[..bytes.len().min(max)], seen) {
                break end;
            }
            if bytes.len() >= max {
                let detail = format!("WARC header of more than {max} bytes");
                return self.lose(1, FaultReason::BadHeader, detail);
            }
            seen = bytes.len();
            if !self.window.more()? {
                return self.cut("WARC header");
            }
        };
        self.header.clear();
        self.header.extend_from_slice(&self.window.at_hand()[..header_bytes]);
        match content_length(&self.header) {
            Ok(length) => self.frame_block(length),
            Err(detail) => self.lose(1, FaultReason::BadContentLength, detail.to_owned()),
        }
    }

    /// Takes the block of `length` bytes behind the header, if the file agrees with the length.
    fn frame_block(&mut self, length: u64) -> io::Result<Frame> {
        let header_bytes = self.header.len();
        let total = length.saturating_add(header_bytes as u64);
        let at_hand = self.window.at_hand().len() as u64;
        let loaded = at_hand.saturating_add(self.window.stream().left_at_most());
        if total > loaded && length > self.limits.max_record_bytes {
            let detail = format!("Content-Length of {length} is more than the file holds");
            return self.lose(1, FaultReason::BadContentLength, detail);
        }
        if length > self.limits.max_record_bytes {
            return self.step_over(length);
        }
        let total = total as usize;
        let complete = self.window.want(total)?;
        if let Some(start) = self.record_start_in(1, total)? {
            return Ok(self.overrun(length, start));
        }
        if !complete {
            let embedded = embedded_record(&self.window.at_hand()[header_bytes..]);
            return match embedded {
                Some(at) => Ok(self.overrun(length, header_bytes + at)),
                None => self.cut("WARC record"),
            };
        }
        let (follows, after) = self.what_follows(total)?;
        match follows {
            Follows::Damage => return self.cut("WARC record"),
            Follows::Other => {
                // The length may end inside the lines that a record is known by.
                self.window.want(total + RECORD_START_BYTES)?;
                let end = self.window.at_hand().len().min(total + RECORD_START_BYTES);
                let embedded = embedded_record(&self.window.at_hand()[header_bytes..end]);
                if let Some(at) = embedded.filter(|at| header_bytes + at < total) {
                    return Ok(self.overrun(length, header_bytes + at));
                }
            }
            Follows::Record | Follows::End => {}
        }
        self.block_bytes = length as usize;
        self.taken = after;
        Ok(Frame::Record)
    }

    /// What stands after the first `total` bytes and the line ends behind them, and the length of
    /// both.
    fn what_follows(&mut self, total: usize) -> io::Result<(Follows, usize)> {
        let mut after = total;
        loop {
            let rest = &self.window.at_hand()[after..];
            after += line_ends(rest);
            if after == self.window.at_hand().len() {
                if self.window.more()? {
                    continue;
                }
                let follows = if self.is_damaged() { Follows::Damage } else { Follows::End };
                return Ok((follows, after));
            }
            self.window.want(after + VERSION_LINE_BYTES)?;
            if is_version_line(&self.window.at_hand()[after..]) {
                return Ok((Follows::Record, after));
            }
            // What follows may be what a damaged member unpacks to: its end tells.
            let end = after + DAMAGE_BYTES;
            while self.window.at_hand().len() <= end && self.window.more()? {}
            // More may be at hand from before, and that must make no difference.
            let explained = self.is_damaged() && self.window.at_hand().len() <= end;
            return Ok((if explained { Follows::Damage } else { Follows::Other }, after));
        }
    }

    /// Whether the data at hand ends in damage of the member that it starts in.
    fn is_damaged(&self) -> bool {
        match self.window.barrier() {
            Some(Filled::Gap(damage)) => {
                let member = self.window.member().compressed;
                damage.member == member && damage.failed != damage.member
            }
            _ => false,
        }
    }

    /// Steps over a record that is too long to keep, without its block in memory.
    fn step_over(&mut self, length: u64) -> io::Result<Frame> {
        let header_bytes = self.header.len();
        self.window.advance(header_bytes);
        let mut left = length;
        while left > 0 {
            if self.window.at_hand().is_empty() && !self.window.more()? {
                return self.cut("WARC record");
            }
            let at_hand = self.window.at_hand().len();
            let count = at_hand.min(usize::try_from(left).unwrap_or(usize::MAX));
            if let Some(start) = self.record_start_in(0, count)? {
                self.taken = start;
                let lost = header_bytes as u64 + (length - left) + start as u64;
                let detail = format!("Content-Length of {length} runs into the next record");
                return Ok(Frame::Lost(lost, FaultReason::BadContentLength, detail));
            }
            self.window.advance(count);
            left -= count as u64;
        }
        Ok(Frame::Oversized(header_bytes as u64 + length))
    }

    /// Loses `start` bytes, where the next record was found inside this one.
    fn overrun(&mut self, length: u64, start: usize) -> Frame {
        self.taken = start;
        let detail = format!("Content-Length of {length} runs into the next record");
        Frame::Lost(start as u64, FaultReason::BadContentLength, detail)
    }

    /// The first position at hand in a range where a member starts with a record.
    fn record_start_in(&mut self, start: usize, end: usize) -> io::Result<Option<usize>> {
        // One by one: a window of many small members is looked at once for each of its records.
        let mut number = 0;
        while let Some(position) = self.window.member_position(number).filter(|&at| at < end) {
            number += 1;
            if position < start {
                continue;
            }
            self.window.want(position + VERSION_LINE_BYTES)?;
            if self.window.at_hand().get(position..).is_some_and(is_version_line) {
                return Ok(Some(position));
            }
        }
        Ok(None)
    }

    /// Loses what is at hand up to the barrier, which ends a record in the middle.
    fn cut(&mut self, what: &str) -> io::Result<Frame> {
        while self.window.more()? {}
        let length = self.window.at_hand().len();
        self.window.advance(length);
        if let Frame::Gap(mut damage) = self.take_barrier() {
            damage.detail = format!("{} inside a {what}", damage.detail);
            return Ok(Frame::Gap(damage));
        }
        let detail = format!("file ends in a {what}");
        Ok(Frame::Lost(length as u64, FaultReason::Truncated, detail))
    }

    /// Loses what is at hand up to the next line, from `from` on, that starts a record.
    fn lose(&mut self, from: usize, reason: FaultReason, detail: String) -> io::Result<Frame> {
        let mut length = from as u64;
        self.window.advance(from);
        loop {
            self.window.want(VERSION_LINE_BYTES)?;
            let bytes = self.window.at_hand();
            if let Some(at) = find_record(&self.window) {
                self.window.advance(at);
                return Ok(Frame::Lost(length + at as u64, reason, detail));
            }
            // A version line may be cut by the end of what is at hand; the byte before it tells
            // whether it starts a line.
            let count = bytes.len().saturating_sub(VERSION_LINE_BYTES + 1);
            length += count as u64;
            self.window.advance(count);
            if !self.window.more()? {
                let rest = self.window.at_hand().len();
                self.window.advance(rest);
                length += rest as u64;
                break;
            }
        }
        // Damage in the compression explains what it cuts off.
        Ok(match self.window.barrier() {
            Some(Filled::Gap(damage)) if damage.failed != damage.member => self.take_barrier(),
            _ => Frame::Lost(length, reason, detail),
        })
    }

    /// The frame of the barrier, past which reading goes on.
    fn take_barrier(&mut self) -> Frame {
        match self.window.take_gap() {
            Some(damage) => Frame::Gap(damage),
            None => Frame::End,
        }
    }

    /// Where the data at hand is, and where reading can start to reach it.
    fn place(&self) -> Entrance {
        let start = self.window.offset();
        let is_packed = self.window.stream().is_compressed();
        // Plain data can be entered anywhere.
        let plain = Restart { compressed: start, decompressed: start };
        Entrance { start, member: if is_packed { self.window.member() } else { plain } }
    }

    fn skip_line_ends(&mut self) -> io::Result<()> {
        loop {
            let count = line_ends(self.window.at_hand());
            self.window.advance(count);
            if !self.window.at_hand().is_empty() || !self.window.more()? {
                return Ok(());
            }
        }
    }
}

/// The first place at hand where a line or a member starts a record.
fn find_record(window: &Window) -> Option<usize> {
    let bytes = window.at_hand();
    memmem::find_iter(bytes, b"WARC/").find(|&at| {
        let starts_line = at.checked_sub(1).is_some_and(|before| bytes[before] == b'\n');
        (starts_line || window.starts_member(at)) && is_version_line(&bytes[at..])
    })
}

/// What stands after a block.
enum Follows {
    /// Another record.
    Record,
    /// Nothing: the file ends, or what comes next is damaged but not this record's member.
    End,
    /// Damage in the member that the record is in: its checksum was not reached or is wrong.
    Damage,
    /// Something else.
    Other,
}
