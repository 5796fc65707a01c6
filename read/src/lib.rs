//! Readers: they turn one part of an input file into documents and faults.
//!
//! Every format keeps three promises:
//!
//! - Bad data never causes a panic or an `Err`. It becomes a [`Record::Fault`], which says where
//!   the bytes are and why they are lost. `Err` means that the disk or the network failed.
//! - No byte is lost silently. Each byte belongs to a document, a fault or a [`Record::Skipped`].
//! - Memory is bounded by [`Limits`], whatever the file claims about itself.
//!
//! [`survey`] cuts a file into [`PartRange`]s by its content alone. Reading the parts in order
//! gives the same records, with the same ordinals, as reading [`PartRange::Whole`].
//! [`survey_parallel`] makes the same cuts on all threads. A [`StreamPool`] saves the reader of a
//! part from decompressing what precedes the part.
//!
//! To add an input format, write a module with a `FormatReader` (see `text.rs` for the shortest),
//! add a variant to [`Format`] with its names in `format.rs`, and one line to `dispatch.rs`.

mod arrow_ipc;
mod columnar;
mod csv;
mod cuts;
mod decompress;
mod dispatch;
mod document_text;
mod fault;
mod fields;
mod format;
mod format_reader;
mod input;
mod jsonl;
mod lack;
mod limits;
mod parquet;
mod part_range;
mod read_seek;
mod record;
mod stream_pool;
mod stream_reader;
mod survey;
mod text;
mod text_units;
mod warc;

#[cfg(test)]
mod tests;

pub use crate::decompress::{Compression, Restart};
pub use crate::dispatch::{lack, read, survey, survey_parallel};
pub use crate::fault::{Fault, FaultReason, SkipReason};
pub use crate::fields::{Fields, Names};
pub use crate::format::Format;
pub use crate::input::{Input, TextUnit};
pub use crate::lack::Lack;
pub use crate::limits::Limits;
pub use crate::part_range::PartRange;
pub use crate::read_seek::ReadSeek;
pub use crate::record::{Document, Record, Records};
pub use crate::stream_pool::StreamPool;
pub use crate::survey::Survey;
pub use crate::warc::{BodyTotals, measure_bodies};
