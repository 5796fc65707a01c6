//! What a run reports: its curve, its progress, its summary.

use serde::{Deserialize, Serialize};

use crate::guard::Spike;
use crate::loss::Evaluation;

/// One optimiser step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepPoint {
    /// The step, counted from 1.
    pub step: usize,
    /// Mean loss of its batch, in nats per token, before the update.
    pub loss: f32,
    /// Its learning rate.
    pub learning_rate: f32,
    /// Global gradient norm before clipping.
    pub gradient_norm: f32,
    /// [`crate::Batch::digest`] in hexadecimal: equal digests mean equal data.
    pub batch_digest: String,
}

/// One evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValidationPoint {
    /// The step that it followed.
    pub step: usize,
    /// The result.
    #[serde(flatten)]
    pub evaluation: Evaluation,
}

/// All points of a run so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// One point for each step.
    pub steps: Vec<StepPoint>,
    /// One point for each evaluation.
    pub validations: Vec<ValidationPoint>,
}

/// A report of a run in progress.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// The run continues from a checkpoint.
    Resumed {
        /// Finished steps.
        step: usize,
    },
    /// A step is done.
    Step {
        /// Its numbers.
        point: &'a StepPoint,
        /// Training speed in this step; the only number here that depends on the machine.
        tokens_per_second: f64,
    },
    /// The loss or the gradient norm of a step was far above those before it. The report of the
    /// step itself follows. The rows of the spike lead to the documents that the step read.
    Spike(&'a Spike),
    /// An evaluation is done.
    Validation(&'a ValidationPoint),
    /// A checkpoint is published.
    Checkpoint {
        /// Finished steps.
        step: usize,
    },
}

/// The observer's answer to a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Continue the run.
    Continue,
    /// Save a checkpoint after this step and return.
    Stop,
}

/// How a run ended. Two runs with the same inputs have equal summaries, except for `resumed_from`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainSummary {
    /// Finished steps.
    pub step: usize,
    /// Whether these are all steps of the run. They are not if the observer stopped it.
    pub finished: bool,
    /// The step of the checkpoint that this call resumed from.
    pub resumed_from: Option<usize>,
    /// Trainable parameters.
    pub n_parameters: usize,
    /// All points, including those before an interruption.
    pub curve: Curve,
}

impl Control {
    /// Stops if either answer does.
    pub(crate) fn or(self, other: Self) -> Self {
        if self == Self::Stop { self } else { other }
    }
}
