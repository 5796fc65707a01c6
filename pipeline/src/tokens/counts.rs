//! Word counts by group: made while documents stream by, then merged to one file per group.
//!
//! Each part writes its sorted counts to its own files. So only one part's words are in memory, and
//! an interrupted run counts no part twice. A run that will not be resumed keeps its tables in
//! memory from part to part instead, as long as they fit. Counts are sums, so neither the number of
//! threads nor the order of the documents can change them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{can_cast_types, cast};
use arrow::datatypes::{DataType, Fields, Schema};
use arrow::record_batch::RecordBatch;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sql::TEXT;
use store::{FileEntry, Run, StoreError};
use tokenizer::{CountsReader, MergedCounts, Split, WordCounts};

use super::count_names::{ENDING, file_name, group_of};
use crate::error::{PipelineError, Result};
use crate::recipe::TokenizerTable;

/// The most groups: enough for every language that is written on the web.
const GROUPS_MAX: usize = 1024;

/// Files that are merged at once, limited because a process can only have so many files open.
const FILES_AT_ONCE: usize = 256;

/// Size of the write buffer in bytes.
const BUFFER_BYTES: usize = 256 << 10;

/// The count tables of all threads together may take one part in this many of the run's memory.
const MEMORY_SHARE: u64 = 4;

/// The group of documents without a value in the column that groups them.
const NO_GROUP: &str = "none";

/// How words are counted.
pub(crate) struct Counting {
    split: Split,
    /// The column that groups documents: each of its values has separate counts.
    by: String,
    /// The most bytes that one part's tables may take.
    limit_bytes: usize,
    /// Tables that wait for their next part, in a run that keeps them in memory.
    kept: Option<Mutex<Vec<Tables>>>,
}

/// The words of each group.
type Tables = BTreeMap<String, WordCounts>;

impl Counting {
    /// Counts as a recipe's `[tokenizer]` says, within the run's memory. With `keeps`, tables stay
    /// in memory from part to part.
    pub(crate) fn new(table: &TokenizerTable, memory_bytes: u64, keeps: bool) -> Self {
        let share = memory_bytes / MEMORY_SHARE / rayon::current_num_threads().max(1) as u64;
        let kept = keeps.then(Mutex::default);
        Self { split: table.train.split, by: table.by.clone(), limit_bytes: share as usize, kept }
    }

    /// Takes the tables that were kept in memory, if they all belong to one group. A word may occur
    /// in several tables, so its counts must be added up.
    pub(crate) fn whole(&self) -> Option<Vec<WordCounts>> {
        let mut kept = lock(self.kept.as_ref()?);
        let groups: BTreeSet<&String> = kept.iter().flat_map(BTreeMap::keys).collect();
        if groups.len() != 1 {
            return None;
        }
        Some(std::mem::take(&mut *kept).into_iter().flat_map(BTreeMap::into_values).collect())
    }

    /// Writes each table that was kept in memory to a file of sorted counts.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(crate) fn write_kept(&self, run: &Run) -> Result<Vec<CountRun>> {
        let kept = self.kept.as_ref().map(|kept| std::mem::take(&mut *lock(kept)));
        let tables = kept.into_iter().flatten().enumerate();
        let tables = tables.flat_map(|(n, groups)| groups.into_iter().map(move |group| (n, group)));
        let write = |(number, (group, mut table)): (usize, (String, WordCounts))| {
            let path = format!("work/counts/kept/{number}/{}", file_name(&group));
            publish(run, &path, |out| table.write_to(self.split, out))?;
            Ok(CountRun { group, path })
        };
        tables.collect::<Vec<_>>().into_par_iter().map(write).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file of sorted counts that a part wrote.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CountRun {
    group: String,
    path: String,
}

/// The counts of one group of documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountFile {
    /// The group: a source, a language.
    pub group: String,
    /// The file.
    pub path: PathBuf,
}

/// The totals of a count file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CountTotals {
    /// Words, counting every occurrence.
    pub words: u64,
    /// Distinct words.
    pub distinct: u64,
    /// Pieces that were longer than [`tokenizer::MAX_WORD_BYTES`] and were cut.
    pub cut_pieces: u64,
}

impl CountFile {
    /// The count files at `path`: the file itself, or all count files of a folder, sorted by name.
    /// A file's group is its name without the extension.
    ///
    /// # Errors
    /// The folder cannot be read or has no count file.
    pub fn find(path: &Path) -> Result<Vec<Self>> {
        if !path.is_dir() {
            return Ok(vec![Self::at(path)]);
        }
        let failed = |source| PipelineError::Read { path: path.display().to_string(), source };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(path).map_err(failed)? {
            let file = entry.map_err(failed)?.path();
            if Self::is_one(&file) {
                files.push(Self::at(&file));
            }
        }
        if files.is_empty() {
            let message = format!("the folder has no .{ENDING} file");
            return Err(PipelineError::Counts { path: path.display().to_string(), message });
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    /// Whether a path has the name of a count file.
    pub fn is_one(path: &Path) -> bool {
        path.extension().is_some_and(|ending| ending == ENDING)
    }

    fn at(path: &Path) -> Self {
        // Only a path such as `..` has no stem; opening it fails later and names it.
        let name = path.file_stem().unwrap_or(OsStr::new("")).to_string_lossy();
        Self { group: group_of(&name), path: path.to_owned() }
    }

    /// The split that cut its texts into words.
    ///
    /// # Errors
    /// The file cannot be read or is not a count file.
    pub fn split(&self) -> Result<Split> {
        Ok(self.open()?.split())
    }

    /// The file's totals. Reads the whole file.
    ///
    /// # Errors
    /// The file cannot be read or is damaged.
    pub fn totals(&self) -> Result<CountTotals> {
        let mut reader = self.open()?;
        let mut totals = CountTotals::default();
        while let Some((_, count)) = reader.next_word().map_err(|e| unreadable(&self.path, &e))? {
            totals.words = totals.words.saturating_add(count);
            totals.distinct += 1;
        }
        totals.cut_pieces = reader.cut_pieces();
        Ok(totals)
    }

    /// Opens the file.
    ///
    /// # Errors
    /// There is no such file, or it is not a count file.
    pub(super) fn open(&self) -> Result<CountsReader<BufReader<File>>> {
        open(&self.path)
    }
}

fn open(path: &Path) -> Result<CountsReader<BufReader<File>>> {
    let name = path.display();
    let file = File::open(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => {
            let message = "there is no such file".to_owned();
            PipelineError::Counts { path: name.to_string(), message }
        }
        _ => PipelineError::Read { path: name.to_string(), source },
    })?;
    CountsReader::new(BufReader::new(file)).map_err(|e| unreadable(path, &e))
}

fn unreadable(path: &Path, error: &io::Error) -> PipelineError {
    PipelineError::Counts { path: path.display().to_string(), message: error.to_string() }
}

/// Counts the documents of one part.
pub(crate) struct PartCounts<'a> {
    run: &'a Run,
    counting: &'a Counting,
    part: usize,
    tables: Tables,
    bytes: usize,
    spills: usize,
    runs: Vec<CountRun>,
    files: Vec<FileEntry>,
}

impl<'a> PartCounts<'a> {
    pub(crate) fn new(run: &'a Run, counting: &'a Counting, part: usize) -> Self {
        let kept = counting.kept.as_ref().and_then(|kept| lock(kept).pop());
        // A run that does not keep tables, or has none waiting, starts with empty ones.
        let tables = kept.unwrap_or_default();
        Self {
            run,
            counting,
            part,
            bytes: tables.values().map(WordCounts::memory_bytes).sum(),
            tables,
            spills: 0,
            runs: Vec::new(),
            files: Vec::new(),
        }
    }

    /// Counts the words of the documents.
    ///
    /// # Errors
    /// A column cannot be cast, there are too many groups, or a file cannot be written.
    pub(crate) fn add(&mut self, documents: &RecordBatch) -> Result<()> {
        let as_text = |column: ArrayRef, as_type: &DataType| {
            cast(&column, as_type).map_err(|e| PipelineError::Sql(e.into()))
        };
        let Some(texts) = documents.column_by_name(TEXT) else { return Ok(()) };
        let texts = as_text(texts.clone(), &DataType::LargeUtf8)?;
        let groups = values(documents, &self.counting.by);
        let groups = groups.map(|groups| as_text(groups, &DataType::Utf8)).transpose()?;
        let groups = groups.as_ref().map(AsArray::as_string::<i32>);
        for (row, text) in texts.as_string::<i64>().iter().enumerate() {
            let Some(text) = text else { continue };
            let group = groups.filter(|groups| groups.is_valid(row)).map(|g| g.value(row));
            self.add_text(group.unwrap_or(NO_GROUP), text)?;
        }
        Ok(())
    }

    fn add_text(&mut self, group: &str, text: &str) -> Result<()> {
        if !self.tables.contains_key(group) {
            if self.tables.len() == GROUPS_MAX {
                return Err(too_many_groups(&self.counting.by));
            }
            self.tables.insert(group.to_owned(), WordCounts::new());
        }
        let Some(table) = self.tables.get_mut(group) else { return Ok(()) };
        let before = table.memory_bytes();
        table.add_text(self.counting.split, text);
        self.bytes += table.memory_bytes().saturating_sub(before);
        if self.bytes > self.counting.limit_bytes { self.spill() } else { Ok(()) }
    }

    /// Writes all tables and starts with empty ones.
    fn spill(&mut self) -> Result<()> {
        for (group, mut table) in std::mem::take(&mut self.tables) {
            let name = file_name(&group);
            let path = format!("work/counts/part-{:05}/{:04}-{name}", self.part, self.spills);
            let split = self.counting.split;
            let file = publish(self.run, &path, |out| table.write_to(split, out))?;
            self.files.push(file);
            self.runs.push(CountRun { group, path });
        }
        self.spills += 1;
        self.bytes = 0;
        Ok(())
    }

    /// Ends the part. Returns its runs of sorted counts and the files that it published.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(crate) fn finish(mut self) -> Result<(Vec<CountRun>, Vec<FileEntry>)> {
        match &self.counting.kept {
            Some(kept) => lock(kept).push(self.tables),
            None => self.spill()?,
        }
        Ok((self.runs, self.files))
    }
}

/// The column `name`. A name with dots is a field of a struct column, such as `language.code`.
fn values(documents: &RecordBatch, name: &str) -> Option<ArrayRef> {
    let mut names = name.split('.');
    let first = documents.column_by_name(names.next()?)?.clone();
    names.try_fold(first, |column, name| column.as_struct_opt()?.column_by_name(name).cloned())
}

/// Whether documents with these columns can be grouped by `name`.
pub(crate) fn can_group(columns: &Schema, name: &str) -> bool {
    let mut names = name.split('.');
    let field = |fields: &Fields, name: &str| {
        fields.iter().find(|field| field.name() == name).map(|field| field.data_type().clone())
    };
    let first = names.next().and_then(|name| field(columns.fields(), name));
    let found = names.try_fold(first, |of, name| match of {
        Some(DataType::Struct(fields)) => Some(field(&fields, name)),
        _ => None,
    });
    let found = found.flatten();
    found.is_some_and(|data_type| can_cast_types(&data_type, &DataType::Utf8))
}

fn too_many_groups(by: &str) -> PipelineError {
    PipelineError::Groups { by: by.to_owned(), groups_max: GROUPS_MAX }
}

fn publish(
    run: &Run,
    path: &str,
    write: impl FnOnce(&mut BufWriter<store::Publication>) -> io::Result<()>,
) -> Result<FileEntry> {
    let failed = |e| StoreError::io(path, "write", e);
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, run.publish(path)?);
    write(&mut out).map_err(failed)?;
    out.flush().map_err(failed)?;
    let publication = out.into_inner().map_err(|e| failed(e.into_error()))?;
    Ok(publication.finish()?)
}

/// Merges the counts of all parts to one file per group, and records the task.
///
/// # Errors
/// There are too many groups, a file cannot be read or written, or two files have different splits.
pub(crate) fn merge_counts(run: &Run, by: &str, runs: Vec<CountRun>) -> Result<Vec<CountFile>> {
    const TASK: &str = "counts";
    let rooted = |files: Vec<CountFile>| {
        let rooted = |file: CountFile| CountFile { path: run.root().join(file.path), ..file };
        files.into_iter().map(rooted).collect()
    };
    if let Some(done) = run.result(TASK)? {
        return Ok(rooted(done));
    }
    let mut groups: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for CountRun { group, path } in runs {
        groups.entry(group).or_default().push(run.path(&path));
    }
    if groups.len() > GROUPS_MAX {
        return Err(too_many_groups(by));
    }
    let merged: Vec<(CountFile, FileEntry)> = groups
        .into_par_iter()
        .map(|(group, files)| {
            let path = format!("counts/{}", file_name(&group));
            let file = merge_group(run, &path, files)?;
            Ok::<_, PipelineError>((CountFile { group, path: path.into() }, file))
        })
        .collect::<Result<_>>()?;
    let (counts, files): (Vec<CountFile>, Vec<FileEntry>) = merged.into_iter().unzip();
    run.complete(TASK, files, serde_json::json!(counts))?;
    Ok(rooted(counts))
}

/// Merges the files of a group in rounds, [`FILES_AT_ONCE`] files at a time.
fn merge_group(run: &Run, path: &str, mut files: Vec<PathBuf>) -> Result<FileEntry> {
    let mut round = 0;
    while files.len() > FILES_AT_ONCE {
        let merge = |(number, some): (usize, &[PathBuf])| {
            let path = format!("work/merged-{round}-{number}/{path}");
            merge_files(run, &path, some)?;
            Ok(run.path(&path))
        };
        files = files.par_chunks(FILES_AT_ONCE).enumerate().map(merge).collect::<Result<_>>()?;
        round += 1;
    }
    match &files[..] {
        [file] => copy(run, path, file),
        files => merge_files(run, path, files),
    }
}

/// Copies the only file of a group; it is already sorted, so there is nothing to merge.
fn copy(run: &Run, path: &str, file: &Path) -> Result<FileEntry> {
    let failed = |source| PipelineError::Read { path: file.display().to_string(), source };
    let mut from = File::open(file).map_err(failed)?;
    publish(run, path, |out| io::copy(&mut from, out).map(|_| ()))
}

fn merge_files(run: &Run, path: &str, files: &[PathBuf]) -> Result<FileEntry> {
    let merged = merged(files.iter().map(|file| (file.as_path(), 1)))?;
    publish(run, path, |out| merged.write_to(out).map(|_| ()))
}

/// The merged words of count files. The counts of each file are multiplied by its weight.
///
/// # Errors
/// A file cannot be read or is damaged, or two files have different splits.
pub(super) fn merged<'a>(
    files: impl IntoIterator<Item = (&'a Path, u64)>,
) -> Result<MergedCounts<BufReader<File>>> {
    let (mut readers, mut first) = (Vec::new(), None);
    for (path, weight) in files {
        let reader = open(path)?;
        let (split, one) = *first.get_or_insert((reader.split(), path));
        if reader.split() != split {
            let message = format!(
                "counted with the split {}, but {} with {split}; their words cannot be added up, \
                 so count both with one split",
                reader.split(),
                one.display()
            );
            return Err(PipelineError::Counts { path: path.display().to_string(), message });
        }
        readers.push((reader, weight));
    }
    // The splits have been compared, so only the first word of a file can be unreadable.
    MergedCounts::new(readers).map_err(|error| unreadable(Path::new("counts"), &error))
}

/// The error for a failed merge. Reads the files again to find the damaged one, because the merge
/// does not say which of them failed.
pub(super) fn damaged<'a>(
    files: impl IntoIterator<Item = &'a Path>,
    error: &io::Error,
) -> PipelineError {
    let failing = |path: &Path| -> Option<PipelineError> {
        let mut reader = match open(path) {
            Ok(reader) => reader,
            Err(error) => return Some(error),
        };
        loop {
            match reader.next_word() {
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(error) => return Some(unreadable(path, &error)),
            }
        }
    };
    let found = files.into_iter().find_map(failing);
    found.unwrap_or_else(|| unreadable(Path::new("counts"), error))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::Field;

    use super::*;

    #[test]
    fn groups_are_columns_of_texts_or_fields_of_structs() {
        let code = Fields::from(vec![Field::new("code", DataType::Utf8, true)]);
        let schema = Schema::new(vec![
            Field::new("source", DataType::Utf8, false),
            Field::new("language", DataType::Struct(code), true),
            Field::new(
                "spans",
                DataType::List(Arc::new(Field::new_list_field(DataType::UInt64, true))),
                true,
            ),
        ]);
        for (name, expected) in [
            ("source", true),
            ("language.code", true),
            ("language.name", false),
            ("topic", false),
            ("source.code", false),
        ] {
            assert_eq!(can_group(&schema, name), expected, "{name}");
        }
    }

    #[test]
    fn a_count_file_that_is_not_there_is_named() {
        let error = CountFile::at(Path::new("nowhere.counts")).totals().unwrap_err();
        assert_eq!(error.to_string(), "nowhere.counts: there is no such file");
    }
}
