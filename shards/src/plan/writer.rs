//! Writing a plan in one pass, without seeking back.

use std::io::{self, Write};

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::{BLOCK_BYTES, MAGIC, PlanHeader, Segment, Statistics};

/// Writes a plan: the segments as they arrive, then the first segment of each row, the sums and the
/// header.
///
/// It takes 4 bytes of memory per row and 8 bytes per block. Segments are not held.
pub(super) struct PlanWriter<W> {
    out: W,
    sums: Vec<u8>,
    block: Xxh3,
    written: u64,
    row_segments: Vec<u32>,
    buffer: Vec<u8>,
    row_tokens: u32,
}

/// Bytes that are collected before they are hashed and written.
const BUFFER_BYTES: usize = 1 << 16;

impl<W: Write> PlanWriter<W> {
    pub(super) fn new(out: W, row_tokens: u32) -> Self {
        let buffer = MAGIC.to_vec();
        let (sums, row_segments) = (Vec::new(), Vec::new());
        Self { out, sums, block: Xxh3::new(), written: 0, row_segments, buffer, row_tokens }
    }

    /// Adds a row and counts it.
    pub(super) fn row(
        &mut self,
        segments: &[Segment],
        statistics: &mut Statistics,
    ) -> io::Result<()> {
        let mut placed = 0;
        for segment in segments {
            placed += segment.length;
            self.buffer.extend_from_slice(&segment.to_bytes());
        }
        debug_assert!(placed <= self.row_tokens, "a row holds no more than its tokens");
        statistics.add_row(segments.len(), self.row_tokens - placed);
        self.row_segments.push(segments.len() as u32);
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut bytes = buffer.as_slice();
        self.out.write_all(bytes)?;
        while !bytes.is_empty() {
            let room = BLOCK_BYTES - self.written % BLOCK_BYTES;
            let (now, later) = bytes.split_at(bytes.len().min(room as usize));
            self.block.update(now);
            self.written += now.len() as u64;
            if self.written.is_multiple_of(BLOCK_BYTES) {
                self.close_block();
            }
            bytes = later;
        }
        buffer.clear();
        self.buffer = buffer;
        Ok(())
    }

    fn close_block(&mut self) {
        self.sums.extend_from_slice(&self.block.digest().to_le_bytes());
        self.block.reset();
    }

    /// Writes the rest; returns the sink, and the header with its sums.
    pub(super) fn finish(mut self, mut header: PlanHeader) -> io::Result<(W, PlanHeader)> {
        let mut segment = 0u64;
        self.buffer.extend_from_slice(&segment.to_le_bytes());
        for n in std::mem::take(&mut self.row_segments) {
            segment += u64::from(n);
            self.buffer.extend_from_slice(&segment.to_le_bytes());
            if self.buffer.len() >= BUFFER_BYTES {
                self.flush()?;
            }
        }
        self.flush()?;
        if !self.written.is_multiple_of(BLOCK_BYTES) {
            self.close_block();
        }
        header.sums = format!("{:016x}", xxh3_64(&self.sums));
        let json = serde_json::to_vec(&header)?;
        self.out.write_all(&self.sums)?;
        self.out.write_all(&json)?;
        self.out.write_all(&(json.len() as u64).to_le_bytes())?;
        self.out.write_all(MAGIC)?;
        Ok((self.out, header))
    }
}
