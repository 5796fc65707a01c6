//! Documents of earlier runs, by the keys that they left: deduplication across crawls.
//!
//! A run leaves the keys of the survivors of a stage in its `index/`, where the stage says so. A
//! later run that names it in `against` takes those documents for survivors that stand before all of
//! its own: every copy of one goes, the second and later ones too.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, BinaryBuilder, StringBuilder, UInt32Array, UInt64Array};
use arrow::record_batch::RecordBatch;
use serde_json::Value;
use store::{FileEntry, Run};

use super::columns::arrow_error;
use super::keys::{KeyFiles, KeyRow, schema as key_schema};
use super::seen::filter_path;
use super::{DedupStage, PlannedDedup};
use crate::error::{PipelineError, Result};
use crate::table::{TableWriter, table_rows};

/// Rows that are written at once.
const BATCH_ROWS: usize = 8192;

/// Options that decide what a key is, so that they must be the same in both runs.
const KEY_OPTIONS: [&str; 8] =
    ["on", "preset", "bands", "rows", "ngram_words", "precision_bits", "hash", "seed"];

/// The index of an earlier run for one stage.
pub(crate) struct Known {
    /// The run as the recipe names it.
    pub(crate) name: String,
    /// Its index.
    pub(super) file: PathBuf,
    rows: u64,
}

/// The file of the keys that a stage leaves.
pub(super) fn index_path(stage: &str) -> String {
    format!("index/{stage}.parquet")
}

fn options_path(stage: &str) -> String {
    format!("index/{stage}.json")
}

/// What decides the keys of a stage.
fn key_options(stage: &DedupStage) -> Value {
    let (uses, options) = stage.resolved();
    let options = options.and_then(|options| options.as_table().cloned()).unwrap_or_default();
    let kept = options.into_iter().filter(|(key, _)| KEY_OPTIONS.contains(&key.as_str()));
    let mut object: serde_json::Map<String, Value> =
        kept.filter_map(|(key, value)| Some((key, serde_json::to_value(value).ok()?))).collect();
    object.insert("use".into(), uses.into());
    Value::Object(object)
}

/// Stages that follow one step, and earlier runs of one stage, that known documents are told apart for.
const STAGES_MAX: u64 = 1 << 6;
const RUNS_MAX: u64 = 1 << 12;

/// The `doc_id` of row `row` of the `run`-th earlier run at a stage: no file of this run has so high
/// a number.
pub(super) fn known_doc_id((step, stage): (usize, usize), run: usize, row: u64) -> u64 {
    let place = (step as u64 * STAGES_MAX + stage as u64) * RUNS_MAX + run as u64;
    ((u64::from(u32::MAX) - place) << 32) | (row & u64::from(u32::MAX))
}

/// Finds the indexes that a stage is compared with; paths start from `folder`.
pub(crate) fn known(planned: &PlannedDedup, folder: &Path) -> Result<Vec<Known>> {
    let mut found = Vec::new();
    for name in planned.stage.against() {
        let root = folder.join(name);
        let refused = |message: String| {
            PipelineError::Empty(format!(
                "`against` of stage `{}`: {name}: {message}",
                planned.name
            ))
        };
        if Run::finished(&root)?.is_none() {
            return Err(refused("there is no finished run".into()));
        }
        if let DedupStage::Bloom(_) = planned.stage {
            let file = root.join(filter_path(&planned.name));
            found.push(Known { name: name.clone(), file, rows: 0 });
            continue;
        }
        let file = root.join(index_path(&planned.name));
        let options = std::fs::read(root.join(options_path(&planned.name)));
        let (Ok(options), true) = (options, file.is_file()) else {
            let message = format!(
                "that run has no index of a stage `{}`; give its stage `index = true` and run it \
                 again",
                planned.name
            );
            return Err(refused(message));
        };
        let theirs: Value = serde_json::from_slice(&options).unwrap_or_default();
        let ours = key_options(&planned.stage);
        if theirs != ours {
            return Err(refused(format!("its keys were made with {theirs}, here with {ours}")));
        }
        let rows = table_rows(&file)?;
        found.push(Known { name: name.clone(), file, rows });
    }
    Ok(found)
}

/// Adds the documents of earlier runs behind those of this one.
pub(super) fn add(files: &mut KeyFiles, known: &[Known]) {
    known.iter().for_each(|known| files.add(known.file.clone(), known.rows));
}

/// Leaves the keys of the documents in the first `own_files` files that `survives` is true of.
pub(super) fn leave(
    run: &Run,
    planned: &PlannedDedup,
    files: &KeyFiles,
    own_files: usize,
    survives: impl Fn(u64) -> bool,
) -> Result<Vec<FileEntry>> {
    let mut index = Index {
        table: TableWriter::create_plain(run, &index_path(&planned.name), key_schema())?,
        rows: Rows::default(),
    };
    for file in 0..own_files {
        files.each_of(file, &["id", "keys", "sketch"], &mut |row| {
            if survives(row.doc_id) && !row.keys.is_empty() { index.add(&row) } else { Ok(()) }
        })?;
    }
    let options = key_options(&planned.stage).to_string();
    let options = run.publish_bytes(&options_path(&planned.name), options.as_bytes())?;
    Ok(vec![index.finish()?, options])
}

/// An index that is being written: the columns of a key file, those that a later run does not
/// need empty.
struct Index {
    table: TableWriter,
    rows: Rows,
}

#[derive(Default)]
struct Rows {
    doc_ids: Vec<u64>,
    ids: StringBuilder,
    keys: BinaryBuilder,
    sketches: BinaryBuilder,
}

impl Index {
    fn add(&mut self, row: &KeyRow<'_>) -> Result<()> {
        self.rows.doc_ids.push(row.doc_id);
        self.rows.ids.append_option(row.id);
        self.rows.keys.append_value(row.keys);
        self.rows.sketches.append_value(row.sketch);
        if self.rows.doc_ids.len() == BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        let mut rows = std::mem::take(&mut self.rows);
        let n = rows.doc_ids.len();
        let nothing = || Arc::new(BinaryArray::from_vec(vec![&[][..]; n])) as ArrayRef;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(UInt64Array::from(rows.doc_ids)),
            Arc::new(rows.ids.finish()),
            Arc::new(UInt32Array::from(vec![1; n])),
            nothing(),
            Arc::new(rows.keys.finish()),
            Arc::new(rows.sketches.finish()),
            nothing(),
        ];
        self.table.write(&RecordBatch::try_new(key_schema(), columns).map_err(arrow_error)?)
    }

    fn finish(mut self) -> Result<FileEntry> {
        self.flush()?;
        self.table.finish()
    }
}
