//! The columns of key files.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryBuilder, UInt64Array, UInt64Builder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use sql::DOC_ID;

use crate::error::Result;

/// The prefix of the names of band columns.
pub(super) const BAND: &str = "band_";

/// The kind of keys that a stage compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyLayout {
    /// Keys of 8 or 16 bytes, any number per document.
    Keys,
    /// A column per MinHash band, since bands are sorted one after another, and a sketch.
    Bands {
        /// Number of bands.
        bands: usize,
        /// Whether there is a column of minima, too.
        minima: bool,
    },
}

impl KeyLayout {
    /// The columns of the key files.
    ///
    /// - `doc_id`, and `id` of the record.
    /// - `size`: the number of input documents that this one already stands for.
    /// - `order`: bytes; the document that sorts first survives.
    /// - For [`KeyLayout::Keys`], `keys`: empty if the document cannot be compared.
    /// - For [`KeyLayout::Bands`], a column per band, NULL if the document cannot be compared;
    ///   `sketch`, one byte per hash function; and `minima`, 8 bytes per hash function, if
    ///   datatrove's files or survivors need them.
    pub(crate) fn schema(self) -> SchemaRef {
        let bytes = |name: &str| Field::new(name, DataType::Binary, false);
        let mut fields = vec![
            Field::new(DOC_ID, DataType::UInt64, false),
            Field::new("id", DataType::Utf8, true),
            Field::new("size", DataType::UInt32, false),
            bytes("order"),
        ];
        match self {
            Self::Keys => fields.push(bytes("keys")),
            Self::Bands { minima, .. } => {
                let bands = self.band_columns().into_iter();
                fields.extend(bands.map(|name| Field::new(name, DataType::UInt64, true)));
                fields.push(bytes("sketch"));
                if minima {
                    fields.push(bytes("minima"));
                }
            }
        }
        Arc::new(Schema::new(fields))
    }

    /// The columns of the bands, in order.
    pub(crate) fn band_columns(self) -> Vec<String> {
        let bands = match self {
            Self::Keys => 0,
            Self::Bands { bands, .. } => bands,
        };
        (0..bands).map(|band| format!("{BAND}{band:03}")).collect()
    }
}

/// Builds the columns after `order`.
pub(crate) struct Compared {
    keys: BinaryBuilder,
    bands: Vec<UInt64Builder>,
    sketches: BinaryBuilder,
    minima: BinaryBuilder,
}

impl Compared {
    pub(crate) fn new(layout: KeyLayout) -> Self {
        Self {
            keys: BinaryBuilder::new(),
            bands: layout.band_columns().iter().map(|_| UInt64Builder::new()).collect(),
            sketches: BinaryBuilder::new(),
            minima: BinaryBuilder::new(),
        }
    }

    /// Adds a document, with a key for each band or for no band.
    pub(crate) fn add(
        &mut self,
        keys: &[u8],
        bands: impl IntoIterator<Item = u64>,
        sketch: &[u8],
        minima: &[u8],
    ) {
        self.keys.append_value(keys);
        let mut bands = bands.into_iter();
        self.bands.iter_mut().for_each(|column| column.append_option(bands.next()));
        self.sketches.append_value(sketch);
        self.minima.append_value(minima);
    }

    /// Appends the columns that `schema` has after `columns`.
    ///
    /// # Errors
    /// It is a bug if the columns have different lengths.
    pub(crate) fn finish(
        mut self,
        mut columns: Vec<ArrayRef>,
        schema: &SchemaRef,
    ) -> Result<RecordBatch> {
        let mut bands = self.bands.iter_mut();
        for field in schema.fields().iter().skip(columns.len()) {
            columns.push(match field.name().as_str() {
                "keys" => Arc::new(self.keys.finish()),
                "sketch" => Arc::new(self.sketches.finish()),
                "minima" => Arc::new(self.minima.finish()),
                _ => Arc::new(bands.next().map_or(UInt64Array::new_null(0), UInt64Builder::finish)),
            });
        }
        Ok(RecordBatch::try_new(schema.clone(), columns)?)
    }
}
