//! Zstandard files (RFC 8878) of any number of frames, read frame by frame.
//!
//! Skippable frames are skipped, except the first frame of a `.warc.zst` file (IIPC proposal, magic
//! 0x184D2A5D). It contains a dictionary for all frames, which may itself be compressed.

use std::io;

use zstd::stream::raw::{DParameter, Decoder, Operation};

use super::compression::{ZSTD_MAGIC, is_skippable_frame};
use super::damage::Damage;
use super::source::{SOURCE_BYTES, Source};
use super::step::Step;
use crate::fault::{FaultReason, short};
use crate::limits::Limits;

/// First bytes of the skippable frame that contains the dictionary of a `.warc.zst` file.
const DICTIONARY_FRAME_MAGIC: [u8; 4] = [0x5D, 0x2A, 0x4D, 0x18];

/// Bytes that determine the length of a frame header (RFC 8878, 3.1.1.1): magic and descriptor.
const FRAME_START_BYTES: usize = 5;

/// How far before the failure the search for the next frame starts: the largest block of a frame
/// (RFC 8878, 3.1.1.2.4).
const RESYNC_BACK_BYTES: u64 = 128 << 10;

/// Most decompressed bytes of a trial of a candidate for the next frame.
const TRIAL_BYTES: usize = 32 << 10;

/// The state of decompressing one Zstandard file.
pub(crate) struct Zstd {
    decoder: Decoder<'static>,
    dictionary: Vec<u8>,
    max_window_log: u32,
    in_frame: bool,
    /// Compressed bytes that the decoder requests next: the rest of a header, or a block and the
    /// header of the next block. It never gets more. A call that fails loses all of its output, so
    /// with larger inputs the output before damage would depend on where reading started.
    wanted: usize,
    ended: bool,
    member: u64,
    /// Why the dictionary could not be used; reported once.
    bad_dictionary: Option<Damage>,
}

impl Zstd {
    /// Reads the dictionary at the start of `source`, if there is one.
    pub(crate) fn open(source: &mut Source, limits: &Limits) -> io::Result<Self> {
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

    /// Decompresses the next piece.
    pub(crate) fn step(&mut self, source: &mut Source, chunk: &mut [u8]) -> io::Result<Step> {
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
                // An empty file is truncated: it has no frame.
                return Ok(if length == 0 { self.truncated(source) } else { Step::End });
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
            let compressed = source.some()?;
            let at_end = compressed.is_empty();
            let compressed = &compressed[..compressed.len().min(self.wanted)];
            match self.decoder.run_on_buffers(compressed, chunk) {
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

    /// A gap from here to the next frame. The search starts before the failure, since a damaged
    /// frame may have been decoded past its end, over later frames.
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

    /// The first offset at or after `from` where a frame seems to start whose data `accept` agrees
    /// to. If there is none before `until`, some offset at or after `until`.
    pub(crate) fn find_frame(
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

    /// What the first bytes of a candidate decompress to, or `None` if they are not valid.
    fn trial(&self, source: &mut Source) -> io::Result<Option<Vec<u8>>> {
        let mut decoder = new_decoder(&self.dictionary, self.max_window_log)?;
        let mut trial = vec![0; TRIAL_BYTES];
        let status = decoder.run_on_buffers(source.want(SOURCE_BYTES)?, &mut trial);
        // An error only means that the candidate is not a frame.
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

/// Where the skippable frame at `start` ends, or `None` if the file of `length` bytes ends earlier.
fn skippable_end(first: &[u8], start: u64, length: u64) -> Option<u64> {
    let size = u32::from_le_bytes(*first.get(4..)?.first_chunk()?);
    let end = start + 8 + u64::from(size);
    (end <= length).then_some(end)
}

/// The dictionary at the start of the file, empty if there is none.
fn read_dictionary(source: &mut Source, limits: &Limits) -> io::Result<Result<Vec<u8>, Damage>> {
    let length = source.length();
    let first = source.want(8)?;
    if !first.starts_with(&DICTIONARY_FRAME_MAGIC) {
        return Ok(Ok(Vec::new()));
    }
    let Some(end) = skippable_end(first, 0, length) else {
        // The frame itself is truncated, which the first step reports.
        return Ok(Ok(Vec::new()));
    };
    let damage =
        |reason, detail: String| Damage { reason, member: 0, failed: 0, resume: end, detail };
    if end > limits.max_dictionary_bytes {
        let detail = format!("dictionary of more than {} bytes", limits.max_dictionary_bytes);
        return Ok(Err(damage(FaultReason::TooLarge, detail)));
    }
    source.consume(8);
    let mut compressed = Vec::with_capacity((end - 8) as usize);
    while (compressed.len() as u64) < end - 8 {
        let bytes = source.some()?;
        if bytes.is_empty() {
            break;
        }
        let count = bytes.len().min(end as usize - 8 - compressed.len());
        compressed.extend_from_slice(&bytes[..count]);
        source.consume(count);
    }
    if !compressed.starts_with(&ZSTD_MAGIC) {
        return Ok(Ok(compressed));
    }
    let capacity = limits.max_dictionary_bytes as usize;
    Ok(zstd::bulk::decompress(&compressed, capacity)
        .map_err(|error| damage(FaultReason::Decompression, format!("dictionary: {error}"))))
}
