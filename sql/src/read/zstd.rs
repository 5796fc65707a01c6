//! Zstandard files (RFC 8878) of any number of frames, read frame by frame.
//!
//! Skippable frames are stepped over, but for the one that the IIPC proposal for `.warc.zst` puts
//! first: magic 0x184D2A5D, holding a dictionary for all frames, itself packed or not.

use std::io;

use zstd::stream::raw::{DParameter, Decoder, Operation};

use super::Limits;
use super::damage::{Damage, Step};
use super::fault::{FaultReason, short};
use super::format::{ZSTD_MAGIC, is_skippable_frame};
use super::source::{SOURCE_BYTES, Source};

/// First bytes of the skippable frame that holds the dictionary of a `.warc.zst` file.
const DICTIONARY_FRAME_MAGIC: [u8; 4] = [0x5D, 0x2A, 0x4D, 0x18];

/// Bytes that tell how long the header of a frame is (RFC 8878, 3.1.1.1): magic and descriptor.
const FRAME_START_BYTES: usize = 5;

/// How far before the failure the search for the next frame starts: the largest block of a frame
/// (RFC 8878, 3.1.1.2.4).
const RESYNC_BACK_BYTES: u64 = 128 << 10;

/// Unpacked bytes that a candidate for the next frame is tried for.
const TRIAL_BYTES: usize = 32 << 10;

/// The state of unpacking one Zstandard file.
pub(super) struct Zstd {
    decoder: Decoder<'static>,
    dictionary: Vec<u8>,
    max_window_log: u32,
    in_frame: bool,
    /// Packed bytes that the decoder wants next: the rest of a header, or a block and the header of
    /// the next. It is given no more, so that what it unpacks before damage is the same wherever
    /// reading started: of a call that fails, everything is lost.
    wanted: usize,
    ended: bool,
    member: u64,
    /// Why the dictionary could not be used, to be told once.
    bad_dictionary: Option<Damage>,
}

impl Zstd {
    /// Reads the dictionary at the start of `source`, if there is one.
    pub(super) fn open(source: &mut Source, limits: &Limits) -> io::Result<Self> {
        let (dictionary, bad_dictionary) = match read_dictionary(source, limits)? {
            Ok(dictionary) => (dictionary, None),
            Err(damage) => (Vec::new(), Some(damage)),
        };
        let decoder = new_decoder(&dictionary, limits.max_window_log)?;
        let max_window_log = limits.max_window_log;
        Ok(Self {
            decoder,
            dictionary,
            max_window_log,
            in_frame: false,
            wanted: FRAME_START_BYTES,
            ended: false,
            member: 0,
            bad_dictionary,
        })
    }

    /// Does the next piece of work.
    pub(super) fn step(&mut self, source: &mut Source, chunk: &mut [u8]) -> io::Result<Step> {
        match (self.ended, self.in_frame) {
            (true, _) => Ok(Step::End),
            (false, true) => self.decode(source, chunk),
            (false, false) => self.start_frame(source),
        }
    }

    fn start_frame(&mut self, source: &mut Source) -> io::Result<Step> {
        loop {
            self.member = source.position();
            if self.member == 0
                && let Some(damage) = self.bad_dictionary.take()
            {
                source.seek(damage.resume)?;
                return Ok(Step::Gap(damage));
            }
            let length = source.length();
            let first = source.want(8)?;
            if first.is_empty() {
                let lost_all = length == 0;
                return Ok(if lost_all { self.truncated(source) } else { Step::End });
            }
            if first.starts_with(&ZSTD_MAGIC) {
                self.in_frame = true;
                self.wanted = FRAME_START_BYTES;
                return Ok(Step::Member(self.member));
            }
            if is_skippable_frame(first) {
                let Some(end) = skippable_end(first, self.member, length) else {
                    return Ok(self.truncated(source));
                };
                source.seek(end)?;
            } else if ZSTD_MAGIC.starts_with(first) {
                return Ok(self.truncated(source));
            } else {
                return self.resync(source, FaultReason::Junk, "not a zstd frame");
            }
        }
    }

    fn decode(&mut self, source: &mut Source, chunk: &mut [u8]) -> io::Result<Step> {
        loop {
            let packed = source.some()?;
            let at_end = packed.is_empty();
            let packed = &packed[..packed.len().min(self.wanted)];
            match self.decoder.run_on_buffers(packed, chunk) {
                Ok(status) => {
                    self.wanted = status.remaining.max(1);
                    source.consume(status.bytes_read);
                    self.in_frame = status.remaining != 0;
                    if status.bytes_written > 0 {
                        return Ok(Step::Data(status.bytes_written));
                    }
                    if !self.in_frame {
                        return self.start_frame(source);
                    }
                    if at_end || status.bytes_read == 0 {
                        self.reset()?;
                        let detail = "file ends in a zstd frame";
                        return self.resync(source, FaultReason::Truncated, detail);
                    }
                }
                Err(error) => {
                    self.reset()?;
                    let detail = format!("invalid zstd data: {}", short(&error));
                    return self.resync(source, FaultReason::Decompression, &detail);
                }
            }
        }
    }

    fn reset(&mut self) -> io::Result<()> {
        self.decoder = new_decoder(&self.dictionary, self.max_window_log)?;
        self.in_frame = false;
        Ok(())
    }

    /// A gap from here to the end of the file.
    fn truncated(&mut self, source: &mut Source) -> Step {
        let failed = source.position();
        let rest = source.buffered().len();
        source.consume(rest);
        self.ended = true;
        Step::Gap(truncation(self.member, failed, source.length()))
    }

    /// A gap from here to the next frame. A frame that seems to go on to the end of the file may
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
        let resume = source.find(from, &ZSTD_MAGIC, unpacks)?;
        let member = self.member;
        Ok(Step::Gap(Damage { reason, member, failed, resume, detail: detail.to_owned() }))
    }

    /// The first place from `from` on where a frame seems to start whose data `accept` agrees to;
    /// without one, a place that is not before `until`.
    pub(super) fn find_frame(
        &self,
        source: &mut Source,
        (from, until): (u64, u64),
        accept: impl Fn(&[u8]) -> bool,
    ) -> io::Result<u64> {
        source.find(from, &ZSTD_MAGIC, |source| {
            Ok(source.position() >= until
                || self.trial(source)?.is_some_and(|first| accept(&first)))
        })
    }

    /// What the first bytes of a candidate unpack to, `None` if not without an error.
    fn trial(&self, source: &mut Source) -> io::Result<Option<Vec<u8>>> {
        let mut decoder = new_decoder(&self.dictionary, self.max_window_log)?;
        let mut trial = vec![0; TRIAL_BYTES];
        let status = decoder.run_on_buffers(source.want(SOURCE_BYTES)?, &mut trial);
        Ok(status.ok().map(|status| {
            trial.truncate(status.bytes_written);
            trial
        }))
    }
}

fn new_decoder(dictionary: &[u8], max_window_log: u32) -> io::Result<Decoder<'static>> {
    let mut decoder = Decoder::with_dictionary(dictionary)?;
    decoder.set_parameter(DParameter::WindowLogMax(max_window_log))?;
    Ok(decoder)
}

fn truncation(member: u64, failed: u64, resume: u64) -> Damage {
    let detail = "file ends in a zstd frame".to_owned();
    Damage { reason: FaultReason::Truncated, member, failed, resume, detail }
}

/// Where the skippable frame at `start` ends, or `None` if the file of `length` ends before.
fn skippable_end(first: &[u8], start: u64, length: u64) -> Option<u64> {
    let size = u32::from_le_bytes(first.get(4..8)?.try_into().ok()?);
    let end = start + 8 + u64::from(size);
    (end <= length).then_some(end)
}

/// The dictionary that the file starts with, empty if there is none.
fn read_dictionary(source: &mut Source, limits: &Limits) -> io::Result<Result<Vec<u8>, Damage>> {
    let length = source.length();
    let first = source.want(8)?;
    if !first.starts_with(&DICTIONARY_FRAME_MAGIC) {
        return Ok(Ok(Vec::new()));
    }
    let Some(end) = skippable_end(first, 0, length) else {
        // The frame itself is cut: the first step says so.
        return Ok(Ok(Vec::new()));
    };
    let damage =
        |reason, detail: String| Damage { reason, member: 0, failed: 0, resume: end, detail };
    if end > limits.max_dictionary_bytes {
        let detail = format!("dictionary of more than {} bytes", limits.max_dictionary_bytes);
        return Ok(Err(damage(FaultReason::TooLarge, detail)));
    }
    source.consume(8);
    let mut packed = Vec::with_capacity((end - 8) as usize);
    while (packed.len() as u64) < end - 8 {
        let bytes = source.some()?;
        if bytes.is_empty() {
            break;
        }
        let count = bytes.len().min(end as usize - 8 - packed.len());
        packed.extend_from_slice(&bytes[..count]);
        source.consume(count);
    }
    if !packed.starts_with(&ZSTD_MAGIC) {
        return Ok(Ok(packed));
    }
    let capacity = limits.max_dictionary_bytes as usize;
    Ok(zstd::bulk::decompress(&packed, capacity)
        .map_err(|error| damage(FaultReason::Decompression, format!("dictionary: {error}"))))
}
