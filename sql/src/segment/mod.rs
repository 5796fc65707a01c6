//! A segment: a chain of row-wise stages that the documents of a part stream through.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::datatypes::SchemaRef;
use datafusion::common::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use futures::{Stream, StreamExt as _};
use tokio::runtime::Runtime;

use crate::fence::{Documents, Dropped, Fence};
use crate::input::StageInput;
use crate::session::runtime;
use crate::stage::{Stage, StageText};
use crate::{Session, SqlError};

#[cfg(test)]
mod tests;

/// Planned stages. One plan serves all parts, each with its own documents.
#[derive(Debug, Clone)]
pub struct Segment {
    input: SchemaRef,
    stages: Vec<Stage>,
}

/// The documents of a part, in ascending `doc_id`.
pub type DocumentBatches = Box<dyn Iterator<Item = Result<Documents, SqlError>> + Send>;

/// What became of documents that entered a segment.
#[derive(Debug, Clone)]
pub enum Fate {
    /// Documents that passed all stages.
    Kept(Documents),
    /// Documents that one stage dropped.
    Dropped(Box<Dropped>),
}

impl Segment {
    /// Plans `stages`, each over the columns that the stage before it leaves.
    ///
    /// # Errors
    /// A stage is refused; the error comes with the stage's index.
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

    /// Runs the stages over one part. What leaves one stage comes in document order.
    ///
    /// The iterators are boxed so that callers do not compile the engine again.
    ///
    /// # Errors
    /// The engine cannot start. Later errors come as items, and the iterator ends after one. An
    /// error of `documents` comes back as it is; [`SqlError::Input`] holds errors of other types.
    pub fn run(
        &self,
        documents: DocumentBatches,
    ) -> Result<Box<dyn Iterator<Item = Result<Fate, SqlError>>>, SqlError> {
        let failure = Failure::default();
        let dropped: Arc<Mutex<Vec<Dropped>>> = Arc::default();
        let aside = failure.clone();
        let documents = documents.map(move |documents| documents.map_err(|e| aside.put(e)));
        let mut stream: DocumentStream = Box::pin(futures::stream::iter(documents));
        for stage in &self.stages {
            stream = chain(stage, stream, &dropped, &failure)?;
        }
        let ready = VecDeque::new();
        Ok(Box::new(Passage { stream: Some(stream), dropped, failure, ready, runtime: runtime()? }))
    }
}

type DocumentStream = Pin<Box<dyn Stream<Item = Result<Documents, DataFusionError>> + Send>>;

/// The first error of a part. It waits here because the stages behind the one that failed would
/// turn it into text.
#[derive(Clone, Default)]
struct Failure(Arc<Mutex<Option<SqlError>>>);

impl Failure {
    /// Puts an error aside unless there is an earlier one; the result stands for it in the stream.
    fn put(&self, error: SqlError) -> DataFusionError {
        lock(&self.0).get_or_insert(error);
        DataFusionError::Execution("an earlier stage failed".into())
    }

    fn take(&self) -> Option<SqlError> {
        lock(&self.0).take()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A part on its way through the stages.
struct Passage {
    stream: Option<DocumentStream>,
    dropped: Arc<Mutex<Vec<Dropped>>>,
    failure: Failure,
    ready: VecDeque<Fate>,
    runtime: Runtime,
}

impl Iterator for Passage {
    type Item = Result<Fate, SqlError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(fate) = self.ready.pop_front() {
            return Some(Ok(fate));
        }
        let documents = self.runtime.block_on(self.stream.as_mut()?.next());
        let failure = self.failure.take();
        let kept = match documents.transpose() {
            Ok(kept) if failure.is_none() => kept,
            Ok(_) => {
                self.stream = None;
                return failure.map(Err);
            }
            Err(error) => {
                self.stream = None;
                return Some(Err(failure.unwrap_or_else(|| error.into())));
            }
        };
        if kept.is_none() {
            self.stream = None;
        }
        // What was dropped on the way to these documents comes before them.
        let dropped = std::mem::take(&mut *lock(&self.dropped));
        self.ready.extend(dropped.into_iter().map(|left| Fate::Dropped(Box::new(left))));
        self.ready.extend(kept.map(Fate::Kept));
        self.ready.pop_front().map(Ok)
    }
}

/// A running stage: the engine's output, and the fence that accounts for the documents.
struct RunningStage {
    output: SendableRecordBatchStream,
    fence: Arc<Mutex<Fence>>,
    dropped: Arc<Mutex<Vec<Dropped>>>,
    failure: Failure,
}

/// Puts a stage and the fence behind it at the end of a stream.
fn chain(
    stage: &Stage,
    input: DocumentStream,
    dropped: &Arc<Mutex<Vec<Dropped>>>,
    failure: &Failure,
) -> Result<DocumentStream, SqlError> {
    let fence = Arc::new(Mutex::new(Fence::new(stage.name())));
    let entering = fence.clone();
    let input = input.map(move |documents| Ok(lock(&entering).enter(documents?)));
    let config = stage.task().session_config().clone();
    let task = TaskContext::default()
        .with_session_config(config.with_extension(Arc::new(StageInput::new(Box::pin(input)))))
        .with_runtime(stage.task().runtime_env());
    let output = stage.physical_plan().execute(0, Arc::new(task))?;
    let stage = RunningStage { output, fence, dropped: dropped.clone(), failure: failure.clone() };
    Ok(Box::pin(futures::stream::unfold(Some(stage), |stage| async {
        let mut stage = stage?;
        match stage.next().await {
            Ok(Some(documents)) => Some((Ok(documents), Some(stage))),
            Ok(None) => None,
            Err(error) => Some((Err(stage.failure.put(error)), None)),
        }
    })))
}

impl RunningStage {
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
