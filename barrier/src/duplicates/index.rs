//! The index of a stage for later runs: the keys of the documents that survived it.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, StringBuilder, UInt32Array, UInt64Array};
use arrow::datatypes::SchemaRef;
use bug::{Bug, OrBug as _};
use serde_json::Value;
use store::{FileEntry, Run};
use tables::{TableWriter, table_rows};

use crate::error::Result;
use crate::input::BarrierInput;
use crate::keys::{Compared, KeyLayout, KeyRow};
use crate::known::{EarlierRun, Known, Unusable, no_index};
use crate::stage::BarrierStage;

/// Rows per batch that is written.
const BATCH_ROWS: usize = 8192;

/// Options that determine the keys. Both runs must have the same values.
const KEY_OPTIONS: [&str; 8] =
    ["on", "preset", "bands", "rows", "ngram_words", "precision_bits", "hash", "seed"];

/// The file of a stage's index.
fn index_path(stage: &str) -> String {
    format!("index/{stage}.parquet")
}

/// The file of the options that made the keys of a stage's index.
fn options_path(stage: &str) -> String {
    format!("index/{stage}.json")
}

/// The options that determine the keys of a stage.
fn key_options(stage: &dyn BarrierStage) -> std::result::Result<Value, Bug> {
    let mut object = serde_json::Map::new();
    for (key, value) in stage.options()? {
        if KEY_OPTIONS.contains(&key.as_str()) {
            object.insert(key, serde_json::to_value(value).or_bug("an option as JSON")?);
        }
    }
    object.insert("use".into(), stage.kind().into());
    Ok(Value::Object(object))
}

/// Finds the indexes of the stage named `name` in the runs of `against`.
///
/// # Errors
/// A run is not finished, has no index of the stage, or made its keys with other options.
pub(crate) fn find(
    stage: &dyn BarrierStage,
    name: &str,
    folder: &Path,
) -> std::result::Result<Vec<Known>, Unusable> {
    EarlierRun::each(stage.against(), folder, |run| {
        let file = run.root.join(index_path(name));
        let options = std::fs::read(run.root.join(options_path(name)));
        let options = options.map_err(|_| no_index(name))?;
        let theirs: Value = serde_json::from_slice(&options)
            .map_err(|error| format!("its options cannot be read: {error}"))?;
        let ours = key_options(stage).map_err(|bug| bug.to_string())?;
        if theirs != ours {
            return Err(format!("its keys were made with {theirs}, but here with {ours}"));
        }
        let rows = table_rows(&file).map_err(|error| error.to_string())?;
        Ok(run.known(file, rows))
    })
}

/// Writes the keys of the documents of this run for which `survives` is true.
///
/// # Errors
/// Keys cannot be read, or the index cannot be written.
pub(super) fn write(
    input: &BarrierInput<'_>,
    stage: &dyn BarrierStage,
    survives: impl Fn(u64) -> bool,
) -> Result<Vec<FileEntry>> {
    let layout = stage.key_layout();
    let mut index = Index::create(input.run, &index_path(input.name), layout)?;
    let bands = layout.band_columns();
    let mut columns = match layout {
        KeyLayout::Keys => vec!["id", "keys"],
        KeyLayout::Bands { .. } => vec!["id", "sketch"],
    };
    columns.extend(bands.iter().map(String::as_str));
    for file in 0..input.files.parts() {
        input.files.each_of(file, &columns, &mut |row| {
            let compared = !row.keys.is_empty() || row.bands.iter().next().is_some();
            if compared && survives(row.doc_id) { index.add(&row) } else { Ok(()) }
        })?;
    }
    let options = key_options(stage)?.to_string();
    let options = input.run.publish_bytes(&options_path(input.name), options.as_bytes())?;
    Ok(vec![index.finish()?, options])
}

/// An index that is being written. It has the columns of a key file; those that a later run does
/// not need are left empty.
struct Index {
    layout: KeyLayout,
    schema: SchemaRef,
    table: TableWriter,
    doc_ids: Vec<u64>,
    ids: StringBuilder,
    compared: Compared,
}

impl Index {
    fn create(run: &Run, path: &str, layout: KeyLayout) -> Result<Self> {
        let schema = layout.schema();
        Ok(Self {
            layout,
            table: TableWriter::create_plain(run, path, schema.clone())?,
            schema,
            doc_ids: Vec::new(),
            ids: StringBuilder::new(),
            compared: Compared::new(layout),
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
        let compared = std::mem::replace(&mut self.compared, Compared::new(self.layout));
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
