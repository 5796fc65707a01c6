//! What a run tells while it works; the command line shows it, `events.jsonl` keeps it.

use std::time::Instant;

use serde_json::{Value, json};
use store::Run;

use crate::error::Result;

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A step begins; `total` units of work, `done` of them from an earlier start.
    Begin {
        /// The step, in words.
        step: String,
        /// What is counted.
        unit: &'static str,
        /// Units in all.
        total: u64,
        /// Units that are done already.
        done: u64,
    },
    /// Units of the current step are done.
    Advance {
        /// How many.
        units: u64,
    },
    /// The current step is over.
    End {
        /// The step, in words.
        step: String,
        /// What came out of it, in a few words.
        outcome: String,
        /// How long it took.
        seconds: f64,
    },
    /// An optimiser step was made.
    Trained {
        /// Steps so far.
        step: usize,
        /// Nats per token of the batch.
        loss: f64,
        /// Speed.
        tokens_per_second: f64,
    },
    /// A step's loss or gradient was far off.
    Spiked {
        /// The step.
        step: usize,
        /// What was off: `loss` or `gradient_norm`.
        measure: String,
        /// Standard deviations above the mean of the steps before.
        z_score: f32,
        /// The rows of the batch.
        rows: Vec<u64>,
    },
    /// The model was measured on the validation documents.
    Validated {
        /// Steps so far.
        step: usize,
        /// Nats per token.
        loss: f64,
        /// Bits per byte of text.
        bits_per_byte: f64,
    },
}

impl Event {
    /// Name and fields in `events.jsonl`.
    pub fn record(&self) -> (&'static str, Value) {
        match self {
            Self::Begin { step, unit, total, done } => {
                ("begin", json!({ "step": step, "unit": unit, "total": total, "done": done }))
            }
            Self::Advance { units } => ("advance", json!({ "units": units })),
            Self::End { step, outcome, seconds } => {
                ("end", json!({ "step": step, "outcome": outcome, "seconds": seconds }))
            }
            Self::Trained { step, loss, tokens_per_second } => (
                "trained",
                json!({ "step": step, "loss": loss, "tokens_per_second": tokens_per_second }),
            ),
            Self::Spiked { step, measure, z_score, rows } => (
                "spiked",
                json!({ "step": step, "measure": measure, "z_score": z_score, "rows": rows }),
            ),
            Self::Validated { step, loss, bits_per_byte } => {
                ("validated", json!({ "step": step, "loss": loss, "bits_per_byte": bits_per_byte }))
            }
        }
    }
}

/// Receives events, from any thread, and can ask the run to stop.
pub trait Observer: Sync {
    /// Something happened.
    fn event(&self, event: &Event);

    /// True when the run should stop at the next safe point.
    fn should_stop(&self) -> bool {
        false
    }
}

/// Passes events on and keeps those worth keeping in the run's `events.jsonl`.
pub(crate) struct Logged<'a> {
    pub(crate) run: &'a Run,
    pub(crate) observer: &'a dyn Observer,
}

impl Observer for Logged<'_> {
    fn event(&self, event: &Event) {
        self.observer.event(event);
        if !matches!(event, Event::Advance { .. }) {
            let (name, fields) = event.record();
            self.run.events().add(name, fields);
        }
    }

    fn should_stop(&self) -> bool {
        self.observer.should_stop()
    }
}

/// Does `work`, telling of its beginning and end: the step in words, what is counted, how much of it there
/// is, and how much was done before. `work` says what came of it, in a few words.
pub(crate) fn timed<T>(
    observer: &dyn Observer,
    step: &str,
    (unit, total, done): (&'static str, u64, u64),
    work: impl FnOnce() -> Result<(T, String)>,
) -> Result<T> {
    let step = step.to_owned();
    observer.event(&Event::Begin { step: step.clone(), unit, total, done });
    let start = Instant::now();
    let (result, outcome) = work()?;
    let seconds = start.elapsed().as_secs_f64();
    observer.event(&Event::End { step, outcome, seconds });
    Ok(result)
}
