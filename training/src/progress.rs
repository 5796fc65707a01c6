//! The trainer's progress as events of the run.

use model::{Control, Progress};
use store::{Event, Observer};

/// Passes progress on to `observer` and returns whether training should continue.
pub(crate) fn report(observer: &dyn Observer, progress: Progress<'_>) -> Control {
    match progress {
        Progress::Step { point, tokens_per_second } => {
            observer.event(&Event::Trained {
                step: point.step,
                loss: f64::from(point.loss),
                tokens_per_second,
            });
            observer.event(&Event::Advance { units: 1 });
        }
        Progress::Validation(point) => observer.event(&Event::Validated {
            step: point.step,
            loss: f64::from(point.evaluation.nats_per_token),
            bits_per_byte: f64::from(point.evaluation.bits_per_byte),
        }),
        Progress::Resumed { step } => observer.event(&Event::Advance { units: step as u64 }),
        Progress::Spike(spike) => observer.event(&Event::Spiked {
            step: spike.step,
            measure: spike.measure.clone(),
            z_score: spike.z_score,
            rows: spike.rows.clone(),
        }),
        // A checkpoint has its own task in the journal.
        _ => {}
    }
    if observer.should_stop() { Control::Stop } else { Control::Continue }
}
