//! Buffered input with look-ahead and a known position.

use std::io::{self, SeekFrom};

use crate::read_seek::ReadSeek;

/// Bytes requested by one read, and the longest look-ahead.
pub(crate) const SOURCE_BYTES: usize = 256 << 10;

/// A buffer over a file. Unlike `BufReader` it can look ahead across the end of its buffer and
/// knows its position without a system call.
pub(crate) struct Source {
    inner: Box<dyn ReadSeek>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    position: u64,
    length: u64,
}

impl Source {
    /// Starts at the first byte of `inner`.
    pub(crate) fn new(mut inner: Box<dyn ReadSeek>) -> io::Result<Self> {
        let length = inner.seek(SeekFrom::End(0))?;
        inner.rewind()?;
        let buffer = vec![0; SOURCE_BYTES];
        Ok(Self { inner, buffer, start: 0, end: 0, position: 0, length })
    }

    /// Length of the file in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Offset in the file of the first buffered byte.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The buffered bytes.
    pub(crate) fn buffered(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Drops the first `count` buffered bytes.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start += count;
        self.position += count as u64;
    }

    /// At least one buffered byte, unless the file is at its end.
    pub(crate) fn some(&mut self) -> io::Result<&[u8]> {
        self.want(1)
    }

    /// At least `count` buffered bytes, or fewer at the end of the file. `count` is capped at
    /// [`SOURCE_BYTES`].
    pub(crate) fn want(&mut self, count: usize) -> io::Result<&[u8]> {
        let count = count.min(SOURCE_BYTES);
        if self.end - self.start < count {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            while self.end < count {
                match self.inner.read(&mut self.buffer[self.end..]) {
                    Ok(0) => break,
                    Ok(read) => self.end += read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(self.buffered())
    }

    /// Moves to `position` in the file.
    pub(crate) fn seek(&mut self, position: u64) -> io::Result<()> {
        // Consumed bytes stay in the buffer until it is filled again. So a search after damage,
        // which starts before the damage, mostly reads nothing again.
        let first = self.position - self.start as u64;
        if (first..=first + self.end as u64).contains(&position) {
            self.start = (position - first) as usize;
        } else {
            self.inner.seek(SeekFrom::Start(position))?;
            (self.start, self.end) = (0, 0);
        }
        self.position = position;
        Ok(())
    }

    /// Moves to the first position at or after `from` where `magic` stands and that `accept` agrees
    /// to, or to the end of the file if there is none, and returns it. `accept` may look ahead but
    /// must not consume.
    pub(crate) fn find(
        &mut self,
        from: u64,
        magic: &[u8],
        mut accept: impl FnMut(&mut Self) -> io::Result<bool>,
    ) -> io::Result<u64> {
        self.seek(from.min(self.length))?;
        let finder = memchr::memmem::Finder::new(magic);
        loop {
            let bytes = self.want(SOURCE_BYTES)?;
            if let Some(at) = finder.find(bytes) {
                self.consume(at);
                if accept(self)? {
                    return Ok(self.position);
                }
                self.consume(1);
            } else if bytes.len() < SOURCE_BYTES {
                let rest = bytes.len();
                self.consume(rest);
                return Ok(self.position);
            } else {
                // The magic number may straddle the end of the buffer.
                self.consume(SOURCE_BYTES + 1 - magic.len());
            }
        }
    }
}
