//! A segment: row-wise stages through which the documents of a part stream.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::SchemaRef;
use datafusion::common::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use futures::{Stream, StreamExt as _};

use crate::fence::{Documents, Dropped, Fence};
use crate::input::StageInput;
use crate::{Session, SqlError, Stage, StageText};

/// Planned stages, run for each part with its own documents.
#[derive(Debug, Clone)]
pub struct Segment {
    input: SchemaRef,
    stages: Vec<Stage>,
}

impl Segment {
    /// Plans `stages`, each over the columns that the one before it leaves. An error comes with the
    /// index of its stage.
    pub fn plan(
        session: &Session,
        input: &SchemaRef,
        stages: &[StageText],
    ) -> Result<Self, (usize, SqlError)> {
        let mut columns = input.clone();
        let mut planned = Vec::new();
        for (index, text) in stages.iter().enumerate() {
            let stage = Stage::plan(session, text, &columns).map_err(|error| (index, error))?;
            columns = stage.output().clone();
            planned.push(stage);
        }
        Ok(Self { input: input.clone(), stages: planned })
    }

    /// The columns of the documents that leave the segment.
    pub fn output(&self) -> &SchemaRef {
        self.stages.last().map_or(&self.input, Stage::output)
    }

    /// Runs one part: `documents` in ascending `doc_id` go through all stages; what stays is given
    /// to `keep`, what is dropped to `drop`, both in document order for each stage.
    pub fn run<E: From<SqlError> + Send + Sync + 'static>(
        &self,
        documents: impl Iterator<Item = Result<Documents, E>> + Send + 'static,
        mut keep: impl FnMut(Documents) -> Result<(), E>,
        mut drop: impl FnMut(Dropped) -> Result<(), E>,
    ) -> Result<(), E> {
        let dropped = Arc::new(Mutex::new(Vec::new()));
        let failure: Arc<Mutex<Option<E>>> = Arc::default();
        let mut stream = source(documents, failure.clone());
        for stage in &self.stages {
            stream = chain(stage, stream, dropped.clone())?;
        }
        let mut run = async || -> Result<(), E> {
            while let Some(documents) = stream.next().await {
                for drop_now in take(&dropped) {
                    drop(drop_now)?;
                }
                if let Some(error) = lock(&failure).take() {
                    return Err(error);
                }
                keep(documents?)?;
            }
            take(&dropped).into_iter().try_for_each(&mut drop)
        };
        crate::session::block_on(run())?
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn take(dropped: &Mutex<Vec<Dropped>>) -> Vec<Dropped> {
    std::mem::take(&mut lock(dropped))
}

type DocumentStream = Pin<Box<dyn Stream<Item = Result<Documents, SqlError>> + Send>>;

/// The part's documents; the caller's own error is kept aside, since the engine has no place for it.
fn source<E: Send + 'static>(
    documents: impl Iterator<Item = Result<Documents, E>> + Send + 'static,
    failure: Arc<Mutex<Option<E>>>,
) -> DocumentStream {
    let documents = documents.map(move |documents| {
        documents.map_err(|error| {
            *lock(&failure) = Some(error);
            SqlError::Failed("the documents could not be read".into())
        })
    });
    Box::pin(futures::stream::iter(documents))
}

/// A stage in motion: the engine's output, and the fence that holds it to account.
struct Moving {
    output: SendableRecordBatchStream,
    fence: Arc<Mutex<Fence>>,
    dropped: Arc<Mutex<Vec<Dropped>>>,
}

/// Puts a stage and the fence behind it at the end of a stream.
fn chain(
    stage: &Stage,
    input: DocumentStream,
    dropped: Arc<Mutex<Vec<Dropped>>>,
) -> Result<DocumentStream, SqlError> {
    let fence = Arc::new(Mutex::new(Fence::new(stage.name())));
    let entering = fence.clone();
    let input = input.map(move |documents| {
        let documents = documents.map_err(|e| DataFusionError::External(Box::new(e)))?;
        Ok(lock(&entering).enter(documents))
    });
    let config = stage.task().session_config().clone();
    let task = TaskContext::default()
        .with_session_config(config.with_extension(Arc::new(StageInput::new(Box::pin(input)))))
        .with_runtime(stage.task().runtime_env());
    let output = stage.physical_plan().execute(0, Arc::new(task))?;
    let moving = Moving { output, fence, dropped };
    Ok(Box::pin(futures::stream::unfold(Some(moving), |moving| async {
        let mut moving = moving?;
        match moving.next().await {
            Ok(Some(documents)) => Some((Ok(documents), Some(moving))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    })))
}

impl Moving {
    async fn next(&mut self) -> Result<Option<Documents>, SqlError> {
        while let Some(batch) = self.output.next().await {
            let (kept, left) = lock(&self.fence).leave(&batch?)?;
            lock(&self.dropped).extend(left);
            if kept.batch.num_rows() > 0 {
                return Ok(Some(kept));
            }
        }
        let left = lock(&self.fence).close()?;
        lock(&self.dropped).extend(left);
        Ok(None)
    }
}
