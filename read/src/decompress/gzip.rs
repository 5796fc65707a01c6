//! gzip files (RFC 1952) of any number of members, read member by member.
//!
//! A plain gzip reader stops at the first member or the first error. This one records where each
//! member starts, verifies each checksum, accepts zero padding after a member, and searches for the
//! next member after damage or junk.

use std::io;

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::compression::GZIP_MAGIC;
use super::damage::Damage;
use super::source::{SOURCE_BYTES, Source};
use super::step::Step;
use crate::fault::FaultReason;

/// How far before the failure the search for the next member starts: one deflate window
/// (RFC 1951). A decoder that runs past the end of a truncated member fails within about as many
/// bytes.
const RESYNC_BACK_BYTES: u64 = 32 << 10;

/// Decompressed bytes that a candidate for the next member must yield without an error. The three
/// magic bytes alone occur by chance once in 16 MiB of compressed data.
const TRIAL_BYTES: usize = 32 << 10;

/// What the decoder reads next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// A member's header, padding or the end of the file.
    Between,
    /// A member's deflate data.
    Body,
    /// The next member, after invalid deflate data.
    Damaged,
    /// A member's checksum and length.
    Trailer,
    /// Nothing.
    Ended,
}

/// The state of decompressing one gzip file.
pub(crate) struct Gzip {
    inflate: Decompress,
    crc: Crc,
    state: State,
    member: u64,
}

impl Default for Gzip {
    fn default() -> Self {
        let (inflate, crc) = (Decompress::new(false), Crc::new());
        Self { inflate, crc, state: State::Between, member: 0 }
    }
}

impl Gzip {
    /// Decompresses the next piece.
    pub(crate) fn step(&mut self, source: &mut Source, chunk: &mut [u8]) -> io::Result<Step> {
        match self.state {
            State::Between => self.start_member(source),
            State::Body => self.inflate(source, chunk),
            State::Trailer => self.check_trailer(source),
            State::Damaged => self.resync_damaged(source),
            State::Ended => Ok(Step::End),
        }
    }

    fn start_member(&mut self, source: &mut Source) -> io::Result<Step> {
        let junk = source.position();
        let padded = skip_zeros(source)?;
        if source.some()?.is_empty() {
            // Zeros after a member are padding. An empty file, or one of zeros, is truncated.
            return Ok(if junk > 0 {
                Step::End
            } else if source.length() == 0 || padded > 0 {
                self.damage_to_end(source, FaultReason::Truncated, 0, "no gzip member in the file")
            } else {
                Step::End
            });
        }
        self.member = source.position();
        match header(source)? {
            Header::Length(length) => {
                source.consume(length);
                self.inflate.reset(false);
                self.crc.reset();
                self.state = State::Body;
                Ok(Step::Member(self.member))
            }
            Header::Cut => {
                let failed = source.length();
                Ok(self.damage_to_end(
                    source,
                    FaultReason::Truncated,
                    failed,
                    "file ends in a gzip header",
                ))
            }
            Header::Bad => self.resync(source, FaultReason::Junk, "not a gzip member"),
        }
    }

    fn inflate(&mut self, source: &mut Source, chunk: &mut [u8]) -> io::Result<Step> {
        loop {
            let compressed = source.some()?;
            if compressed.is_empty() {
                let detail = "file ends in a gzip member";
                return self.resync(source, FaultReason::Truncated, detail);
            }
            let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
            let status = self.inflate.decompress(compressed, chunk, FlushDecompress::None);
            let read = (self.inflate.total_in() - before_in) as usize;
            let written = (self.inflate.total_out() - before_out) as usize;
            source.consume(read);
            self.crc.update(&chunk[..written]);
            let stuck = read == 0 && written == 0;
            match status {
                Ok(Status::StreamEnd) => self.state = State::Trailer,
                Ok(_) if !stuck => {}
                _ => self.state = State::Damaged,
            }
            // What was decompressed before the damage is delivered, whether or not the same call
            // reported the damage.
            if written > 0 {
                return Ok(Step::Data(written));
            }
            match self.state {
                State::Trailer => return self.check_trailer(source),
                State::Damaged => return self.resync_damaged(source),
                _ => {}
            }
        }
    }

    /// Verifies the checksum and the length modulo 2^32 (RFC 1952, 2.3.1).
    fn check_trailer(&mut self, source: &mut Source) -> io::Result<Step> {
        let at = source.position();
        let Some((trailer, _)) = source.want(8)?.split_first_chunk::<8>() else {
            let detail = "file ends in a gzip trailer";
            return Ok(self.damage_to_end(source, FaultReason::Truncated, at, detail));
        };
        let expected = u64::from(self.crc.sum()) | (u64::from(self.crc.amount()) << 32);
        if u64::from_le_bytes(*trailer) != expected {
            let detail = "gzip checksum does not match";
            return self.resync(source, FaultReason::Decompression, detail);
        }
        source.consume(8);
        self.state = State::Between;
        self.start_member(source)
    }

    /// A gap from here to the end of the file.
    fn damage_to_end(
        &mut self,
        source: &mut Source,
        reason: FaultReason,
        failed: u64,
        detail: &str,
    ) -> Step {
        let rest = source.buffered().len();
        source.consume(rest);
        self.state = State::Ended;
        let (member, resume) = (self.member, source.length());
        Step::Gap(Damage { reason, member, failed, resume, detail: detail.to_owned() })
    }

    fn resync_damaged(&mut self, source: &mut Source) -> io::Result<Step> {
        self.resync(source, FaultReason::Decompression, "invalid deflate data")
    }

    /// A gap from here to the next member. The search starts before the failure, since a damaged
    /// member may have been decoded past its end, over later members.
    fn resync(
        &mut self,
        source: &mut Source,
        reason: FaultReason,
        detail: &str,
    ) -> io::Result<Step> {
        let failed = source.position();
        let from = (self.member + 1).max(failed.saturating_sub(RESYNC_BACK_BYTES));
        let unpacks = |source: &mut Source| Ok(self.trial(source)?.is_some());
        let resume = source.find(from, &GZIP_MAGIC, unpacks)?;
        self.state = State::Between;
        let member = self.member;
        Ok(Step::Gap(Damage { reason, member, failed, resume, detail: detail.to_owned() }))
    }

    /// The first offset at or after `from` where a member seems to start whose data `accept` agrees
    /// to. If there is none before `until`, some offset at or after `until`.
    pub(crate) fn find_member(
        &mut self,
        source: &mut Source,
        (from, until): (u64, u64),
        accept: impl Fn(&[u8]) -> bool,
    ) -> io::Result<u64> {
        source.find(from, &GZIP_MAGIC, |source| {
            Ok(source.position() >= until
                || self.trial(source)?.is_some_and(|first| accept(&first)))
        })
    }

    /// What the first bytes of a candidate decompress to, or `None` if they are not valid.
    fn trial(&mut self, source: &mut Source) -> io::Result<Option<Vec<u8>>> {
        let Header::Length(length) = header(source)? else { return Ok(None) };
        let compressed = source.want(SOURCE_BYTES)?;
        let mut trial = vec![0; TRIAL_BYTES];
        self.inflate.reset(false);
        let status =
            self.inflate.decompress(&compressed[length..], &mut trial, FlushDecompress::None);
        trial.truncate(self.inflate.total_out() as usize);
        let is_sound = match status {
            Ok(Status::StreamEnd) => true,
            Ok(_) => !trial.is_empty(),
            Err(_) => false,
        };
        Ok(is_sound.then_some(trial))
    }
}

/// Consumes zero bytes and returns their number.
fn skip_zeros(source: &mut Source) -> io::Result<u64> {
    let start = source.position();
    loop {
        let bytes = source.some()?;
        let zeros = bytes.iter().position(|&byte| byte != 0).unwrap_or(bytes.len());
        if zeros == 0 {
            return Ok(source.position() - start);
        }
        source.consume(zeros);
    }
}

enum Header {
    /// It is valid and this many bytes long.
    Length(usize),
    /// The file ends inside it.
    Cut,
    /// It is not a gzip header, or it is longer than the look-ahead.
    Bad,
}

/// Parses the gzip header at the position of `source`, without consuming it.
fn header(source: &mut Source) -> io::Result<Header> {
    let mut want = 512;
    loop {
        let bytes = source.want(want)?;
        let prefix = bytes.len().min(GZIP_MAGIC.len());
        if bytes[..prefix] != GZIP_MAGIC[..prefix] {
            return Ok(Header::Bad);
        }
        let whole = bytes.len() < want;
        match header_length(bytes) {
            Ok(Some(length)) => return Ok(Header::Length(length)),
            Ok(None) if whole => return Ok(Header::Cut),
            Ok(None) if want < SOURCE_BYTES => want *= 8,
            Ok(None) | Err(()) => return Ok(Header::Bad),
        }
    }
}

/// Length of the gzip header at the start of `bytes` (RFC 1952, 2.3), `None` if it is longer than
/// `bytes`, an error if it sets reserved flags.
fn header_length(bytes: &[u8]) -> Result<Option<usize>, ()> {
    const FIXED_BYTES: usize = 10;
    const HEADER_CRC: u8 = 2;
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    const RESERVED: u8 = 0xE0;
    let Some(&flags) = bytes.get(3) else { return Ok(None) };
    if flags & RESERVED != 0 {
        return Err(());
    }
    let mut length = FIXED_BYTES;
    if flags & EXTRA != 0 {
        let (Some(&low), Some(&high)) = (bytes.get(length), bytes.get(length + 1)) else {
            return Ok(None);
        };
        length += 2 + usize::from(u16::from_le_bytes([low, high]));
    }
    for flag in [NAME, COMMENT] {
        if flags & flag != 0 {
            let rest = bytes.get(length..);
            let Some(end) = rest.and_then(|rest| memchr::memchr(0, rest)) else {
                return Ok(None);
            };
            length += end + 1;
        }
    }
    if flags & HEADER_CRC != 0 {
        length += 2;
    }
    Ok((length <= bytes.len()).then_some(length))
}
