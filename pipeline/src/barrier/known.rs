//! Documents of earlier runs, by the keys that they left: deduplication across crawls.
//!
//! A run leaves the keys of the survivors of a stage in its `index/`, where the stage says so. A
//! later run that names it in `against` takes those documents for survivors that stand before all of
//! its own: every copy of one goes, the second and later ones too.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, StringBuilder, UInt32Array, UInt64Array};
use arrow::datatypes::SchemaRef;
use bug::{Bug, OrBug as _};
use serde_json::Value;
use store::{FileEntry, Run};

use super::keys::{Compared, KeyFiles, KeyRow, band_columns, schema as key_schema};
use super::{BarrierStage, PlannedBarrier};
use crate::error::Result;
use tables::{TableWriter, table_rows};

/// Rows that are written at once.
const BATCH_ROWS: usize = 8192;

/// Options that decide what a key is, so that they must be the same in both runs.
const KEY_OPTIONS: [&str; 8] =
    ["on", "preset", "bands", "rows", "ngram_words", "precision_bits", "hash", "seed"];

/// The index of an earlier run for one stage.
pub(crate) struct Known {
    /// The run as the recipe names it.
    pub(crate) name: String,
    /// What identifies its content.
    pub(crate) digest: String,
    /// Its index.
    pub(super) file: PathBuf,
    rows: u64,
}

/// The file of the keys that a stage leaves.
pub(super) fn index_path(stage: &str) -> String {
    format!("index/{stage}.parquet")
}

/// The file of the filter of a stage.
pub(super) fn filter_path(stage: &str) -> String {
    format!("index/{stage}.bloom")
}

fn options_path(stage: &str) -> String {
    format!("index/{stage}.json")
}

/// What decides the keys of a stage.
fn key_options(stage: &BarrierStage) -> std::result::Result<Value, Bug> {
    let mut object = serde_json::Map::new();
    for (key, value) in stage.options()? {
        if KEY_OPTIONS.contains(&key.as_str()) {
            object.insert(key, serde_json::to_value(value).or_bug("an option as JSON")?);
        }
    }
    object.insert("use".into(), stage.kind().into());
    Ok(Value::Object(object))
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

/// Finds the indexes that a stage is compared with; paths start from `folder`. Says of the first that
/// cannot be used what is wrong.
pub(crate) fn known(
    planned: &PlannedBarrier,
    folder: &Path,
) -> std::result::Result<Vec<Known>, Unusable> {
    let find = |name: &String| {
        let found = find(planned, folder, name);
        found.map_err(|message| Unusable { run: name.clone(), message })
    };
    planned.stage.against().iter().map(find).collect()
}

/// An earlier run that a stage cannot be compared with.
pub(crate) struct Unusable {
    /// The run as the recipe names it.
    pub(crate) run: String,
    /// What is wrong with it.
    pub(crate) message: String,
}

fn find(planned: &PlannedBarrier, folder: &Path, name: &str) -> std::result::Result<Known, String> {
    let root = folder.join(name);
    let manifest = Run::finished(&root).map_err(|error| error.to_string())?;
    let manifest = manifest.ok_or("there is no finished run")?;
    let stage = &planned.name;
    let of = |file: PathBuf, rows: u64| Known {
        name: name.to_owned(),
        digest: manifest.root.clone(),
        file,
        rows,
    };
    let missing = || {
        format!(
            "that run has no index of a stage `{stage}`; give it `index = true` and run it again"
        )
    };
    if let BarrierStage::Bloom(_) = planned.stage {
        let file = root.join(filter_path(stage));
        return if file.is_file() { Ok(of(file, 0)) } else { Err(missing()) };
    }
    let file = root.join(index_path(stage));
    let options = std::fs::read(root.join(options_path(stage))).map_err(|_| missing())?;
    let theirs: Value = serde_json::from_slice(&options)
        .map_err(|error| format!("its options cannot be read: {error}"))?;
    let ours = key_options(&planned.stage).map_err(|bug| bug.to_string())?;
    if theirs != ours {
        return Err(format!("its keys were made with {theirs}, here with {ours}"));
    }
    let rows = table_rows(&file).map_err(|error| error.to_string())?;
    Ok(of(file, rows))
}

/// Adds the documents of earlier runs behind those of this one.
pub(super) fn add(files: &mut KeyFiles, known: &[Known]) {
    known.iter().for_each(|known| files.add(known.file.clone(), known.rows));
}

/// Leaves the keys of the documents of this run that `survives` is true of.
pub(super) fn leave(
    run: &Run,
    planned: &PlannedBarrier,
    files: &KeyFiles,
    survives: impl Fn(u64) -> bool,
) -> Result<Vec<FileEntry>> {
    let mut index = Index::create(run, planned)?;
    let mut columns = vec!["id", "keys", "sketch"];
    let bands = band_columns(&planned.stage);
    columns.extend(bands.iter().map(String::as_str));
    for file in 0..files.parts() {
        files.each_of(file, &columns, &mut |row| {
            let compared = !row.keys.is_empty() || row.bands.iter().next().is_some();
            if compared && survives(row.doc_id) { index.add(&row) } else { Ok(()) }
        })?;
    }
    let options = key_options(&planned.stage)?.to_string();
    let options = run.publish_bytes(&options_path(&planned.name), options.as_bytes())?;
    Ok(vec![index.finish()?, options])
}

/// An index that is being written: the columns of a key file, those that a later run does not
/// need empty.
struct Index {
    stage: BarrierStage,
    schema: SchemaRef,
    table: TableWriter,
    doc_ids: Vec<u64>,
    ids: StringBuilder,
    compared: Compared,
}

impl Index {
    fn create(run: &Run, planned: &PlannedBarrier) -> Result<Self> {
        let schema = key_schema(&planned.stage);
        Ok(Self {
            stage: planned.stage.clone(),
            table: TableWriter::create_plain(run, &index_path(&planned.name), schema.clone())?,
            schema,
            doc_ids: Vec::new(),
            ids: StringBuilder::new(),
            compared: Compared::new(&planned.stage),
        })
    }

    fn add(&mut self, row: &KeyRow<'_>) -> Result<()> {
        self.doc_ids.push(row.doc_id);
        self.ids.append_option(row.id);
        self.compared.add(row.keys, row.bands.iter(), row.sketch, &[]);
        if self.doc_ids.len() == BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        let doc_ids = std::mem::take(&mut self.doc_ids);
        let compared = std::mem::replace(&mut self.compared, Compared::new(&self.stage));
        let n = doc_ids.len();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(UInt64Array::from(doc_ids)),
            Arc::new(self.ids.finish()),
            Arc::new(UInt32Array::from(vec![1; n])),
            Arc::new(BinaryArray::from_vec(vec![&[][..]; n])),
        ];
        Ok(self.table.write(&compared.finish(columns, &self.schema)?)?)
    }

    fn finish(mut self) -> Result<FileEntry> {
        self.flush()?;
        Ok(self.table.finish()?)
    }
}
