//! A window onto a stream: the unpacked data at hand, and where in it members start.

use std::collections::VecDeque;
use std::io;

use super::damage::Damage;
use super::decompress::{Filled, Restart, Stream};

/// Consumed bytes that may stay at the front of the window.
const SLACK_BYTES: usize = 1 << 20;

/// The data of a stream that was unpacked and not yet consumed. It grows as far as it is asked to.
pub(super) struct Window {
    stream: Stream,
    bytes: Vec<u8>,
    /// Where in `bytes` the data at hand starts.
    head: usize,
    /// Decompressed offset of the data at hand.
    offset: u64,
    /// Starts of the members at hand; the first may lie before the data at hand.
    members: VecDeque<Restart>,
    /// What comes after the data at hand, if it is not more data.
    barrier: Option<Filled>,
}

impl Window {
    /// A window onto `stream` from the decompressed offset `start` on.
    pub(super) fn open(mut stream: Stream, start: u64) -> io::Result<Self> {
        stream.skip_to(start)?;
        let offset = stream.offset();
        let (bytes, members) = (Vec::new(), VecDeque::new());
        let mut window = Self { stream, bytes, head: 0, offset, members, barrier: None };
        window.take_buffer();
        Ok(window)
    }

    /// The data at hand.
    pub(super) fn at_hand(&self) -> &[u8] {
        &self.bytes[self.head..]
    }

    /// Decompressed offset of the data at hand.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The stream below.
    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// What comes after the data at hand, if that is known and not more data.
    pub(super) fn barrier(&self) -> Option<&Filled> {
        self.barrier.as_ref()
    }

    /// Drops the first `count` bytes at hand.
    pub(super) fn advance(&mut self, count: usize) {
        self.head += count;
        self.offset += count as u64;
        while self.members.get(1).is_some_and(|next| next.decompressed <= self.offset) {
            self.members.pop_front();
        }
    }

    /// The member that the data at hand starts in.
    pub(super) fn member(&self) -> Restart {
        let before = self.members.iter().take_while(|member| member.decompressed <= self.offset);
        before.last().copied().unwrap_or_default()
    }

    /// Whether a member starts at the position `at` of the data at hand.
    pub(super) fn starts_member(&self, at: usize) -> bool {
        let offset = self.offset + at as u64;
        self.members.iter().any(|member| member.decompressed == offset)
    }

    /// The position in the data at hand where the member of this number starts, counted from the
    /// one that the data starts in; that one starts at 0 or before.
    pub(super) fn member_position(&self, number: usize) -> Option<usize> {
        let member = self.members.get(number)?;
        Some(member.decompressed.saturating_sub(self.offset) as usize)
    }

    /// Makes at least `count` bytes be at hand, or tells that there are not so many before the
    /// barrier.
    pub(super) fn want(&mut self, count: usize) -> io::Result<bool> {
        while self.at_hand().len() < count {
            if !self.more()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Puts one more chunk at hand, or tells that a barrier is next.
    pub(super) fn more(&mut self) -> io::Result<bool> {
        if self.barrier.is_some() {
            return Ok(false);
        }
        match self.stream.fill()? {
            Filled::Data => {
                self.take_buffer();
                Ok(true)
            }
            barrier => {
                self.barrier = Some(barrier);
                Ok(false)
            }
        }
    }

    /// The gap that comes next, past which reading goes on; at the end of the stream, nothing.
    pub(super) fn take_gap(&mut self) -> Option<Damage> {
        match self.barrier.take() {
            Some(Filled::Gap(damage)) => Some(damage),
            barrier => {
                self.barrier = barrier;
                None
            }
        }
    }

    /// Puts what the stream has unpacked at hand.
    fn take_buffer(&mut self) {
        if self.stream.buffer().is_empty() {
            return;
        }
        // Moving what is at hand to the front is worth it for a share of its length only.
        if self.head == self.bytes.len() || self.head > SLACK_BYTES.max(self.at_hand().len() / 4) {
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
