//! A buffer that grows until it contains a whole WARC record, and where in it members start.

use std::collections::VecDeque;
use std::io;

use crate::decompress::{Damage, Filled, Restart, Stream};

/// Consumed bytes that may stay at the front of the buffer.
const SLACK_BYTES: usize = 1 << 20;

/// The decompressed data of a stream that was not yet consumed. It grows on request.
pub(crate) struct RecordBuffer {
    stream: Stream,
    bytes: Vec<u8>,
    /// Where in `bytes` the data that was not consumed starts.
    head: usize,
    /// Decompressed offset of `bytes[head]`.
    offset: u64,
    /// Starts of the members of the data; the first may start before the data.
    members: VecDeque<Restart>,
    /// The gap or end of the file that follows the data, if it has been reached.
    barrier: Option<Filled>,
}

impl RecordBuffer {
    /// The data of `stream` from the decompressed offset `start` on.
    pub(crate) fn open(mut stream: Stream, start: u64) -> io::Result<Self> {
        stream.skip_to(start)?;
        let offset = stream.offset();
        let (bytes, members) = (Vec::new(), VecDeque::new());
        let mut buffer = Self { stream, bytes, head: 0, offset, members, barrier: None };
        buffer.take_chunk();
        Ok(buffer)
    }

    /// The data that was read and not yet consumed.
    pub(crate) fn data(&self) -> &[u8] {
        &self.bytes[self.head..]
    }

    /// Decompressed offset of the data.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The underlying stream.
    pub(crate) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// The gap or end of the file that follows the data, if it has been reached.
    pub(crate) fn barrier(&self) -> Option<&Filled> {
        self.barrier.as_ref()
    }

    /// Drops the first `count` bytes of the data.
    pub(crate) fn advance(&mut self, count: usize) {
        self.head += count;
        self.offset += count as u64;
        while self.members.get(1).is_some_and(|next| next.decompressed <= self.offset) {
            self.members.pop_front();
        }
    }

    /// The member in which the data starts.
    pub(crate) fn member(&self) -> Restart {
        let before = self.members.iter().take_while(|member| member.decompressed <= self.offset);
        // There are no members as long as the stream has given no data.
        before.last().copied().unwrap_or_else(|| self.stream.member())
    }

    /// Whether a member starts at the position `at` of the data.
    pub(crate) fn starts_member(&self, at: usize) -> bool {
        let offset = self.offset + at as u64;
        self.members.iter().any(|member| member.decompressed == offset)
    }

    /// The position in the data where a member starts. Member 0 is the one in which the data
    /// starts; its position is 0 even if it starts before the data.
    pub(crate) fn member_position(&self, number: usize) -> Option<usize> {
        let member = self.members.get(number)?;
        // Saturating, since member 0 may start before the data.
        Some(member.decompressed.saturating_sub(self.offset) as usize)
    }

    /// Reads until the data has at least `count` bytes. `false` if a barrier comes first.
    pub(crate) fn want(&mut self, count: usize) -> io::Result<bool> {
        while self.data().len() < count {
            if !self.more()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads one more chunk. `false` if a barrier comes next.
    pub(crate) fn more(&mut self) -> io::Result<bool> {
        if self.barrier.is_some() {
            return Ok(false);
        }
        match self.stream.fill()? {
            Filled::Data => {
                self.take_chunk();
                Ok(true)
            }
            barrier => {
                self.barrier = Some(barrier);
                Ok(false)
            }
        }
    }

    /// Removes the gap after the data, so that reading continues behind it. `None` at the end of
    /// the stream.
    pub(crate) fn take_gap(&mut self) -> Option<Damage> {
        match self.barrier.take() {
            Some(Filled::Gap(damage)) => Some(damage),
            barrier => {
                self.barrier = barrier;
                None
            }
        }
    }

    /// Appends the chunk that the stream has decompressed.
    fn take_chunk(&mut self) {
        if self.stream.buffer().is_empty() {
            return;
        }
        // Moving the data to the front costs its length, so it is done only after a large share of
        // that length has been consumed.
        if self.head == self.bytes.len() || self.head > SLACK_BYTES.max(self.data().len() / 4) {
            self.bytes.drain(..self.head);
            self.head = 0;
        }
        let member = self.stream.member();
        if self.members.back() != Some(&member) {
            self.members.push_back(member);
        }
        self.bytes.extend_from_slice(self.stream.buffer());
        self.stream.consume(self.stream.buffer().len());
    }
}
