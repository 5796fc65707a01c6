//! Reads the keys of all documents.

use std::path::PathBuf;

use arrow::array::{Array, AsArray, UInt64Array};
use arrow::datatypes::{UInt32Type, UInt64Type};
use arrow::record_batch::RecordBatch;
use dedup::marks::Bits;
use rayon::prelude::*;
use sql::DOC_ID;
use tables::read_table_by;

use super::layout::BAND;
use crate::error::{BarrierError, Result};

/// Rows per batch that is read.
const BATCH_ROWS: usize = 8192;

/// Files per thread that are read at the same time.
const FILES_IN_FLIGHT: usize = 2;

/// The columns of bands among those that were read.
fn bands_in(batch: &RecordBatch) -> Vec<&UInt64Array> {
    let schema = batch.schema_ref();
    let named = schema.fields().iter().zip(batch.columns());
    let bands = named.filter(|(field, _)| field.name().starts_with(BAND));
    bands.map(|(_, column)| column.as_primitive::<UInt64Type>()).collect()
}

/// A row of a key file. Columns that were not requested are empty.
#[derive(Default)]
pub(crate) struct KeyRow<'a> {
    /// The document's index among all documents that entered the stage.
    pub(crate) ordinal: u64,
    pub(crate) doc_id: u64,
    pub(crate) id: Option<&'a str>,
    pub(crate) size: u32,
    pub(crate) order: &'a [u8],
    pub(crate) keys: &'a [u8],
    pub(crate) bands: Bands<'a>,
    pub(crate) sketch: &'a [u8],
    pub(crate) minima: &'a [u8],
}

impl KeyRow<'_> {
    /// The keys as 64-bit numbers.
    pub(crate) fn keys_of_8_bytes(&self) -> impl Iterator<Item = u64> {
        self.keys.as_chunks().0.iter().map(|key| u64::from_be_bytes(*key))
    }
}

/// The keys of a document's bands, in order.
#[derive(Clone, Copy, Default)]
pub(crate) struct Bands<'a> {
    columns: &'a [&'a UInt64Array],
    row: usize,
}

impl Bands<'_> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = u64> {
        let row = self.row;
        let there = self.columns.iter().filter(move |column| column.is_valid(row));
        there.map(move |column| column.value(row))
    }
}

/// The key files of all parts of a stage, with the first ordinal of each.
pub struct KeyFiles {
    files: Vec<PathBuf>,
    /// The first ordinal of each file, followed by the number of all documents.
    bases: Vec<u64>,
    /// Number of files of this run. They precede those of earlier runs.
    own: usize,
}

impl KeyFiles {
    /// The files of this run; `rows` gives the number of rows of each.
    pub fn new(files: Vec<PathBuf>, rows: impl IntoIterator<Item = u64>) -> Self {
        let mut bases = vec![0];
        for rows in rows {
            bases.push(bases.last().map_or(0, |last| last + rows));
        }
        Self { own: files.len(), files, bases }
    }

    /// Number of documents in all files.
    pub(crate) fn documents(&self) -> u64 {
        self.bases.last().copied().unwrap_or(0)
    }

    /// Number of files of this run, one per part.
    pub(crate) fn parts(&self) -> usize {
        self.own
    }

    /// The index of the earlier run that a document comes from, or `None` for this run.
    pub(crate) fn earlier_run(&self, ordinal: u64) -> Option<usize> {
        self.file_of(ordinal).checked_sub(self.own)
    }

    /// The index of the file that holds a document.
    pub(crate) fn file_of(&self, ordinal: u64) -> usize {
        self.bases.partition_point(|base| *base <= ordinal).saturating_sub(1)
    }

    /// The ordinals of the documents of a file.
    pub(crate) fn ordinals(&self, file: usize) -> std::ops::Range<u64> {
        self.bases[file]..self.bases[file + 1]
    }

    /// Adds the index of an earlier run. Its documents follow all others.
    pub(crate) fn add(&mut self, file: PathBuf, rows: u64) {
        self.files.push(file);
        self.bases.push(self.documents() + rows);
    }

    /// Calls `each` for every document in order, with `doc_id` and the named columns.
    ///
    /// # Errors
    /// A file cannot be read, or `each` fails.
    pub(crate) fn each(
        &self,
        columns: &[&str],
        mut each: impl FnMut(KeyRow<'_>) -> Result<()>,
    ) -> Result<()> {
        (0..self.files.len()).try_for_each(|file| self.each_of(file, columns, &mut each))
    }

    /// Like [`KeyFiles::each`], but reads several files in parallel. `of` adds items for a document
    /// to a list, and `take` receives the list of each file, in order.
    ///
    /// # Errors
    /// A file cannot be read, or `take` fails.
    pub(crate) fn collect<T: Send>(
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
        // The index of an earlier run is one file, which can be large, so it is passed on in
        // batches.
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

    /// Passes the keys of some bands to `take`, file by file, each key with the ordinal of its
    /// document. Skips the ordinals in `gone`, whose documents an earlier stage dropped.
    ///
    /// # Errors
    /// A file cannot be read, or `take` fails.
    pub(crate) fn bands(
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

    /// Reads the files of this run, several in parallel. `take` receives the list that `read` makes
    /// for each file, in order. Waves limit how many lists are in memory.
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
                Ok::<_, BarrierError>(found)
            };
            let found: Vec<Vec<T>> = files.par_iter().map(read).collect::<Result<_>>()?;
            found.into_iter().try_for_each(&mut *take)?;
        }
        Ok(())
    }

    /// Calls `each` for every document of a file in order.
    ///
    /// # Errors
    /// The file cannot be read, or `each` fails.
    pub(crate) fn each_of(
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
