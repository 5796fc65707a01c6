//! The table `docs` of a stage: it has a schema when the stage is planned, and documents when a part
//! is run.

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

/// The stream that a planned stage reads in one part, handed over in the task's settings.
pub(crate) struct StageInput(Mutex<Option<BatchStream>>);

impl StageInput {
    pub(crate) fn new(stream: BatchStream) -> Self {
        Self(Mutex::new(Some(stream)))
    }
}

/// The place where the documents come in.
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
            let error = DataFusionError::Execution("the table `docs` can be read once".into());
            Box::pin(futures::stream::once(async { Err(error) }))
        });
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), stream))
    }
}

/// A table that gets its documents when a part is run.
pub(crate) fn input_table(schema: SchemaRef) -> Result<Arc<dyn TableProvider>, SqlError> {
    let slot = Slot { schema: schema.clone() };
    Ok(Arc::new(StreamingTable::try_new(schema, vec![Arc::new(slot)])?))
}
