//! Exports the documents of a finished run to one file, or to a folder of Parquet parts.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::{concat_batches, sort_to_indices, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::json::LineDelimitedWriter;
use arrow::record_batch::RecordBatch;
use bug::OrBug as _;
use sql::Dropped;
use store::Dir as _;
use tables::{
    RunTable, TableError, concatenate, read_table, run_tables, table_schema, table_writer,
};

use crate::error::{PipelineError, Result};

/// The format of an output, which its name selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// `.jsonl`
    Jsonl,
    /// `.jsonl.zst`
    JsonlZstd,
    /// `.parquet`
    Parquet,
    /// No extension: a folder of Parquet parts.
    Folder,
}

impl Target {
    /// The format that the name of `output` selects.
    ///
    /// # Errors
    /// [`PipelineError::OutputName`] if the extension is not a known format.
    pub fn of(output: &Path) -> Result<Self> {
        // A path such as `..` has no name, and is a folder.
        let name = output.file_name().unwrap_or(OsStr::new("")).to_string_lossy().to_lowercase();
        let ends = |ending: &str| name.ends_with(ending);
        match () {
            () if ends(".jsonl") || ends(".ndjson") => Ok(Self::Jsonl),
            () if ends(".jsonl.zst") => Ok(Self::JsonlZstd),
            () if ends(".parquet") => Ok(Self::Parquet),
            () if !name.contains('.') => Ok(Self::Folder),
            () => Err(PipelineError::OutputName(output.to_owned())),
        }
    }
}

/// Writes the documents of the run in `root` to `output`. With `annotate`, dropped documents are
/// included in reading order, each with its `drop_reason` and `drop_stage`.
///
/// # Errors
/// The run cannot be read, the output cannot be written, or its name has no known format.
pub fn documents(root: &Path, output: &Path, annotate: bool) -> Result<()> {
    let target = Target::of(output)?;
    let found = run_tables(root)?;
    let files = |name: &str| -> Vec<PathBuf> {
        found.iter().find(|t: &&RunTable| t.name == name).map_or_else(Vec::new, |t| t.files.clone())
    };
    if annotate {
        let (docs, dropped) = (files("docs"), files("dropped"));
        return write(target, output, annotated_schema(), annotated(&docs, &dropped));
    }
    let docs = files("docs");
    if target == Target::Folder {
        remove_parts(output)?;
        for file in &docs {
            let name = file.file_name().or_bug("a table's file has a name")?;
            store::move_file(file, &output.join(name))?;
        }
        return Ok(());
    }
    let Some(first) = docs.first() else { return Ok(()) };
    if target == Target::Parquet {
        return Ok(concatenate(&docs, store::OutputFile::create(output)?)?.finish()?);
    }
    let schema = table_schema(first)?;
    let batches = docs.iter().flat_map(|file| -> Box<dyn Iterator<Item = Result<RecordBatch>>> {
        match read_table(file, None) {
            Ok(batches) => Box::new(batches.map(|batch| Ok(batch?))),
            Err(error) => Box::new(std::iter::once(Err(error.into()))),
        }
    });
    write(target, output, schema, batches)
}

/// Removes the parts that an earlier command left in a folder. Otherwise a reader would take old
/// and new parts for one table.
fn remove_parts(folder: &Path) -> Result<()> {
    let dir = store::LocalDir::new(folder);
    let failed = |e| PipelineError::Store(store::StoreError::io(folder, "clear", e));
    for file in dir.list().map_err(failed)? {
        if file.starts_with("part-") && file.ends_with(".parquet") {
            dir.remove(&file).map_err(failed)?;
        }
    }
    Ok(())
}

/// The columns of annotated documents. `columns` holds the columns that the stages added, as JSON.
fn annotated_schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    Arc::new(Schema::new(vec![
        Field::new("doc_id", DataType::UInt64, false),
        text("id"),
        text("url"),
        text("source"),
        text("path"),
        text("date"),
        Field::new("text", DataType::LargeUtf8, true),
        text("metadata"),
        text("drop_reason"),
        text("drop_stage"),
        text("columns"),
    ]))
}

/// All documents in the order in which they were read, part by part: the ids of a part are smaller
/// than those of the next.
fn annotated(docs: &[PathBuf], dropped: &[PathBuf]) -> impl Iterator<Item = Result<RecordBatch>> {
    let mut parts: BTreeMap<String, [Vec<PathBuf>; 2]> = BTreeMap::new();
    for (index, files) in [docs, dropped].into_iter().enumerate() {
        for file in files {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let part = name.rsplit_once("part-").map_or("", |(_, part)| part).to_owned();
            parts.entry(part).or_default()[index].push(file.clone());
        }
    }
    let part = |[docs, dropped]: [Vec<PathBuf>; 2]| annotated_part(&docs, &dropped);
    parts.into_values().map(part).filter_map(Result::transpose)
}

/// The documents of one part in the order in which they were read.
fn annotated_part(docs: &[PathBuf], dropped: &[PathBuf]) -> Result<Option<RecordBatch>> {
    let mut batches = Vec::new();
    for file in docs {
        for batch in read_table(file, None)? {
            let batch = batch?;
            let kept = Dropped::for_reason("", &batch, "", vec![0; batch.num_rows()])?;
            batches.push(annotate(kept.batch(), true)?);
        }
    }
    for file in dropped {
        for batch in read_table(file, None)? {
            batches.push(annotate(&batch?, false)?);
        }
    }
    let all = concat_batches(&annotated_schema(), &batches)?;
    if all.num_rows() == 0 {
        return Ok(None);
    }
    // `doc_id` is file and record number, so it sorts by reading order.
    let order = sort_to_indices(all.column(0), None, None)?;
    Ok(Some(take_record_batch(&all, &order)?))
}

/// Converts rows with the columns of the table `dropped`. Kept documents have no reason and no
/// stage.
fn annotate(batch: &RecordBatch, kept: bool) -> Result<RecordBatch> {
    let column = |name: &str| -> ArrayRef {
        let missing = || Arc::new(StringArray::new_null(batch.num_rows())) as ArrayRef;
        batch.column_by_name(name).cloned().unwrap_or_else(missing)
    };
    let verdict = |name: &str| -> ArrayRef {
        if kept { Arc::new(StringArray::new_null(batch.num_rows())) } else { column(name) }
    };
    let columns = vec![
        column("doc_id"),
        column("id"),
        column("url"),
        column("source"),
        column("path"),
        column("date"),
        column("text"),
        column("metadata"),
        verdict("reason"),
        verdict("stage"),
        column("columns"),
    ];
    Ok(RecordBatch::try_new(annotated_schema(), columns)?)
}

fn write(
    target: Target,
    output: &Path,
    schema: SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch>>,
) -> Result<()> {
    let io = |e| PipelineError::Store(store::StoreError::io(output, "write", e));
    match target {
        Target::Jsonl => {
            let mut file = store::OutputFile::create(output)?;
            write_lines(&mut file, batches, output)?;
            Ok(file.finish()?)
        }
        Target::JsonlZstd => {
            let file = store::OutputFile::create(output)?;
            let mut encoder =
                zstd::Encoder::new(file, zstd::DEFAULT_COMPRESSION_LEVEL).map_err(io)?;
            write_lines(&mut encoder, batches, output)?;
            Ok(encoder.finish().map_err(io)?.finish()?)
        }
        Target::Parquet | Target::Folder => {
            let path = match target {
                Target::Folder => output.join("part-00000.parquet"),
                _ => output.to_owned(),
            };
            let name = path.display().to_string();
            let parquet = |e: parquet::errors::ParquetError| TableError::Parquet {
                path: name.clone(),
                message: e.to_string(),
            };
            let mut writer =
                table_writer(store::OutputFile::create(&path)?, schema).map_err(parquet)?;
            for batch in batches {
                writer.write(&batch?).map_err(parquet)?;
            }
            Ok(writer.into_inner().map_err(parquet)?.finish()?)
        }
    }
}

/// Writes one JSON object per document. Columns that hold JSON are written as nested JSON, not as
/// strings; Arrow's writer cannot do that, so they are inserted before the closing brace.
fn write_lines(
    to: &mut impl Write,
    batches: impl Iterator<Item = Result<RecordBatch>>,
    output: &Path,
) -> Result<()> {
    const JSON_COLUMNS: [&str; 2] = ["metadata", "columns"];
    let io = |e| PipelineError::Store(store::StoreError::io(output, "write", e));
    for batch in batches {
        let batch = batch?;
        let plain: Vec<usize> = (0..batch.num_columns())
            .filter(|i| !JSON_COLUMNS.contains(&batch.schema_ref().field(*i).name().as_str()))
            .collect();
        let nested: Vec<(&str, &StringArray)> = JSON_COLUMNS
            .iter()
            .filter_map(|name| Some((*name, batch.column_by_name(name)?.as_string_opt()?)))
            .collect();
        let mut lines = Vec::new();
        let mut writer = LineDelimitedWriter::new(&mut lines);
        writer.write(&batch.project(&plain)?)?;
        writer.finish()?;
        drop(writer);
        for (row, line) in lines.split(|b| *b == b'\n').take(batch.num_rows()).enumerate() {
            let open = line.strip_suffix(b"}").unwrap_or(line);
            to.write_all(open).map_err(io)?;
            for (name, column) in nested.iter().filter(|(_, column)| column.is_valid(row)) {
                write!(to, ",\"{name}\":{}", column.value(row)).map_err(io)?;
            }
            to.write_all(b"}\n").map_err(io)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_by_name() {
        let target = |name: &str| Target::of(Path::new(name)).ok();
        assert_eq!(target("a/out.jsonl"), Some(Target::Jsonl));
        assert_eq!(target("out.jsonl.zst"), Some(Target::JsonlZstd));
        assert_eq!(target("out.parquet"), Some(Target::Parquet));
        assert_eq!(target("a.b/out"), Some(Target::Folder));
        assert_eq!(target("out.csv"), None);
    }
}
