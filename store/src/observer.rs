//! Progress of a run: the command line shows it, and `events.jsonl` keeps it.

use std::time::Instant;

use crate::Run;
use serde_json::{Value, json};

/// One event of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A step begins.
    Begin {
        /// The step, in words.
        step: String,
        /// What is counted.
        unit: &'static str,
        /// Units in total.
        total: u64,
        /// Units that an earlier start has done.
        done: u64,
    },
    /// More units of the current step are done.
    Advance {
        /// How many.
        units: u64,
    },
    /// The current step has ended.
    End {
        /// The step, in words.
        step: String,
        /// Its outcome in a few words.
        outcome: String,
        /// How long it took.
        seconds: f64,
    },
    /// The optimiser made a step.
    Trained {
        /// Optimiser steps so far.
        step: usize,
        /// Nats per token of the batch.
        loss: f64,
        /// Tokens trained per second.
        tokens_per_second: f64,
    },
    /// The loss or the gradient of a step was an outlier.
    Spiked {
        /// The step.
        step: usize,
        /// Which one: `loss` or `gradient_norm`.
        measure: String,
        /// Standard deviations above the mean of the steps before.
        z_score: f32,
        /// The rows of the batch.
        rows: Vec<u64>,
    },
    /// The model was evaluated on the validation documents.
    Validated {
        /// Optimiser steps so far.
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
    /// Takes one event.
    fn event(&self, event: &Event);

    /// True when the run should stop at the next safe point.
    fn should_stop(&self) -> bool {
        false
    }
}

/// Passes events on and records all but [`Event::Advance`] in the run's `events.jsonl`.
pub struct Logged<'a> {
    /// The run.
    pub run: &'a Run,
    /// Who else receives the events.
    pub observer: &'a dyn Observer,
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

/// Does `work` between a [`Event::Begin`] and an [`Event::End`].
///
/// `step` names the work. The triple says what is counted, the total, and how much of it an earlier
/// start has done. `work` returns its result with an outcome in a few words.
///
/// # Errors
/// Those of `work`; there is no [`Event::End`] then.
pub fn timed<T, E>(
    observer: &dyn Observer,
    step: &str,
    (unit, total, done): (&'static str, u64, u64),
    work: impl FnOnce() -> Result<(T, String), E>,
) -> Result<T, E> {
    let step = step.to_owned();
    observer.event(&Event::Begin { step: step.clone(), unit, total, done });
    let start = Instant::now();
    let (result, outcome) = work()?;
    let seconds = start.elapsed().as_secs_f64();
    observer.event(&Event::End { step, outcome, seconds });
    Ok(result)
}
