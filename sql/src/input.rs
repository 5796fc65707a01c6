//! The table `docs` of a stage. Planning needs only its columns; each part that runs gives it a
//! stream of documents.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::Stream;

use crate::SqlError;

pub(crate) type BatchStream =
    Pin<Box<dyn Stream<Item = Result<RecordBatch, DataFusionError>> + Send>>;

/// The stream that a planned stage reads in one part. It travels in the settings of the engine's
/// task, because the plan itself is shared by all parts.
pub(crate) struct StageInput(Mutex<Option<BatchStream>>);

impl StageInput {
    pub(crate) fn new(stream: BatchStream) -> Self {
        Self(Mutex::new(Some(stream)))
    }
}

/// The leaf of the plan, which picks up the part's stream.
#[derive(Debug)]
struct Slot {
    schema: SchemaRef,
}

impl PartitionStream for Slot {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, task: Arc<TaskContext>) -> SendableRecordBatchStream {
        let input = task.session_config().get_extension::<StageInput>();
        let stream =
            input.and_then(|input| input.0.lock().unwrap_or_else(PoisonError::into_inner).take());
        let stream = stream.unwrap_or_else(|| {
            let error =
                DataFusionError::Execution("a stage can read the table `docs` only once".into());
            Box::pin(futures::stream::once(async { Err(error) }))
        });
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), stream))
    }
}

/// The table for a stage whose documents have the columns of `schema`.
pub(crate) fn input_table(schema: SchemaRef) -> Result<Arc<dyn TableProvider>, SqlError> {
    let slot = Slot { schema: schema.clone() };
    Ok(Arc::new(StreamingTable::try_new(schema, vec![Arc::new(slot)])?))
}
