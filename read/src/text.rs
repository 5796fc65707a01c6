//! Plain text files: one document per file, per line or per paragraph.

use std::io;

use crate::decompress::{Filled, Restart, Stream};
use crate::document_text::checked_text;
use crate::fault::{Fault, FaultReason};
use crate::format_reader::FormatReader;
use crate::input::{Input, TextUnit};
use crate::jsonl::{JsonlRecords, survey_lines};
use crate::limits::Limits;
use crate::part_range::PartRange;
use crate::read_seek::ReadSeek;
use crate::record::{Document, Record, Records};
use crate::survey::Survey;
use crate::text_units::ParagraphRecords;

/// Reads plain text files. With a document per line, a file is cut into ranges of lines; otherwise
/// it is one part.
pub(crate) struct TextReader;

impl FormatReader for TextReader {
    fn survey(
        &self,
        input: &Input,
        source: Box<dyn ReadSeek>,
        part_bytes: u64,
    ) -> io::Result<Survey> {
        match input.documents {
            TextUnit::File | TextUnit::Paragraph => Ok(Survey::whole()),
            TextUnit::Line => survey_lines(input, source, part_bytes),
        }
    }

    fn read(
        &self,
        input: &Input,
        source: Box<dyn ReadSeek>,
        range: &PartRange,
    ) -> io::Result<Records> {
        if input.documents == TextUnit::Paragraph {
            return Ok(Records::new(ParagraphRecords::open(input, source)?));
        }
        let restart = match *range {
            PartRange::Lines { restart, .. } => restart,
            _ => Restart::default(),
        };
        let stream = Stream::open(input, source, restart)?;
        Ok(match input.documents {
            TextUnit::Line => Records::new(JsonlRecords::new(input, stream, range)?),
            _ => Records::new(TextRecords::new(input, stream)),
        })
    }
}

/// The one record of a plain text file, whose id is the file's path.
struct TextRecords {
    stream: Option<Stream>,
    path: String,
    limits: Limits,
}

impl TextRecords {
    fn new(input: &Input, stream: Stream) -> Self {
        let (path, limits) = (input.path.clone(), input.limits.clone());
        Self { stream: Some(stream), path, limits }
    }

    fn advance(&mut self) -> io::Result<Option<Record>> {
        let Some(mut stream) = self.stream.take() else { return Ok(None) };
        let mut bytes = Vec::new();
        let mut length = 0;
        loop {
            match stream.fill()? {
                Filled::Data => {
                    let chunk = stream.buffer();
                    length += chunk.len() as u64;
                    if length > self.limits.max_document_bytes {
                        bytes = Vec::new();
                    } else {
                        bytes.extend_from_slice(chunk);
                    }
                    let count = chunk.len();
                    stream.consume(count);
                }
                // A text with a hole is not a document, so the bytes read so far are lost too.
                Filled::Gap(damage) => {
                    let fault = damage.fault(0, length);
                    return Ok(Some(Record::Fault(fault)));
                }
                Filled::End => return Ok(Some(self.record(&bytes, length))),
            }
        }
    }

    fn record(&self, bytes: &[u8], length: u64) -> Record {
        let document = if length > self.limits.max_document_bytes {
            Err((FaultReason::TooLarge, format!("text of {length} bytes")))
        } else {
            let decoded = ::text::charset::decode(bytes, None);
            checked_text(decoded.text, &self.limits)
                .map(|(text, cleaned)| (text, cleaned || decoded.repaired))
        };
        match document {
            Ok((text, repaired)) => Record::Document(Document {
                ordinal: 0,
                offset: 0,
                id: self.path.clone(),
                url: None,
                date: None,
                text,
                extra: None,
                repaired,
            }),
            Err((reason, detail)) => {
                Record::Fault(Fault { ordinal: 0, offset: 0, length, records: 1, reason, detail })
            }
        }
    }
}

impl Iterator for TextRecords {
    type Item = io::Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}
