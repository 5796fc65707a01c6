//! Plain text files, and what every document's text is checked for.

use std::io;

use super::decompress::{Filled, Stream};
use super::fault::{Failure, Fault, FaultReason};
use super::{Document, Input, Limits, Record};

/// `text` as a document may carry it, and whether it was changed: U+0000, which ends a string for
/// much of the software that texts pass through, becomes U+FFFD, as in HTML.
///
/// # Errors
///
/// If the text is blank, where that is none, or over the limit.
pub(super) fn checked_text(text: String, limits: &Limits) -> Result<(String, bool), Failure> {
    if text.len() as u64 > limits.max_document_bytes {
        return Err((FaultReason::TooLarge, format!("text of {} bytes", text.len())));
    }
    if !limits.keep_blank && text.trim_start().is_empty() {
        return Err((FaultReason::Empty, format!("blank text of {} bytes", text.len())));
    }
    if memchr::memchr(0, text.as_bytes()).is_some() {
        return Ok((text.replace('\0', "\u{FFFD}"), true));
    }
    Ok((text, false))
}

/// The one record of a plain text file, which has the file's path for an id, and the faults of
/// its compression.
pub(super) struct TextRecords {
    stream: Option<Stream>,
    path: String,
    limits: Limits,
    ordinal: u32,
}

impl TextRecords {
    /// The record of the file that `stream` unpacks.
    pub(super) fn new(input: &Input, stream: Stream) -> Self {
        let (path, limits) = (input.path.clone(), input.limits.clone());
        Self { stream: Some(stream), path, limits, ordinal: 0 }
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
                // A text with a hole is no document: what was read of it goes with the fault.
                Filled::Gap(damage) => {
                    let fault = damage.fault(self.ordinal, length);
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
                ordinal: self.ordinal,
                offset: 0,
                id: self.path.clone(),
                url: None,
                date: None,
                text,
                extra: None,
                repaired,
            }),
            Err((reason, detail)) => {
                let ordinal = self.ordinal;
                Record::Fault(Fault { ordinal, offset: 0, length, reason, detail })
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
