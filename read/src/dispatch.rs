//! Calls the reader of an input's format.

use std::io;

use crate::arrow_ipc::ArrowReader;
use crate::csv::CsvReader;
use crate::format::Format;
use crate::format_reader::FormatReader;
use crate::input::Input;
use crate::jsonl::JsonlReader;
use crate::lack::Lack;
use crate::parquet::ParquetReader;
use crate::part_range::PartRange;
use crate::read_seek::{Open, ReadSeek};
use crate::record::Records;
use crate::survey::Survey;
use crate::text::TextReader;
use crate::warc::WarcReader;

/// The reader of a format.
fn reader_of(format: Format) -> &'static dyn FormatReader {
    match format {
        Format::Warc | Format::Wet => &WarcReader,
        Format::Jsonl => &JsonlReader,
        Format::Parquet => &ParquetReader,
        Format::Arrow => &ArrowReader,
        Format::Csv | Format::Tsv => &CsvReader,
        Format::Text => &TextReader,
    }
}

/// What the file as a whole lacks, judged by its head: `None` if nothing, or if only reading can
/// tell.
///
/// # Errors
///
/// Only if `source` itself fails.
pub fn lack(input: &Input, source: Box<dyn ReadSeek>) -> io::Result<Option<Lack>> {
    reader_of(input.format).lack(input, source)
}

/// Cuts the file in `source` into parts of about `part_bytes` decompressed bytes.
///
/// The cuts depend on the content, `part_bytes` and the limits only. JSONL is cut where a line
/// starts and WARC where a record starts, which takes one pass over the file. Parquet is cut
/// between row groups. A plain text file is one part.
///
/// # Errors
///
/// Only if `source` itself fails. A damaged file is cut as far as it can be read, and the damage
/// is a fault of the part that contains it.
pub fn survey(input: &Input, source: Box<dyn ReadSeek>, part_bytes: u64) -> io::Result<Survey> {
    reader_of(input.format).survey(input, source, part_bytes.max(1))
}

/// Makes the same cuts as [`survey`]. For a large compressed WARC file it uses all threads of the
/// rayon pool, each of which calls `open`.
///
/// # Errors
///
/// Only if the file itself fails.
pub fn survey_parallel(input: &Input, open: Open, part_bytes: u64) -> io::Result<Survey> {
    reader_of(input.format).survey_parallel(input, open, part_bytes.max(1))
}

/// Reads one part of `input`. `source` is the file as stored, still compressed.
///
/// # Errors
///
/// Only if `source` itself fails; the same holds for the iterator.
pub fn read(input: &Input, source: Box<dyn ReadSeek>, range: &PartRange) -> io::Result<Records> {
    reader_of(input.format).read(input, source, range)
}
