//! The decompressed data of a file as a stream of chunks and gaps.

use std::io;

use super::compression::Compression;
use super::damage::Damage;
use super::gzip::Gzip;
use super::restart::Restart;
use super::sequential::{Kind, Sequential};
use super::source::Source;
use super::step::Step;
use super::zstd::Zstd;
use crate::fault::FaultReason;
use crate::input::Input;
use crate::limits::Limits;
use crate::read_seek::ReadSeek;

/// Most decompressed bytes of one chunk.
const CHUNK_BYTES: usize = 256 << 10;

/// First bytes of a file that show how it is compressed.
const FIRST_BYTES: usize = 64;

/// What [`Stream::fill`] found.
pub(crate) enum Filled {
    /// Data in the buffer, all of one member.
    Data,
    /// Data is missing between what came before and what follows.
    Gap(Damage),
    /// The file is at its end.
    End,
}

enum Codec {
    Plain,
    Gzip(Box<Gzip>),
    Zstd(Box<Zstd>),
    Sequential(Box<Sequential>),
}

/// The decompressed data of a file.
///
/// The chunks and gaps depend only on the bytes of the file and on the restart, never on how the
/// data is consumed. This makes parts reproducible.
pub(crate) struct Stream {
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
    /// See [`Stream::is_strained`].
    strained: bool,
    /// See [`Stream::is_steep`].
    steep: bool,
    /// What [`Stream::peek`] found instead of data.
    peeked: Option<Filled>,
}

impl Stream {
    /// Opens `source` at `restart`.
    pub(crate) fn open(
        input: &Input,
        source: Box<dyn ReadSeek>,
        restart: Restart,
    ) -> io::Result<Self> {
        let mut source = Source::new(source)?;
        let first = source.want(FIRST_BYTES)?;
        // The first bytes take precedence over the file's name.
        let compression = match Compression::of_magic(first) {
            Some(found) => found,
            None if input.format.opens_with(first) => Compression::None,
            None => input.compression,
        };
        let codec = match compression {
            Compression::None => Codec::Plain,
            Compression::Gzip => Codec::Gzip(Box::default()),
            Compression::Zstd => Codec::Zstd(Box::new(Zstd::open(&mut source, &input.limits)?)),
            Compression::Bzip2 => Codec::Sequential(Box::new(Sequential::new(Kind::Bzip2))),
            Compression::Xz => Codec::Sequential(Box::new(Sequential::new(Kind::Xz))),
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
            peeked: None,
        })
    }

    /// The buffered data.
    pub(crate) fn buffer(&self) -> &[u8] {
        &self.chunk[self.start..self.end]
    }

    /// The buffered data, filled if it is empty; empty if there is no data next.
    pub(crate) fn peek(&mut self) -> io::Result<&[u8]> {
        if self.buffer().is_empty() && self.peeked.is_none() {
            match self.fill()? {
                Filled::Data => {}
                other => self.peeked = Some(other),
            }
        }
        Ok(self.buffer())
    }

    /// Drops the first `count` buffered bytes.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start += count;
    }

    /// Decompressed offset of the buffered data.
    pub(crate) fn offset(&self) -> u64 {
        self.produced - (self.end - self.start) as u64
    }

    /// Start of the member that the buffered data comes from.
    pub(crate) fn member(&self) -> Restart {
        self.member
    }

    /// Where the stream was opened.
    pub(crate) fn opened(&self) -> Restart {
        self.opened
    }

    /// Whether the file is compressed.
    pub(crate) fn is_compressed(&self) -> bool {
        !matches!(self.codec, Codec::Plain)
    }

    /// Whether the data exceeded half of the largest ratio, or the largest size. How much of it is
    /// delivered then depends on where reading started.
    pub(crate) fn is_strained(&self) -> bool {
        self.strained
    }

    /// Whether the ratio of decompressed to compressed bytes since the stream was opened ever
    /// exceeded half of the limit, even briefly. If this is false for every stretch of a file, the
    /// file as a whole is not strained by its ratio either.
    pub(crate) fn is_steep(&self) -> bool {
        self.steep
    }

    /// The first offset of a compressed file in `from..until` where a member seems to start whose
    /// data `accept` agrees to.
    pub(crate) fn find_member(
        &mut self,
        from: u64,
        until: u64,
        accept: impl Fn(&[u8]) -> bool,
    ) -> io::Result<Option<u64>> {
        let source = &mut self.source;
        let found = match &mut self.codec {
            Codec::Plain | Codec::Sequential(_) => return Ok(None),
            Codec::Gzip(gzip) => gzip.find_member(source, (from, until), accept)?,
            Codec::Zstd(zstd) => zstd.find_frame(source, (from, until), accept)?,
        };
        Ok((found < until && found < source.length()).then_some(found))
    }

    /// An upper bound on the bytes after the buffered data: for plain data the rest of the file,
    /// for compressed data what the limits leave.
    pub(crate) fn left_at_most(&self) -> u64 {
        let all = match self.codec {
            Codec::Plain => self.source.length(),
            _ => self.limits.max_decompressed_bytes,
        };
        all.saturating_sub(self.produced)
    }

    /// Drops data and gaps up to the decompressed offset `start`.
    pub(crate) fn skip_to(&mut self, start: u64) -> io::Result<()> {
        while self.offset() < start {
            if self.buffer().is_empty() && matches!(self.fill()?, Filled::End) {
                break;
            }
            let skip = (start - self.offset()).min(self.buffer().len() as u64);
            self.consume(skip as usize);
        }
        Ok(())
    }

    /// Gets the next data. Call it only when the buffer is empty.
    pub(crate) fn fill(&mut self) -> io::Result<Filled> {
        if let Some(peeked) = self.peeked.take() {
            return Ok(peeked);
        }
        while !self.stopped {
            let step = match &mut self.codec {
                Codec::Plain => copy(&mut self.source, &mut self.chunk)?,
                Codec::Gzip(gzip) => gzip.step(&mut self.source, &mut self.chunk)?,
                Codec::Zstd(zstd) => zstd.step(&mut self.source, &mut self.chunk)?,
                Codec::Sequential(streams) => streams.step(&mut self.source, &mut self.chunk)?,
            };
            match step {
                Step::Data(count) => {
                    self.produced += count as u64;
                    if let Some(damage) = self.stop_at_limits(count) {
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

    /// Stops the stream if the data exceeds a limit on its size, dropping the last `count` bytes.
    fn stop_at_limits(&mut self, count: usize) -> Option<Damage> {
        if !self.is_compressed() {
            return None;
        }
        let at = self.source.position();
        let member = (self.produced - self.member.decompressed, at - self.member.compressed);
        let grows_over = |ratio: u64| {
            let is_over = |(decompressed, compressed): (u64, u64)| {
                decompressed > self.limits.ratio_grace_bytes
                    && decompressed > compressed.max(1).saturating_mul(ratio)
            };
            is_over((self.produced, at)) || is_over(member)
        };
        let decompressed = self.produced - self.opened.decompressed;
        let compressed = at - self.opened.compressed;
        self.steep |= decompressed > compressed.max(1).saturating_mul(self.limits.max_ratio / 2);
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
