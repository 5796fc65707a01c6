//! gzip files (RFC 1952) of any number of members, read member by member.
//!
//! A plain gzip reader stops at the first member or the first error. This one knows where each
//! member starts, checks each checksum, accepts zero padding after a member, and after damage or
//! junk looks for the next member.

use std::io;

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::damage::{Damage, Step};
use super::fault::FaultReason;
use super::format::GZIP_MAGIC;
use super::source::{SOURCE_BYTES, Source};

/// How far before the failure the search for the next member starts: the window of deflate
/// (RFC 1951), since a decoder that ran over the end of a cut member fails within about as much.
const RESYNC_BACK_BYTES: u64 = 32 << 10;

/// Unpacked bytes that a candidate for the next member must give without an error. Three magic
/// bytes alone stand by chance in every 16 MiB of packed data.
const TRIAL_BYTES: usize = 32 << 10;

/// Where the decoder stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Between,
    Body,
    Damaged,
    Trailer,
    Ended,
}

/// The state of unpacking one gzip file.
pub(super) struct Gzip {
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
    /// Does the next piece of work.
    pub(super) fn step(&mut self, source: &mut Source, chunk: &mut [u8]) -> io::Result<Step> {
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
            // Zeros after a member are padding; a file of nothing, or of zeros, has lost all.
            return Ok(if junk > 0 {
                Step::End
            } else if source.length() == 0 || padded > 0 {
                self.damage(source, FaultReason::Truncated, 0, "no gzip member in the file")
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
                Ok(self.damage(
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
            let packed = source.some()?;
            if packed.is_empty() {
                let detail = "file ends in a gzip member";
                return self.resync(source, FaultReason::Truncated, detail);
            }
            let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
            let status = self.inflate.decompress(packed, chunk, FlushDecompress::None);
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
            // What was unpacked up to the damage is delivered, however it came in calls.
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

    /// Compares the checksum and the length modulo 2^32 (RFC 1952, 2.3.1).
    fn check_trailer(&mut self, source: &mut Source) -> io::Result<Step> {
        let at = source.position();
        let Some((trailer, _)) = source.want(8)?.split_first_chunk::<8>() else {
            let detail = "file ends in a gzip trailer";
            return Ok(self.damage(source, FaultReason::Truncated, at, detail));
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
    fn damage(
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

    /// A gap from here to the next member. A member that seems to go on to the end of the file may
    /// have run over others.
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

    /// The first place from `from` on where a member seems to start whose data `accept` agrees to;
    /// without one, a place that is not before `until`.
    pub(super) fn find_member(
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

    /// What the first bytes of a candidate unpack to, `None` if not without an error.
    fn trial(&mut self, source: &mut Source) -> io::Result<Option<Vec<u8>>> {
        let Header::Length(length) = header(source)? else { return Ok(None) };
        let packed = source.want(SOURCE_BYTES)?;
        let mut trial = vec![0; TRIAL_BYTES];
        self.inflate.reset(false);
        let status = self.inflate.decompress(&packed[length..], &mut trial, FlushDecompress::None);
        trial.truncate(self.inflate.total_out() as usize);
        let is_sound = match status {
            Ok(Status::StreamEnd) => true,
            Ok(_) => !trial.is_empty(),
            Err(_) => false,
        };
        Ok(is_sound.then_some(trial))
    }
}

/// Consumes zero bytes, and counts them.
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
    /// It is sound and so many bytes long.
    Length(usize),
    /// The file ends inside it.
    Cut,
    /// It is no gzip header, or longer than can be looked ahead.
    Bad,
}

/// Looks at the gzip header that `source` stands at.
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

/// Length of the gzip header that `bytes` start with (RFC 1952, 2.3), `None` if it is longer than
/// `bytes`, an error if it sets flags that are reserved.
fn header_length(bytes: &[u8]) -> Result<Option<usize>, ()> {
    const HEADER_CRC: u8 = 2;
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    const RESERVED: u8 = 0xE0;
    let Some(&flags) = bytes.get(3) else { return Ok(None) };
    if flags & RESERVED != 0 {
        return Err(());
    }
    let mut length = 10;
    if flags & EXTRA != 0 {
        let (Some(&low), Some(&high)) = (bytes.get(length), bytes.get(length + 1)) else {
            return Ok(None);
        };
        length += 2 + usize::from(u16::from_le_bytes([low, high]));
    }
    for flag in [NAME, COMMENT] {
        if flags & flag != 0 {
            let rest = bytes.get(length..).unwrap_or_default();
            let Some(end) = memchr::memchr(0, rest) else { return Ok(None) };
            length += end + 1;
        }
    }
    if flags & HEADER_CRC != 0 {
        length += 2;
    }
    Ok((length <= bytes.len()).then_some(length))
}
