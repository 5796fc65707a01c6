//! Plain text files with a document per line or per paragraph.

use std::io;

use crate::decompress::{Restart, Stream};
use crate::document_text::checked_text;
use crate::fault::{Failure, Fault, FaultReason};
use crate::input::Input;
use crate::jsonl::{LineEvent, LineMaker, Lines};
use crate::limits::Limits;
use crate::read_seek::ReadSeek;
use crate::record::{Document, MAX_RECORDS, Record};

/// Makes a document of a piece of a text file.
pub(crate) struct TextPieces {
    path: String,
    limits: Limits,
}

impl TextPieces {
    /// The pieces of `input`.
    pub(crate) fn of(input: &Input) -> Self {
        Self { path: input.path.clone(), limits: input.limits.clone() }
    }

    fn document(&self, bytes: &[u8], ordinal: u32, offset: u64) -> Result<Document, Failure> {
        let decoded = ::text::charset::decode(bytes, None);
        let (text, cleaned) = checked_text(decoded.text, &self.limits)?;
        Ok(Document {
            ordinal,
            offset,
            id: format!("{}/{ordinal}", self.path),
            url: None,
            date: None,
            text,
            extra: None,
            repaired: decoded.repaired || cleaned,
        })
    }
}

impl LineMaker for TextPieces {
    fn record(&self, line: &[u8], ordinal: u32, offset: u64) -> Record {
        let length = line.len() as u64;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line =
            if offset == 0 { line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line) } else { line };
        match self.document(line, ordinal, offset) {
            Ok(document) => Record::Document(document),
            Err((reason, detail)) => {
                Record::Fault(Fault { ordinal, offset, length, records: 1, reason, detail })
            }
        }
    }
}

/// The paragraphs of a file: lines without a blank line between them. The number of a paragraph is
/// that of its first line.
pub(crate) struct ParagraphRecords {
    lines: Lines,
    pieces: TextPieces,
    /// The lines of the open paragraph, with line feeds between them.
    paragraph: Vec<u8>,
    /// The number and the offset of its first line.
    start: Option<(u32, u64)>,
    /// Its bytes, of which only those up to the limit are kept.
    length: u64,
    /// A fault that waits until the paragraph before it is delivered.
    fault: Option<Fault>,
}

impl ParagraphRecords {
    /// The paragraphs of the whole file in `source`.
    pub(crate) fn open(input: &Input, source: Box<dyn ReadSeek>) -> io::Result<Self> {
        let stream = Stream::open(input, source, Restart::default())?;
        let lines = Lines::open(stream, (0, None), 0, input.limits.max_line_bytes)?;
        let pieces = TextPieces::of(input);
        let (paragraph, start) = (Vec::new(), None);
        Ok(Self { lines, pieces, paragraph, start, length: 0, fault: None })
    }

    fn advance(&mut self) -> io::Result<Option<Record>> {
        loop {
            if let Some(fault) = self.fault.take() {
                return Ok(Some(Record::Fault(fault)));
            }
            let event = self.lines.next_line()?;
            if self.lines.ordinal() >= MAX_RECORDS && !matches!(event, LineEvent::End) {
                return Err(io::Error::other("more than 2^32 - 1 lines in one file"));
            }
            let ordinal = self.lines.ordinal() as u32;
            let is_end = matches!(event, LineEvent::End);
            match event {
                LineEvent::Line(offset) if !self.lines.line().trim_ascii().is_empty() => {
                    self.add(ordinal, offset);
                    continue;
                }
                LineEvent::Line(_) | LineEvent::End => {}
                LineEvent::Gap(damage, partial) => {
                    self.fault = Some(damage.fault(ordinal, partial));
                }
                LineEvent::TooLong(offset, length) => {
                    let (reason, detail) = (FaultReason::TooLarge, "line too long".to_owned());
                    self.fault =
                        Some(Fault { ordinal, offset, length, records: 1, reason, detail });
                }
            }
            match self.finish() {
                Some(record) => return Ok(Some(record)),
                None if is_end => return Ok(None),
                None => {}
            }
        }
    }

    /// Adds the last line to the paragraph.
    fn add(&mut self, ordinal: u32, offset: u64) {
        let line = self.lines.line();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if self.start.is_none() {
            self.start = Some((ordinal, offset));
        } else {
            self.length += 1;
            self.paragraph.push(b'\n');
        }
        self.length += line.len() as u64;
        if self.length <= self.pieces.limits.max_document_bytes {
            self.paragraph.extend_from_slice(line);
        } else {
            self.paragraph.clear();
        }
    }

    /// The paragraph that ends here, if there is one.
    fn finish(&mut self) -> Option<Record> {
        let (ordinal, offset) = self.start.take()?;
        let paragraph = std::mem::take(&mut self.paragraph);
        let length = std::mem::take(&mut self.length);
        if length > self.pieces.limits.max_document_bytes {
            let (reason, detail) = (FaultReason::TooLarge, format!("text of {length} bytes"));
            return Some(Record::Fault(Fault {
                ordinal,
                offset,
                length,
                records: 1,
                reason,
                detail,
            }));
        }
        Some(self.pieces.record(&paragraph, ordinal, offset))
    }
}

impl Iterator for ParagraphRecords {
    type Item = io::Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}
