//! The columns of key files.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryBuilder, UInt64Array, UInt64Builder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use sql::DOC_ID;

use crate::error::Result;

/// The names of the columns of bands begin with this.
pub(super) const BAND: &str = "band_";

/// What a stage compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyLayout {
    /// Keys of 8 or 16 bytes, any number for each document.
    Keys,
    /// A column for each MinHash band, since bands are sorted one after another, and a sketch.
    Bands {
        /// Number of bands.
        bands: usize,
        /// Whether the minima are there too.
        minima: bool,
    },
}

impl KeyLayout {
    /// The columns of the key files.
    ///
    /// `doc_id`; `id`, the record's own; `size`, the documents that this one stands for already;
    /// `order`, bytes that sort as the documents survive; and what the stage compares: `keys`, which
    /// are empty where the document cannot be compared; or a column for each band, NULL where the
    /// document cannot be compared, `sketch` with a byte for each hash function, and where
    /// datatrove's files are made `minima` with 8 bytes each.
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

    /// Appends the columns that `schema` has to those of the documents.
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
