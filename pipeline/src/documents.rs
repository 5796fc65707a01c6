//! Reads the documents of a part, as batches of the table `docs`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, LargeStringBuilder, StringBuilder, UInt64Builder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use bug::OrBug as _;
use read::{Document, Fault, Record, Records, SkipReason};
use sql::{BATCH_ROWS_MAX, DOCUMENT, Documents, doc_id};

use crate::error::{PipelineError, Result};
use crate::inputs::{Inputs, Part, open};

/// A batch is closed once its texts have this many bytes. A limit on rows alone would not bound
/// memory, because documents can be long.
const BATCH_BYTES_MAX: usize = 4 << 20;

/// The records of a part that did not become documents.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    /// Damaged records: index of the file, and the fault.
    pub(crate) faults: Vec<(u32, Fault)>,
    /// Records that are not documents, by file and reason: their number and bytes.
    pub(crate) skipped: BTreeMap<(u32, SkipReason), (u64, u64)>,
    /// Documents in which something that could not be decoded was replaced.
    pub(crate) repaired: u64,
}

/// The documents of a part, as batches. Other records are added to `losses`.
pub(crate) struct PartDocuments {
    inputs: Arc<Inputs>,
    part: Part,
    piece: usize,
    records: Option<Records>,
    losses: Arc<Mutex<Losses>>,
    /// The ids of the documents to read, sorted; `None` for all.
    wanted: Option<Vec<u64>>,
    /// Bytes of text in the last batch; an estimate for the next one.
    batch_bytes: usize,
    /// Repaired documents that are not in `losses` yet.
    repaired: u64,
}

impl PartDocuments {
    /// Reads part `part` of `inputs`.
    pub(crate) fn new(inputs: Arc<Inputs>, part: usize, losses: Arc<Mutex<Losses>>) -> Self {
        let part = inputs.parts[part].clone();
        let (records, wanted) = (None, None);
        Self { inputs, part, piece: 0, records, losses, wanted, batch_bytes: 0, repaired: 0 }
    }

    /// Reads the documents `wanted` of part `part`. `wanted` must be sorted. May return other
    /// documents, too.
    pub(crate) fn only(inputs: Arc<Inputs>, part: usize, wanted: &[u64]) -> Self {
        // Losses were counted when the whole part was read, so these are thrown away.
        let losses = Arc::default();
        Self { wanted: Some(wanted.to_vec()), ..Self::new(inputs, part, losses) }
    }

    /// The numbers of the wanted records in a file, or `None` for all.
    fn wanted_of(&self, file: u32) -> Option<Arc<[u32]>> {
        let wanted = self.wanted.as_ref()?;
        let start = wanted.partition_point(|id| id >> 32 < u64::from(file));
        let of_file = wanted[start..].iter().take_while(|id| *id >> 32 == u64::from(file));
        Some(of_file.map(|id| *id as u32).collect())
    }

    fn next_batch(&mut self) -> Result<Option<Documents>> {
        let mut batch = BatchBuilder::new(self.batch_bytes);
        while !batch.is_full() {
            let Some(piece) = self.part.pieces.get(self.piece) else { break };
            let file = &self.inputs.files[piece.file as usize];
            let failed =
                |source| PipelineError::Read { path: file.listed.file.address.clone(), source };
            if self.records.is_none() {
                let open = || open(&file.listed.file);
                let wanted = self.wanted_of(piece.file);
                let streams = &self.inputs.streams;
                let read = streams.read(&file.listed.input, open, &piece.range, wanted);
                self.records = Some(read.map_err(failed)?);
            }
            match self.records.as_mut().and_then(Iterator::next) {
                None => {
                    self.records = None;
                    self.piece += 1;
                }
                Some(Err(error)) => return Err(failed(error)),
                Some(Ok(Record::Document(document))) => {
                    self.repaired += u64::from(document.repaired);
                    batch.add(piece.file, &file.source, &file.listed.file.address, document);
                }
                Some(Ok(Record::Fault(fault))) => self.lose(piece.file, fault),
                Some(Ok(Record::Skipped(reason, bytes))) => {
                    self.count_skipped(piece.file, reason, bytes);
                }
            }
        }
        self.batch_bytes = batch.bytes;
        if self.repaired > 0 {
            let mut losses = self.losses.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            losses.repaired += std::mem::take(&mut self.repaired);
        }
        batch.finish()
    }

    fn lose(&self, file: u32, fault: Fault) {
        let mut losses = self.losses.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        losses.faults.push((file, fault));
    }

    fn count_skipped(&self, file: u32, reason: SkipReason, bytes: u64) {
        let mut losses = self.losses.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (count, total) = losses.skipped.entry((file, reason)).or_default();
        *count += 1;
        *total += bytes;
    }
}

impl Iterator for PartDocuments {
    type Item = Result<Documents>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_batch().transpose()
    }
}

struct BatchBuilder {
    doc_ids: UInt64Builder,
    ids: StringBuilder,
    urls: StringBuilder,
    sources: StringBuilder,
    paths: StringBuilder,
    dates: StringBuilder,
    texts: LargeStringBuilder,
    metadata: StringBuilder,
    read_bytes: Vec<u64>,
    bytes: usize,
}

impl BatchBuilder {
    /// A builder with room for `text_bytes` bytes of text. A buffer that grows would copy the
    /// texts.
    fn new(text_bytes: usize) -> Self {
        Self {
            doc_ids: UInt64Builder::new(),
            ids: StringBuilder::new(),
            urls: StringBuilder::new(),
            sources: StringBuilder::new(),
            paths: StringBuilder::new(),
            dates: StringBuilder::new(),
            texts: LargeStringBuilder::with_capacity(BATCH_ROWS_MAX, text_bytes),
            metadata: StringBuilder::new(),
            read_bytes: Vec::new(),
            bytes: 0,
        }
    }

    fn is_full(&self) -> bool {
        self.read_bytes.len() >= BATCH_ROWS_MAX || self.bytes >= BATCH_BYTES_MAX
    }

    fn add(&mut self, file: u32, source: &str, path: &str, document: Document) {
        self.doc_ids.append_value(doc_id(file, document.ordinal));
        self.ids.append_value(&document.id);
        self.urls.append_option(document.url);
        self.sources.append_value(source);
        self.paths.append_value(path);
        self.dates.append_option(document.date);
        self.texts.append_value(&document.text);
        self.metadata.append_option(document.extra);
        self.read_bytes.push(document.text.len() as u64);
        self.bytes += document.text.len();
    }

    fn finish(mut self) -> Result<Option<Documents>> {
        if self.read_bytes.is_empty() {
            return Ok(None);
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.doc_ids.finish()),
            Arc::new(self.ids.finish()),
            Arc::new(self.urls.finish()),
            Arc::new(self.sources.finish()),
            Arc::new(self.paths.finish()),
            Arc::new(self.dates.finish()),
            Arc::new(self.texts.finish()),
            Arc::new(self.metadata.finish()),
        ];
        let batch = RecordBatch::try_new(DOCUMENT.clone(), columns)?;
        Ok(Some(Documents { batch, read_bytes: self.read_bytes }))
    }
}

/// The column that carries `read_bytes` in files between segments. SQL never sees it.
const READ_BYTES: &str = "_read_bytes";

/// The schema of a file that stores documents with `columns` between two segments.
pub(crate) fn stored_schema(columns: &SchemaRef) -> SchemaRef {
    let mut fields = columns.fields().to_vec();
    fields.push(Arc::new(Field::new(READ_BYTES, DataType::UInt64, false)));
    Arc::new(Schema::new(fields))
}

/// Documents as rows of such a file.
///
/// # Errors
/// The documents do not have the columns of `schema`.
pub(crate) fn to_stored(documents: &Documents, schema: &SchemaRef) -> Result<RecordBatch> {
    let mut columns = documents.batch.columns().to_vec();
    columns.push(Arc::new(arrow::array::UInt64Array::from(documents.read_bytes.clone())));
    Ok(RecordBatch::try_new(schema.clone(), columns)?)
}

/// Rows of such a file as documents.
///
/// # Errors
/// It is a bug if the last column is not `_read_bytes`.
pub(crate) fn from_stored(batch: &RecordBatch) -> Result<Documents> {
    use arrow::array::AsArray as _;
    let last = batch.num_columns() - 1;
    let read_bytes = batch.column(last).as_primitive_opt::<arrow::datatypes::UInt64Type>();
    let read_bytes = read_bytes.or_bug("stored documents end with the column _read_bytes")?;
    let read_bytes = read_bytes.values().to_vec();
    let columns: Vec<usize> = (0..last).collect();
    let batch = batch.project(&columns)?;
    Ok(Documents { batch, read_bytes })
}

#[cfg(test)]
mod tests {
    use arrow::array::UInt64Array;

    use super::*;
    use sql::columns::doc_ids;

    fn document(ordinal: u32, text: &str) -> Document {
        Document {
            ordinal,
            offset: 0,
            id: format!("a.jsonl/{ordinal}"),
            url: None,
            date: None,
            text: text.into(),
            extra: None,
            repaired: false,
        }
    }

    fn batch(texts: &[&str]) -> Documents {
        let mut batch = BatchBuilder::new(0);
        for (ordinal, text) in (0..).zip(texts) {
            batch.add(3, "web", "a.jsonl", document(ordinal, text));
        }
        batch.finish().unwrap().unwrap()
    }

    #[test]
    fn ids_hold_the_file_and_the_record() {
        let documents = batch(&["one", "two"]);
        assert_eq!(doc_ids(&documents.batch).unwrap().values().to_vec(), [3 << 32, (3 << 32) | 1]);
        assert_eq!(documents.read_bytes, [3, 3]);
        assert_eq!(sql::columns::sources(&documents.batch).unwrap().value(0), "web");
    }

    #[test]
    fn documents_between_segments_keep_the_bytes_as_read() {
        let first = batch(&["a", "bcd", ""]);
        let schema = stored_schema(&first.batch.schema());
        let second = from_stored(&to_stored(&first, &schema).unwrap()).unwrap();
        assert_eq!(second.batch, first.batch);
        assert_eq!(second.read_bytes, first.read_bytes);
    }

    #[test]
    fn stored_documents_without_their_bytes_are_a_bug() {
        let ids: ArrayRef = Arc::new(UInt64Array::from(vec![1]));
        let texts: ArrayRef = Arc::new(arrow::array::StringArray::from(vec!["one"]));
        let batch = RecordBatch::try_from_iter([("doc_id", ids), ("text", texts)]).unwrap();
        assert!(bug::is_bug(&from_stored(&batch).unwrap_err()));
    }

    #[test]
    fn a_batch_is_full_by_rows_or_by_bytes() {
        let mut batch = BatchBuilder::new(0);
        batch.add(0, "web", "a", document(0, &"x".repeat(BATCH_BYTES_MAX - 1)));
        assert!(!batch.is_full());
        batch.add(0, "web", "a", document(1, "x"));
        assert!(batch.is_full());
        assert!(BatchBuilder::new(0).finish().unwrap().is_none());
    }
}
