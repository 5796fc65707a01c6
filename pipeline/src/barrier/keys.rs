//! Keys of documents: computed where their texts stream by, written beside the documents of a part.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, LargeStringArray, StringArray,
    UInt32Array, UInt64Array, UInt64Builder,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt32Type, UInt64Type};
use arrow::record_batch::RecordBatch;
use dedup::lines::Lines;
use dedup::marks::Bits;
use dedup::substrings::{Scratchpad, Substrings};
use rayon::prelude::*;
use sql::{DOC_ID, TEXT};
use store::{FileEntry, Run};
use text::minhash::{MinHasher, Scratch, Signature};

use super::columns::CLUSTER_SIZE;
use super::{BarrierStage, PlannedBarrier};
use crate::error::{PipelineError, Result};
use tables::{TableWriter, read_table_by};

/// Rows of a key file that are read at once.
const BATCH_ROWS: usize = 8192;

/// Files that are read at once, for each thread.
const FILES_IN_FLIGHT: usize = 2;

/// Writes the keys of one stage for the documents of one part.
///
/// Columns: `doc_id`; `id`, the record's own; `size`, documents that this one stands for already;
/// `order`, bytes that sort as the documents survive; and what the stage compares: `keys`, 16 bytes of a
/// hash or 8 a line or anchor, empty when the document cannot be compared; or with MinHash a column a
/// band, since bands are sorted one after another, all NULL when the document cannot be compared,
/// `sketch`, a byte a hash function, and, where datatrove's files are made of them, `minima`, 8 bytes each.
pub(crate) struct KeyWriter {
    maker: Maker,
    planned: PlannedBarrier,
    schema: SchemaRef,
    table: TableWriter,
}

/// What keys are made of.
enum Maker {
    Text,
    Normalised,
    Values,
    MinHash { hasher: Box<MinHasher>, scratch: Box<Scratch>, signature: Signature, minima: bool },
    Lines(Lines),
    Substrings(Substrings, Scratchpad),
}

/// The keys of the document at hand; `numbers` are those that are not bytes yet.
#[derive(Default)]
struct Made {
    keys: Vec<u8>,
    bands: Vec<u64>,
    sketch: Vec<u8>,
    minima: Vec<u8>,
    numbers: Vec<u64>,
}

/// The columns of the key files of a stage.
pub(super) fn schema(stage: &BarrierStage) -> SchemaRef {
    let bytes = |name: &str| Field::new(name, DataType::Binary, false);
    let mut fields = vec![
        Field::new(DOC_ID, DataType::UInt64, false),
        Field::new("id", DataType::Utf8, true),
        Field::new("size", DataType::UInt32, false),
        bytes("order"),
    ];
    if let BarrierStage::MinHash(options) = stage {
        let bands = band_columns(stage).into_iter();
        fields.extend(bands.map(|name| Field::new(name, DataType::UInt64, true)));
        fields.push(bytes("sketch"));
        if options.needs_minima() {
            fields.push(bytes("minima"));
        }
    } else {
        fields.push(bytes("keys"));
    }
    Arc::new(Schema::new(fields))
}

/// What the names of the columns of bands begin with.
const BAND: &str = "band_";

/// The columns with the keys of the bands of a stage, in order.
pub(super) fn band_columns(stage: &BarrierStage) -> Vec<String> {
    let bands = match stage {
        BarrierStage::MinHash(options) => options.config().bands,
        _ => 0,
    };
    (0..bands).map(|band| format!("{BAND}{band:03}")).collect()
}

/// The columns after `order` that are being made.
pub(super) struct Compared {
    keys: BinaryBuilder,
    bands: Vec<UInt64Builder>,
    sketches: BinaryBuilder,
    minima: BinaryBuilder,
}

impl Compared {
    pub(super) fn new(stage: &BarrierStage) -> Self {
        Self {
            keys: BinaryBuilder::new(),
            bands: band_columns(stage).iter().map(|_| UInt64Builder::new()).collect(),
            sketches: BinaryBuilder::new(),
            minima: BinaryBuilder::new(),
        }
    }

    /// Adds a document, with a key for each band or for none.
    pub(super) fn add(
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

    /// Puts the columns that `schema` has behind those of the documents.
    pub(super) fn finish(
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
        RecordBatch::try_new(schema.clone(), columns).map_err(arrow_error)
    }
}

impl KeyWriter {
    /// Starts the keys of a stage in the file `path` of the run.
    pub(crate) fn create(run: &Run, path: &str, planned: &PlannedBarrier) -> Result<Self> {
        let maker = match &planned.stage {
            stage if stage.expression().is_some() => Maker::Values,
            BarrierStage::Exact(options) => Maker::of_text(&options.on),
            BarrierStage::Bloom(options) => Maker::of_text(&options.on),
            BarrierStage::MinHash(options) => Maker::MinHash {
                hasher: Box::new(MinHasher::new(options.config())),
                scratch: Box::default(),
                signature: Signature::default(),
                minima: options.needs_minima(),
            },
            BarrierStage::Lines(options) => Maker::Lines(options.lines()),
            BarrierStage::Substrings(options) => {
                Maker::Substrings(Substrings::new(options.min_tokens as u32), Scratchpad::default())
            }
        };
        let schema = schema(&planned.stage);
        let table = TableWriter::create_plain(run, path, schema.clone())?;
        Ok(Self { maker, planned: planned.clone(), schema, table })
    }

    /// Adds the documents of a batch.
    pub(crate) fn write(&mut self, documents: &RecordBatch) -> Result<()> {
        let texts = strings(documents, TEXT)?;
        let values = self.planned.values.as_ref().map(|v| v.values(documents)).transpose()?;
        let n = documents.num_rows();
        let mut compared = Compared::new(&self.planned.stage);
        let mut made = Made::default();
        for row in 0..n {
            let value = values.as_ref().filter(|v| v.is_valid(row)).map(|v| v.value(row));
            let text = texts.is_valid(row).then(|| texts.value(row));
            self.maker.make(text, value, &mut made);
            compared.add(&made.keys, made.bands.iter().copied(), &made.sketch, &made.minima);
        }
        let ids =
            column_or(documents, "id", &DataType::Utf8, || Arc::new(StringArray::new_null(n)))?;
        let order = match &self.planned.order {
            Some(order) => with_ids(&order.keys(documents)?, ids.as_string()),
            None => BinaryArray::from_vec(vec![&[][..]; n]),
        };
        let columns: Vec<ArrayRef> = vec![
            column_or(documents, DOC_ID, &DataType::UInt64, || {
                Arc::new(UInt64Array::from(vec![0; n]))
            })?,
            ids,
            column_or(documents, CLUSTER_SIZE, &DataType::UInt32, || {
                Arc::new(UInt32Array::from(vec![1; n]))
            })?,
            Arc::new(order),
        ];
        Ok(self.table.write(&compared.finish(columns, &self.schema)?)?)
    }

    /// Publishes the keys.
    pub(crate) fn finish(self) -> Result<FileEntry> {
        Ok(self.table.finish()?)
    }
}

impl Maker {
    fn of_text(on: &str) -> Self {
        if on == "normalised" { Self::Normalised } else { Self::Text }
    }

    fn make(&mut self, text: Option<&str>, value: Option<&[u8]>, made: &mut Made) {
        made.keys.clear();
        made.bands.clear();
        made.sketch.clear();
        made.minima.clear();
        made.numbers.clear();
        // A text that is NULL is like no other.
        let Some(text) = text else { return };
        match self {
            Self::Text => made.keys.extend(text::hash::exact_key(text).to_be_bytes()),
            Self::Normalised => made.keys.extend(text::hash::normalised_key(text).to_be_bytes()),
            Self::Values => {
                made.keys
                    .extend(value.map(|v| text::hash::bytes_key(v).to_be_bytes()).iter().flatten());
            }
            Self::MinHash { hasher, scratch, signature, minima } => {
                hasher.sign(text, scratch, signature);
                made.bands.extend(&signature.keys);
                made.sketch.extend(&signature.sketch);
                if *minima {
                    let minima = hasher.minima(text, scratch);
                    made.minima.extend(minima.iter().flat_map(|m| m.to_be_bytes()));
                }
            }
            Self::Lines(lines) => lines.keys(text, &mut made.numbers),
            Self::Substrings(substrings, pad) => substrings.anchors(text, pad, &mut made.numbers),
        }
        made.keys.extend(made.numbers.iter().flat_map(|key| key.to_be_bytes()));
    }
}

/// Orders with each document's id behind: among equals the smallest id survives, so that the order of
/// the input does not matter.
fn with_ids(order: &BinaryArray, ids: &StringArray) -> BinaryArray {
    let both = order.iter().zip(ids.iter());
    let joined = both.map(|(order, id)| {
        Some([order.unwrap_or_default(), id.unwrap_or_default().as_bytes()].concat())
    });
    joined.collect()
}

fn strings(documents: &RecordBatch, name: &str) -> Result<LargeStringArray> {
    let n = documents.num_rows();
    let missing = || Arc::new(LargeStringArray::new_null(n)) as ArrayRef;
    Ok(column_or(documents, name, &DataType::LargeUtf8, missing)?.as_string::<i64>().clone())
}

fn column_or(
    documents: &RecordBatch,
    name: &str,
    as_type: &DataType,
    missing: impl FnOnce() -> ArrayRef,
) -> Result<ArrayRef> {
    match documents.column_by_name(name) {
        Some(column) => cast(column, as_type).map_err(arrow_error),
        None => Ok(missing()),
    }
}

/// The columns of bands among those that were read.
fn bands_in(batch: &RecordBatch) -> Vec<&UInt64Array> {
    let schema = batch.schema_ref();
    let named = schema.fields().iter().zip(batch.columns());
    let bands = named.filter(|(field, _)| field.name().starts_with(BAND));
    bands.map(|(_, column)| column.as_primitive::<UInt64Type>()).collect()
}

fn arrow_error(error: arrow::error::ArrowError) -> PipelineError {
    PipelineError::Sql(error.into())
}

/// A row of a key file; columns that were not asked for are empty.
#[derive(Default)]
pub(super) struct KeyRow<'a> {
    /// The document's place among all documents that entered the stage.
    pub(super) ordinal: u64,
    pub(super) doc_id: u64,
    pub(super) id: Option<&'a str>,
    pub(super) size: u32,
    pub(super) order: &'a [u8],
    pub(super) keys: &'a [u8],
    pub(super) bands: Bands<'a>,
    pub(super) sketch: &'a [u8],
    pub(super) minima: &'a [u8],
}

/// The keys of a document's bands, in order.
#[derive(Clone, Copy, Default)]
pub(super) struct Bands<'a> {
    columns: &'a [&'a UInt64Array],
    row: usize,
}

impl Bands<'_> {
    pub(super) fn iter(&self) -> impl Iterator<Item = u64> {
        let row = self.row;
        let there = self.columns.iter().filter(move |column| column.is_valid(row));
        there.map(move |column| column.value(row))
    }
}

/// The key files of all parts of a stage, and where the ordinals of each begin.
pub(crate) struct KeyFiles {
    files: Vec<PathBuf>,
    /// The first ordinal of each file, and at the end the number of all documents.
    bases: Vec<u64>,
    /// Files of this run, which come before those of earlier runs.
    own: usize,
}

impl KeyFiles {
    /// Files with so many rows each.
    pub(crate) fn new(files: Vec<PathBuf>, rows: impl IntoIterator<Item = u64>) -> Self {
        let mut bases = vec![0];
        for rows in rows {
            bases.push(bases.last().copied().unwrap_or_default() + rows);
        }
        Self { own: files.len(), files, bases }
    }

    /// Documents in all files.
    pub(super) fn documents(&self) -> u64 {
        self.bases.last().copied().unwrap_or_default()
    }

    /// Number of files of this run, one a part.
    pub(super) fn parts(&self) -> usize {
        self.own
    }

    /// The earlier run, by its place among them, that has a document.
    pub(super) fn earlier_run(&self, ordinal: u64) -> Option<usize> {
        self.file_of(ordinal).checked_sub(self.own)
    }

    /// The file in which a document is.
    pub(super) fn file_of(&self, ordinal: u64) -> usize {
        self.bases.partition_point(|base| *base <= ordinal).saturating_sub(1)
    }

    /// The ordinals of the documents of a file.
    pub(super) fn ordinals(&self, file: usize) -> std::ops::Range<u64> {
        self.bases[file]..self.bases[file + 1]
    }

    /// Adds the index of an earlier run, whose documents come after all that are there.
    pub(super) fn add(&mut self, file: PathBuf, rows: u64) {
        self.files.push(file);
        self.bases.push(self.documents() + rows);
    }

    /// Calls `each` for every document in order, with the named columns beside `doc_id`.
    pub(super) fn each(
        &self,
        columns: &[&str],
        mut each: impl FnMut(KeyRow<'_>) -> Result<()>,
    ) -> Result<()> {
        (0..self.files.len()).try_for_each(|file| self.each_of(file, columns, &mut each))
    }

    /// As [`KeyFiles::each`], some files in parallel: what `of` adds to a list for the documents of a
    /// file goes to `take`, file by file, in order.
    pub(super) fn collect<T: Send>(
        &self,
        columns: &[&str],
        of: impl Fn(KeyRow<'_>, &mut Vec<T>) + Sync,
        mut take: impl FnMut(Vec<T>) -> Result<()>,
    ) -> Result<()> {
        self.in_waves(
            |file, found| {
                self.each_of(file, columns, &mut |row| {
                    of(row, found);
                    Ok(())
                })
            },
            &mut take,
        )?;
        // The index of an earlier run is one file, however large.
        for file in self.own..self.files.len() {
            let mut found = Vec::new();
            self.each_of(file, columns, &mut |row| {
                of(row, &mut found);
                if found.len() >= BATCH_ROWS { take(std::mem::take(&mut found)) } else { Ok(()) }
            })?;
            take(found)?;
        }
        Ok(())
    }

    /// Hands the keys of some bands, and whose each is, to `take`, file by file; `gone` are the ordinals of
    /// documents that an earlier stage dropped.
    pub(super) fn bands(
        &self,
        names: &[String],
        gone: &Bits,
        mut take: impl FnMut(Vec<(u64, u64)>) -> Result<()>,
    ) -> Result<()> {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let read = |file: usize, found: &mut Vec<(u64, u64)>| {
            self.bands_of(file, &names, gone, &mut |batch| {
                found.extend(batch);
                Ok(())
            })
        };
        self.in_waves(read, &mut take)?;
        (self.own..self.files.len())
            .try_for_each(|file| self.bands_of(file, &names, gone, &mut take))
    }

    fn bands_of(
        &self,
        file: usize,
        names: &[&str],
        gone: &Bits,
        take: &mut impl FnMut(Vec<(u64, u64)>) -> Result<()>,
    ) -> Result<()> {
        let mut ordinal = self.bases[file];
        for batch in read_table_by(&self.files[file], Some(names), BATCH_ROWS)? {
            let batch = batch?;
            let mut found = Vec::with_capacity(batch.num_rows() * batch.num_columns());
            for keys in bands_in(&batch) {
                let keyed = (ordinal..).zip(keys.iter());
                let there = keyed.filter(|(ordinal, _)| !gone.contains(*ordinal));
                found.extend(there.filter_map(|(ordinal, key)| Some((key?, ordinal))));
            }
            take(found)?;
            ordinal += batch.num_rows() as u64;
        }
        Ok(())
    }

    /// Reads the files of this run, some in parallel; what `read` finds in each goes to `take` in order.
    fn in_waves<T: Send>(
        &self,
        read: impl Fn(usize, &mut Vec<T>) -> Result<()> + Sync,
        take: &mut impl FnMut(Vec<T>) -> Result<()>,
    ) -> Result<()> {
        let files: Vec<usize> = (0..self.own).collect();
        for files in files.chunks(FILES_IN_FLIGHT * rayon::current_num_threads()) {
            let read = |file: &usize| {
                let mut found = Vec::new();
                read(*file, &mut found)?;
                Ok::<_, PipelineError>(found)
            };
            let found: Vec<Vec<T>> = files.par_iter().map(read).collect::<Result<_>>()?;
            found.into_iter().try_for_each(&mut *take)?;
        }
        Ok(())
    }

    /// Calls `each` for every document of a file in order.
    pub(super) fn each_of(
        &self,
        file: usize,
        columns: &[&str],
        each: &mut impl FnMut(KeyRow<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut ordinal = self.bases[file];
        let mut wanted = vec![DOC_ID];
        wanted.extend(columns);
        for batch in read_table_by(&self.files[file], Some(&wanted), BATCH_ROWS)? {
            let batch = batch?;
            let doc_ids = batch.column(0).as_primitive::<UInt64Type>();
            let bytes = |name: &str| batch.column_by_name(name).map(AsArray::as_binary::<i32>);
            let (order, keys) = (bytes("order"), bytes("keys"));
            let (sketch, minima) = (bytes("sketch"), bytes("minima"));
            let ids = batch.column_by_name("id").map(AsArray::as_string::<i32>);
            let sizes = batch.column_by_name("size").map(AsArray::as_primitive::<UInt32Type>);
            let bands = bands_in(&batch);
            for row in 0..batch.num_rows() {
                each(KeyRow {
                    ordinal,
                    doc_id: doc_ids.value(row),
                    id: ids.filter(|ids| ids.is_valid(row)).map(|ids| ids.value(row)),
                    size: sizes.map_or(1, |sizes| sizes.value(row)),
                    order: order.map_or(&[], |column| column.value(row)),
                    keys: keys.map_or(&[], |column| column.value(row)),
                    bands: Bands { columns: &bands, row },
                    sketch: sketch.map_or(&[], |column| column.value(row)),
                    minima: minima.map_or(&[], |column| column.value(row)),
                })?;
                ordinal += 1;
            }
        }
        Ok(())
    }
}
