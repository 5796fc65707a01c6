//! Arrow IPC: files (Feather 2) and streams, as Hugging Face's `datasets` caches them. One document
//! per row; columns are read as those of Parquet are.

use std::io::{self, Read as _, SeekFrom};
use std::sync::Arc;

use arrow::buffer::Buffer;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamDecoder;
use arrow::record_batch::RecordBatch;

use crate::columnar::{Rows, column_of, guarded};
use crate::fault::{Fault, FaultReason, short};
use crate::format_reader::FormatReader;
use crate::input::Input;
use crate::lack::{FIELDS_LISTED_MAX, Lack};
use crate::part_range::PartRange;
use crate::read_seek::ReadSeek;
use crate::record::{MAX_RECORDS, Record, Records};
use crate::survey::Survey;

/// The first bytes of the file format; a stream has none (Arrow columnar format, "IPC File Format").
const FILE_MAGIC: &[u8] = b"ARROW1";

/// Zero bytes follow the magic up to a multiple of 8; this library's writer pads to 64.
const FILE_START_BYTES: usize = 128;
const FILE_ALIGNMENT_BYTES: usize = 8;

/// Bytes that are read at a time.
const CHUNK_BYTES: u64 = 1 << 20;

/// The decoder's message for bytes behind the end of the stream.
const AFTER_END: &str = "Unexpected EOS";

/// Reads Arrow files. A file is one part.
pub(crate) struct ArrowReader;

impl FormatReader for ArrowReader {
    fn lack(&self, input: &Input, source: Box<dyn ReadSeek>) -> io::Result<Option<Lack>> {
        let Ok(batches) = Batches::open(source)? else { return Ok(None) };
        let schema = batches.schema();
        if column_of(&schema, &input.fields.text).is_some() {
            return Ok(None);
        }
        let names = schema.fields().iter().map(|field| field.name().clone());
        let there = names.take(FIELDS_LISTED_MAX).collect();
        Ok(Some(Lack { wanted: input.fields.text.clone(), there, records: None }))
    }

    fn survey(&self, _: &Input, _: Box<dyn ReadSeek>, _: u64) -> io::Result<Survey> {
        Ok(Survey::whole())
    }

    fn read(&self, input: &Input, source: Box<dyn ReadSeek>, _: &PartRange) -> io::Result<Records> {
        let mut source = source;
        let length = source.seek(SeekFrom::End(0))?;
        let rows = Rows::of(input);
        let opened = Batches::open(source)?;
        let records = match opened {
            Ok(batches) => ArrowRecords {
                rows,
                length,
                batches: Some(batches),
                error: None,
                batch: None,
                row: 0,
                ordinal: 0,
            },
            Err(error) => ArrowRecords {
                rows,
                length,
                batches: None,
                error: Some(error),
                batch: None,
                row: 0,
                ordinal: 0,
            },
        };
        Ok(Records::new(records))
    }
}

/// The batches of a file or a stream.
///
/// A file is a stream behind its magic number, with a footer behind it, which is not needed. Both are
/// decoded as they are read: the library's readers of files would allocate whatever a damaged length
/// asks for.
struct Batches {
    source: Box<dyn ReadSeek>,
    decoder: StreamDecoder,
    buffer: Buffer,
    is_file: bool,
    /// Bytes of the file, more than which no batch has rows.
    length: u64,
    /// A batch that was decoded to learn the schema.
    first: Option<RecordBatch>,
}

impl Batches {
    /// Opens a file or a stream; the inner error says what is wrong with its content.
    fn open(mut source: Box<dyn ReadSeek>) -> io::Result<Result<Self, String>> {
        let length = source.seek(SeekFrom::End(0))?;
        source.rewind()?;
        let mut start =
            vec![0; FILE_START_BYTES.min(usize::try_from(length).unwrap_or(usize::MAX))];
        source.read_exact(&mut start)?;
        let is_file = start.starts_with(FILE_MAGIC);
        let mut stream_start = 0;
        if is_file {
            let content = &start[FILE_MAGIC.len()..];
            let padding = content.iter().take_while(|byte| **byte == 0).count();
            stream_start =
                (FILE_MAGIC.len() + padding) / FILE_ALIGNMENT_BYTES * FILE_ALIGNMENT_BYTES;
        }
        source.seek(SeekFrom::Start(stream_start as u64))?;
        let (decoder, buffer) = (StreamDecoder::new(), Buffer::from_vec(Vec::<u8>::new()));
        let mut batches = Self { source, decoder, buffer, is_file, length, first: None };
        match batches.decode()? {
            Ok(first) => batches.first = first,
            Err(error) => return Ok(Err(error)),
        }
        if batches.decoder.schema().is_none() {
            return Ok(Err("no schema".to_owned()));
        }
        Ok(Ok(batches))
    }

    fn schema(&self) -> SchemaRef {
        self.decoder.schema().unwrap_or_else(|| Arc::new(Schema::empty()))
    }

    fn next(&mut self) -> io::Result<Result<Option<RecordBatch>, String>> {
        match self.first.take() {
            Some(first) => Ok(Ok(Some(first))),
            None => self.decode(),
        }
    }

    /// Decodes the next batch; `None` at the end.
    fn decode(&mut self) -> io::Result<Result<Option<RecordBatch>, String>> {
        loop {
            let decoded = guarded(|| self.decoder.decode(&mut self.buffer));
            match decoded {
                Ok(Ok(Some(batch))) if batch.num_rows() as u64 > self.length => {
                    let rows = batch.num_rows();
                    return Ok(Err(format!("a batch of {rows} rows in {} bytes", self.length)));
                }
                Ok(Ok(Some(batch))) => return Ok(Ok(Some(batch))),
                Ok(Ok(None)) => {}
                // What follows the end of the stream is the footer.
                Ok(Err(ArrowError::IpcError(message)))
                    if self.is_file && message.contains(AFTER_END) =>
                {
                    return Ok(Ok(None));
                }
                Ok(Err(error)) => return Ok(Err(short(&error))),
                Err(panicked) => return Ok(Err(panicked)),
            }
            let mut chunk = Vec::new();
            self.source.by_ref().take(CHUNK_BYTES).read_to_end(&mut chunk)?;
            if chunk.is_empty() {
                let ended = guarded(|| self.decoder.finish());
                return Ok(match ended {
                    Ok(Ok(())) => Ok(None),
                    Ok(Err(error)) => Err(short(&error)),
                    Err(panicked) => Err(panicked),
                });
            }
            self.buffer = Buffer::from_vec(chunk);
        }
    }
}

/// The rows of a file.
struct ArrowRecords {
    rows: Rows,
    /// Bytes of the file.
    length: u64,
    batches: Option<Batches>,
    /// What is wrong with the rest of the file, until it has been delivered.
    error: Option<String>,
    batch: Option<RecordBatch>,
    row: usize,
    ordinal: u64,
}

impl ArrowRecords {
    fn advance(&mut self) -> io::Result<Option<Record>> {
        loop {
            if let Some(detail) = self.error.take() {
                (self.batches, self.batch) = (None, None);
                let ordinal = self.ordinal.min(MAX_RECORDS) as u32;
                let (offset, length) = (0, self.length);
                let reason = FaultReason::BadArrow;
                let fault = Fault { ordinal, offset, length, records: 1, reason, detail };
                return Ok(Some(Record::Fault(fault)));
            }
            if let Some(batch) = &self.batch
                && self.row < batch.num_rows()
            {
                if self.ordinal >= MAX_RECORDS {
                    return Err(io::Error::other("more than 2^32 - 1 rows in one file"));
                }
                let record = self.rows.record(batch, self.row, self.ordinal as u32, 0);
                self.row += 1;
                self.ordinal += 1;
                return Ok(Some(record));
            }
            let Some(batches) = &mut self.batches else { return Ok(None) };
            let batch = match batches.next()? {
                Ok(Some(batch)) => batch,
                Ok(None) => return Ok(None),
                Err(error) => {
                    self.error = Some(error);
                    continue;
                }
            };
            match guarded(|| self.rows.flat(&batch)) {
                Ok(Ok(batch)) => (self.batch, self.row) = (Some(batch), 0),
                Ok(Err(error)) => self.error = Some(short(&error)),
                Err(panicked) => self.error = Some(panicked),
            }
        }
    }
}

impl Iterator for ArrowRecords {
    type Item = io::Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}
