//! bzip2 and xz files of any number of streams, which are read from the start.
//!
//! A stream has no place where decompression could start again, so damage costs the rest of the
//! file.

use std::io;

use bzip2::{Decompress, Status};
use liblzma::stream::{Action, Stream as Xz};

use super::damage::Damage;
use super::source::Source;
use super::step::Step;
use crate::fault::{FaultReason, short};

/// Memory of one xz decoder in bytes. `xz -9` needs 65 MiB (xz(1), section "Memory usage").
const XZ_MEMORY_BYTES: u64 = 256 << 20;

/// The formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// bzip2, as by `bzip2` and `pbzip2`.
    Bzip2,
    /// xz, as by `xz` and `pixz`.
    Xz,
}

enum Decoder {
    Bzip2(Decompress),
    Xz(Xz),
}

/// What one call of a decoder did.
struct Progress {
    read: usize,
    written: usize,
    is_end: bool,
}

/// The state of decompressing one file.
pub(crate) struct Sequential {
    kind: Kind,
    /// The decoder of the open stream.
    decoder: Option<Decoder>,
    member: u64,
    ended: bool,
}

impl Sequential {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind, decoder: None, member: 0, ended: false }
    }

    /// Decompresses the next piece.
    pub(crate) fn step(&mut self, source: &mut Source, chunk: &mut [u8]) -> io::Result<Step> {
        loop {
            if self.ended {
                return Ok(Step::End);
            }
            let Some(decoder) = &mut self.decoder else {
                if let Some(step) = self.start(source)? {
                    return Ok(step);
                }
                continue;
            };
            let compressed = source.some()?;
            let at_end = compressed.is_empty();
            let progress = match decoder.run(compressed, chunk) {
                Ok(progress) => progress,
                Err(message) => {
                    let detail = format!("invalid {} data: {message}", self.kind.name());
                    return Ok(self.lose(source, FaultReason::Decompression, detail));
                }
            };
            source.consume(progress.read);
            if progress.is_end {
                self.decoder = None;
            } else if at_end && progress.written == 0 {
                let detail = format!("file ends in a {} stream", self.kind.name());
                return Ok(self.lose(source, FaultReason::Truncated, detail));
            }
            if progress.written > 0 {
                return Ok(Step::Data(progress.written));
            }
        }
    }

    /// Starts the next stream. `None` after bytes that may stand between two streams.
    fn start(&mut self, source: &mut Source) -> io::Result<Option<Step>> {
        self.member = source.position();
        let length = source.length();
        let first = source.want(self.kind.magic().len())?;
        if first.is_empty() && length > 0 {
            self.ended = true;
            return Ok(Some(Step::End));
        }
        if first.starts_with(self.kind.magic()) {
            self.decoder = Some(self.kind.decoder()?);
            return Ok(Some(Step::Member(self.member)));
        }
        // The padding of an xz file is a multiple of four zero bytes (xz file format, 2.2).
        if self.kind == Kind::Xz && self.member > 0 && first.starts_with(&[0; 4]) {
            source.consume(4);
            return Ok(None);
        }
        let (reason, detail) = if self.kind.magic().starts_with(first) {
            (FaultReason::Truncated, format!("file ends in a {} stream", self.kind.name()))
        } else {
            (FaultReason::Junk, format!("not a {} stream", self.kind.name()))
        };
        Ok(Some(self.lose(source, reason, detail)))
    }

    /// A gap from here to the end of the file.
    fn lose(&mut self, source: &mut Source, reason: FaultReason, detail: String) -> Step {
        self.ended = true;
        let (member, failed, resume) = (self.member, source.position(), source.length());
        Step::Gap(Damage { reason, member, failed, resume, detail })
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
        }
    }

    /// The first bytes of a stream.
    pub(crate) fn magic(self) -> &'static [u8] {
        match self {
            Self::Bzip2 => b"BZh",
            // xz file format, 2.1.1.1.
            Self::Xz => b"\xFD7zXZ\0",
        }
    }

    fn decoder(self) -> io::Result<Decoder> {
        Ok(match self {
            Self::Bzip2 => Decoder::Bzip2(Decompress::new(false)),
            Self::Xz => Decoder::Xz(Xz::new_stream_decoder(XZ_MEMORY_BYTES, 0)?),
        })
    }
}

impl Decoder {
    fn run(&mut self, compressed: &[u8], out: &mut [u8]) -> Result<Progress, String> {
        match self {
            Self::Bzip2(decoder) => {
                let (read, written) = (decoder.total_in(), decoder.total_out());
                let status = decoder.decompress(compressed, out).map_err(|error| short(&error))?;
                Ok(Progress {
                    read: (decoder.total_in() - read) as usize,
                    written: (decoder.total_out() - written) as usize,
                    is_end: status == Status::StreamEnd,
                })
            }
            Self::Xz(decoder) => {
                let (read, written) = (decoder.total_in(), decoder.total_out());
                let status =
                    decoder.process(compressed, out, Action::Run).map_err(|error| short(&error))?;
                Ok(Progress {
                    read: (decoder.total_in() - read) as usize,
                    written: (decoder.total_out() - written) as usize,
                    is_end: status == liblzma::stream::Status::StreamEnd,
                })
            }
        }
    }
}
