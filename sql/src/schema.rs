//! The columns of the table `docs`.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

/// The identity of a document: the index of its input file in the high 32 bits, the number of its
/// record in the file in the low 32 bits. It does not depend on how files are cut into parts.
pub const DOC_ID: &str = "doc_id";
/// The document's text.
pub const TEXT: &str = "text";
/// Why a stage drops a document; NULL keeps it.
pub(crate) const DROP_REASON: &str = "drop_reason";

/// The columns that every document has when it is read.
///
/// `doc_id`, `id` (the record's own id, else `path/ordinal`), `url`, `source` (its name in the
/// recipe), `path` (the input file), `date` (as the record writes it), `text`, `metadata` (the
/// other fields of the record as one JSON object). `text` is LargeUtf8, since an array with 32-bit
/// offsets holds at most 2 GiB.
pub static DOCUMENT: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new(DOC_ID, DataType::UInt64, false),
        Field::new("id", DataType::Utf8, true),
        Field::new("url", DataType::Utf8, true),
        Field::new("source", DataType::Utf8, true),
        Field::new("path", DataType::Utf8, true),
        Field::new("date", DataType::Utf8, true),
        Field::new(TEXT, DataType::LargeUtf8, true),
        Field::new("metadata", DataType::Utf8, true),
    ]))
});

/// The `doc_id` of record `ordinal` of input file `file`.
///
/// ```
/// assert_eq!(sql::doc_id(2, 7), 2 << 32 | 7);
/// ```
pub fn doc_id(file: u32, ordinal: u32) -> u64 {
    u64::from(file) << 32 | u64::from(ordinal)
}
