//! The records of a WARC stream as stretches of bytes, before their headers mean anything.
//!
//! fastwarc parses the headers (see `warc.rs`), but does not drive the reading. Its iterator takes
//! a Content-Length that is missing or no number for 0, passes over a body that the file ends in,
//! follows a wrong length into the next record, matches `WARC-Type` with its case, and gives up
//! the file at the first header or payload that it cannot parse. Here a length is believed when
//! what follows agrees with it, and one bad record costs one record: reading goes on at the next
//! line that starts a record.

use std::collections::VecDeque;
use std::io;

use memchr::memmem;

use super::Limits;
use super::decompress::{Damage, Filled, Restart, Stream};
use super::fault::FaultReason;
use super::warc_header::{
    RECORD_START_BYTES, VERSION_LINE_BYTES, content_length, embedded_record, header_end,
    is_cut_version_line, is_version_line, line_ends,
};

/// Consumed bytes that may stay at the front of the window.
const SLACK_BYTES: usize = 1 << 20;

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
pub(super) struct Frames {
    stream: Stream,
    window: Vec<u8>,
    /// Where in the window the data at hand starts.
    head: usize,
    /// Decompressed offset of the data at hand.
    offset: u64,
    /// Starts of the members in the window, and the last one before it.
    members: VecDeque<Restart>,
    /// What comes after the window, if it is not more data.
    barrier: Option<Filled>,
    /// Offset of the last frame, as documents tell it.
    frame_offset: u64,
    /// Header of the last record.
    header: Vec<u8>,
    /// Length of the block of the last record, and of all that its frame takes.
    block_bytes: usize,
    taken: usize,
    limits: Limits,
}

impl Frames {
    /// The records of `stream`.
    pub(super) fn new(stream: Stream, limits: &Limits) -> Self {
        Self {
            stream,
            window: Vec::new(),
            head: 0,
            offset: 0,
            members: VecDeque::new(),
            barrier: None,
            frame_offset: 0,
            header: Vec::new(),
            block_bytes: 0,
            taken: 0,
            limits: limits.clone(),
        }
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
        &self.at_hand()[self.header.len()..][..self.block_bytes]
    }

    /// First bytes at hand, for saying what a file that is no WARC is.
    pub(super) fn first_bytes(&mut self) -> io::Result<&[u8]> {
        self.want(256)?;
        let bytes = self.at_hand();
        Ok(&bytes[..bytes.len().min(256)])
    }

    /// Steps over all that is left, and tells how many bytes that was.
    pub(super) fn skip_all(&mut self) -> io::Result<u64> {
        let mut length = 0;
        while !self.at_hand().is_empty() || self.more()? {
            let count = self.at_hand().len();
            length += count as u64;
            self.advance(count);
        }
        Ok(length)
    }

    /// Goes to the next frame.
    pub(super) fn next_frame(&mut self) -> io::Result<Frame> {
        let taken = std::mem::take(&mut self.taken);
        self.advance(taken);
        self.block_bytes = 0;
        self.skip_line_ends()?;
        self.want(VERSION_LINE_BYTES)?;
        self.frame_offset = self.place();
        if self.at_hand().is_empty() {
            return Ok(self.take_barrier());
        }
        let first = self.at_hand();
        if first.len() < VERSION_LINE_BYTES && is_cut_version_line(first) {
            return self.cut("WARC header");
        }
        if !is_version_line(first) {
            let detail = "bytes that start no WARC record".to_owned();
            return self.lose(0, FaultReason::BadHeader, detail);
        }
        let max = self.limits.max_header_bytes as usize;
        let mut seen = 0;
        let header_bytes = loop {
            let bytes = self.at_hand();
            if let Some(end) = header_end(&bytes[..bytes.len().min(max)], seen) {
                break end;
            }
            if bytes.len() >= max {
                let detail = format!("WARC header of more than {max} bytes");
                return self.lose(1, FaultReason::BadHeader, detail);
            }
            seen = bytes.len();
            if !self.more()? {
                return self.cut("WARC header");
            }
        };
        self.header.clear();
        self.header.extend_from_slice(&self.window[self.head..][..header_bytes]);
        match content_length(&self.header) {
            Ok(length) => self.frame_block(length),
            Err(detail) => self.lose(1, FaultReason::BadContentLength, detail.to_owned()),
        }
    }

    /// Takes the block of `length` bytes behind the header, if the file agrees with the length.
    fn frame_block(&mut self, length: u64) -> io::Result<Frame> {
        let header_bytes = self.header.len();
        let total = length.saturating_add(header_bytes as u64);
        let loaded = (self.at_hand().len() as u64).saturating_add(self.stream.left_at_most());
        if total > loaded && length > self.limits.max_record_bytes {
            let detail = format!("Content-Length of {length} is more than the file holds");
            return self.lose(1, FaultReason::BadContentLength, detail);
        }
        if length > self.limits.max_record_bytes {
            return self.step_over(length);
        }
        let total = total as usize;
        let complete = self.want(total)?;
        if let Some(start) = self.record_start_in(1, total)? {
            return Ok(self.overrun(length, start));
        }
        if !complete {
            let embedded = embedded_record(&self.at_hand()[header_bytes..]);
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
                self.want(total + RECORD_START_BYTES)?;
                let end = self.at_hand().len().min(total + RECORD_START_BYTES);
                let embedded = embedded_record(&self.at_hand()[header_bytes..end]);
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
            let rest = &self.at_hand()[after..];
            after += line_ends(rest);
            if after == self.at_hand().len() {
                if self.more()? {
                    continue;
                }
                let follows = if self.is_damaged() { Follows::Damage } else { Follows::End };
                return Ok((follows, after));
            }
            self.want(after + VERSION_LINE_BYTES)?;
            if is_version_line(&self.at_hand()[after..]) {
                return Ok((Follows::Record, after));
            }
            // What follows may be what a damaged member unpacks to: its end tells.
            while self.at_hand().len() < after + SLACK_BYTES && self.more()? {}
            let follows = if self.is_damaged() { Follows::Damage } else { Follows::Other };
            return Ok((follows, after));
        }
    }

    /// Whether the data at hand ends in damage of the member that it starts in.
    fn is_damaged(&self) -> bool {
        match &self.barrier {
            Some(Filled::Gap(damage)) => {
                damage.member == self.member_at(self.offset) && damage.failed != damage.member
            }
            _ => false,
        }
    }

    /// Steps over a record that is too long to keep, without its block in memory.
    fn step_over(&mut self, length: u64) -> io::Result<Frame> {
        let header_bytes = self.header.len();
        self.advance(header_bytes);
        let mut left = length;
        while left > 0 {
            if self.at_hand().is_empty() && !self.more()? {
                return self.cut("WARC record");
            }
            let count = self.at_hand().len().min(usize::try_from(left).unwrap_or(usize::MAX));
            if let Some(start) = self.record_start_in(0, count)? {
                self.taken = start;
                let lost = header_bytes as u64 + (length - left) + start as u64;
                let detail = format!("Content-Length of {length} runs into the next record");
                return Ok(Frame::Lost(lost, FaultReason::BadContentLength, detail));
            }
            self.advance(count);
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
        let positions: Vec<usize> = self
            .members
            .iter()
            .filter_map(|member| member.decompressed.checked_sub(self.offset))
            .map(|position| position as usize)
            .filter(|position| (start..end).contains(position))
            .collect();
        for position in positions {
            self.want(position + VERSION_LINE_BYTES)?;
            if self.at_hand().get(position..).is_some_and(is_version_line) {
                return Ok(Some(position));
            }
        }
        Ok(None)
    }

    /// Loses what is at hand up to the barrier, which ends a record in the middle.
    fn cut(&mut self, what: &str) -> io::Result<Frame> {
        while self.more()? {}
        let length = self.at_hand().len();
        self.advance(length);
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
        self.advance(from);
        loop {
            self.want(VERSION_LINE_BYTES)?;
            let bytes = self.at_hand();
            if let Some(at) = self.find_record() {
                self.advance(at);
                return Ok(Frame::Lost(length + at as u64, reason, detail));
            }
            // A version line may be cut by the end of what is at hand; the byte before it tells
            // whether it starts a line.
            let count = bytes.len().saturating_sub(VERSION_LINE_BYTES + 1);
            length += count as u64;
            self.advance(count);
            if !self.more()? {
                let rest = self.at_hand().len();
                self.advance(rest);
                length += rest as u64;
                break;
            }
        }
        // Damage in the compression explains what it cuts off.
        Ok(match &self.barrier {
            Some(Filled::Gap(damage)) if damage.failed != damage.member => self.take_barrier(),
            _ => Frame::Lost(length, reason, detail),
        })
    }

    /// The first place at hand where a line or a member starts a record.
    fn find_record(&self) -> Option<usize> {
        let bytes = self.at_hand();
        let starts_member = |at: usize| {
            let offset = self.offset + at as u64;
            self.members.iter().any(|member| member.decompressed == offset)
        };
        memmem::find_iter(bytes, b"WARC/").find(|&at| {
            let starts_line = at.checked_sub(1).is_some_and(|before| bytes[before] == b'\n');
            (starts_line || starts_member(at)) && is_version_line(&bytes[at..])
        })
    }

    fn at_hand(&self) -> &[u8] {
        &self.window[self.head..]
    }

    fn advance(&mut self, count: usize) {
        self.head += count;
        self.offset += count as u64;
        while self.members.get(1).is_some_and(|next| next.decompressed <= self.offset) {
            self.members.pop_front();
        }
    }

    /// Offset in the file of the member that the decompressed `offset` is in.
    fn member_at(&self, offset: u64) -> u64 {
        let before = self.members.iter().take_while(|member| member.decompressed <= offset);
        before.last().map_or(0, |member| member.compressed)
    }

    fn place(&self) -> u64 {
        if self.stream.is_compressed() { self.member_at(self.offset) } else { self.offset }
    }

    /// Makes at least `count` bytes be at hand, or tells that there are not so many before the
    /// barrier.
    fn want(&mut self, count: usize) -> io::Result<bool> {
        while self.at_hand().len() < count {
            if !self.more()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Puts one more chunk into the window, or tells that a barrier is next.
    fn more(&mut self) -> io::Result<bool> {
        if self.barrier.is_some() {
            return Ok(false);
        }
        if self.head > SLACK_BYTES || self.head == self.window.len() {
            self.window.drain(..self.head);
            self.head = 0;
        }
        match self.stream.fill()? {
            Filled::Data => {
                let member = self.stream.member();
                if self.members.back() != Some(&member) {
                    self.members.push_back(member);
                }
                self.window.extend_from_slice(self.stream.buffer());
                self.stream.consume(self.stream.buffer().len());
                Ok(true)
            }
            barrier => {
                self.barrier = Some(barrier);
                Ok(false)
            }
        }
    }

    /// The frame of the barrier, past which reading goes on.
    fn take_barrier(&mut self) -> Frame {
        match self.barrier.take() {
            Some(Filled::Gap(damage)) => Frame::Gap(damage),
            barrier => {
                self.barrier = barrier;
                Frame::End
            }
        }
    }

    fn skip_line_ends(&mut self) -> io::Result<()> {
        loop {
            let count = line_ends(self.at_hand());
            self.advance(count);
            if !self.at_hand().is_empty() || !self.more()? {
                return Ok(());
            }
        }
    }
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
