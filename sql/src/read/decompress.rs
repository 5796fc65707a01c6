//! The unpacked data of a file as a stream of chunks and gaps.

use std::io;

use serde::{Deserialize, Serialize};

use super::damage::{Damage, Step};
use super::fault::FaultReason;
use super::format::Compression;
use super::gzip::Gzip;
use super::source::{ReadSeek, Source};
use super::zstd::Zstd;
use super::{Input, Limits};

/// Unpacked bytes of one chunk at most.
const CHUNK_BYTES: usize = 256 << 10;

/// A place where decompression can start: the first byte of a gzip member or zstd frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Restart {
    /// Offset in the file, in bytes.
    pub compressed: u64,
    /// Offset in the decompressed data of the whole file, in bytes.
    pub decompressed: u64,
}

/// What [`Stream::fill`] found.
pub(super) enum Filled {
    /// There is data in the buffer, all of one member.
    Data,
    /// Something is missing between the data before and the data after.
    Gap(Damage),
    /// There is no more.
    End,
}

enum Codec {
    Plain,
    Gzip(Box<Gzip>),
    Zstd(Box<Zstd>),
}

/// The unpacked data of a file.
///
/// Its chunks and gaps depend on the bytes of the file and on the restart only, never on how the
/// data is consumed: that is what makes parts reproducible.
pub(super) struct Stream {
    source: Source,
    codec: Codec,
    chunk: Vec<u8>,
    start: usize,
    end: usize,
    /// Decompressed offset of `chunk[end]`.
    produced: u64,
    member: Restart,
    limits: Limits,
    stopped: bool,
    opened: Restart,
    strained: bool,
    steep: bool,
}

impl Stream {
    /// Opens `source` at `restart`.
    pub(super) fn open(
        input: &Input,
        source: Box<dyn ReadSeek>,
        restart: Restart,
    ) -> io::Result<Self> {
        let mut source = Source::new(source)?;
        let first = source.want(64)?;
        let codec = match Compression::detect(input.compression, input.format, first) {
            Compression::None => Codec::Plain,
            Compression::Gzip => Codec::Gzip(Box::default()),
            Compression::Zstd => Codec::Zstd(Box::new(Zstd::open(&mut source, &input.limits)?)),
        };
        source.seek(restart.compressed)?;
        Ok(Self {
            source,
            codec,
            chunk: vec![0; CHUNK_BYTES],
            start: 0,
            end: 0,
            produced: restart.decompressed,
            member: restart,
            limits: input.limits.clone(),
            stopped: false,
            opened: restart,
            strained: false,
            steep: false,
        })
    }

    /// The data at hand.
    pub(super) fn buffer(&self) -> &[u8] {
        &self.chunk[self.start..self.end]
    }

    /// Drops the first `count` bytes at hand.
    pub(super) fn consume(&mut self, count: usize) {
        self.start += count;
    }

    /// Decompressed offset of the data at hand.
    pub(super) fn offset(&self) -> u64 {
        self.produced - (self.end - self.start) as u64
    }

    /// Start of the member that the data at hand comes from. Plain data is one member.
    pub(super) fn member(&self) -> Restart {
        self.member
    }

    /// Where the stream was opened.
    pub(super) fn opened(&self) -> Restart {
        self.opened
    }

    /// Whether the file is packed.
    pub(super) fn is_compressed(&self) -> bool {
        !matches!(self.codec, Codec::Plain)
    }

    /// Whether the data came near the limits of its growth, or over them. How much of it is
    /// delivered then depends on where reading started.
    pub(super) fn is_strained(&self) -> bool {
        self.strained
    }

    /// Whether the data since the stream was opened ever grew by half of the ratio that the limits
    /// allow, be it for a moment. If none of the streams that make a file did, the file did not.
    pub(super) fn is_steep(&self) -> bool {
        self.steep
    }

    /// The first place of a packed file, from `from` on and before `until`, where a member seems
    /// to start whose data `accept` agrees to.
    pub(super) fn find_member(
        &mut self,
        from: u64,
        until: u64,
        accept: impl Fn(&[u8]) -> bool,
    ) -> io::Result<Option<u64>> {
        let source = &mut self.source;
        let found = match &mut self.codec {
            Codec::Plain => return Ok(None),
            Codec::Gzip(gzip) => gzip.find_member(source, (from, until), accept)?,
            Codec::Zstd(zstd) => zstd.find_frame(source, (from, until), accept)?,
        };
        Ok((found < until && found < source.length()).then_some(found))
    }

    /// The most bytes that can still come after the data at hand: for plain data what is left of
    /// the file, for packed data what the limits leave.
    pub(super) fn left_at_most(&self) -> u64 {
        let all = match self.codec {
            Codec::Plain => self.source.length(),
            _ => self.limits.max_decompressed_bytes,
        };
        all.saturating_sub(self.produced)
    }

    /// Drops data up to the decompressed offset `start`, gaps and all.
    pub(super) fn skip_to(&mut self, start: u64) -> io::Result<()> {
        while self.offset() < start {
            if self.buffer().is_empty() && matches!(self.fill()?, Filled::End) {
                break;
            }
            let skip = (start - self.offset()).min(self.buffer().len() as u64);
            self.consume(skip as usize);
        }
        Ok(())
    }

    /// Gets the next data. To be called only when the buffer is empty.
    pub(super) fn fill(&mut self) -> io::Result<Filled> {
        while !self.stopped {
            let step = match &mut self.codec {
                Codec::Plain => copy(&mut self.source, &mut self.chunk)?,
                Codec::Gzip(gzip) => gzip.step(&mut self.source, &mut self.chunk)?,
                Codec::Zstd(zstd) => zstd.step(&mut self.source, &mut self.chunk)?,
            };
            match step {
                Step::Data(count) => {
                    self.produced += count as u64;
                    if let Some(damage) = self.bomb(count) {
                        return Ok(Filled::Gap(damage));
                    }
                    (self.start, self.end) = (0, count);
                    return Ok(Filled::Data);
                }
                Step::Member(compressed) => {
                    self.member = Restart { compressed, decompressed: self.produced };
                }
                Step::Gap(damage) => return Ok(Filled::Gap(damage)),
                Step::End => self.stopped = true,
            }
        }
        Ok(Filled::End)
    }

    /// Stops the stream if the data is out of proportion to the file, dropping the last `count`
    /// bytes.
    fn bomb(&mut self, count: usize) -> Option<Damage> {
        if !self.is_compressed() {
            return None;
        }
        let at = self.source.position();
        let member_out = self.produced - self.member.decompressed;
        let member_packed = at - self.member.compressed;
        let grows_over = |ratio: u64| {
            let is_over = |out: u64, packed: u64| {
                out > self.limits.ratio_grace_bytes && out > packed.max(1).saturating_mul(ratio)
            };
            is_over(self.produced, at) || is_over(member_out, member_packed)
        };
        let since = (self.produced - self.opened.decompressed, at - self.opened.compressed);
        self.steep |= since.0 > since.1.max(1).saturating_mul(self.limits.max_ratio / 2);
        let is_long = self.produced > self.limits.max_decompressed_bytes;
        self.strained |= is_long || grows_over(self.limits.max_ratio / 2);
        let detail = if is_long {
            format!("unpacks to more than {} bytes", self.limits.max_decompressed_bytes)
        } else if grows_over(self.limits.max_ratio) {
            format!("unpacks to more than {} times its size", self.limits.max_ratio)
        } else {
            return None;
        };
        self.produced -= count as u64;
        (self.start, self.end) = (0, 0);
        self.stopped = true;
        let (member, resume) = (self.member.compressed, self.source.length());
        Some(Damage { reason: FaultReason::TooLarge, member, failed: at, resume, detail })
    }
}

/// Copies plain data.
fn copy(source: &mut Source, chunk: &mut [u8]) -> io::Result<Step> {
    let bytes = source.some()?;
    if bytes.is_empty() {
        return Ok(Step::End);
    }
    let count = bytes.len().min(chunk.len());
    chunk[..count].copy_from_slice(&bytes[..count]);
    source.consume(count);
    Ok(Step::Data(count))
}
