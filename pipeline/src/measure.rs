//! Measures the documents of a recipe's sources, without running its stages.

use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;
use report::stats::{Measurer, Stats};
use sql::columns::{doc_ids, sources, texts};
use store::{Event, Observer};

use crate::documents::{Losses, PartDocuments};
use crate::error::Result;
use crate::inputs::Inputs;
use crate::reading::{ReadReport, Reading};
use crate::recipe::Recipe;
use crate::threads::worker_threads;

/// Measures all documents of a recipe's sources. Computes only the measures in `names`, or all if
/// `names` is empty.
///
/// # Errors
/// An input cannot be read.
pub fn measure(
    recipe: &Recipe,
    names: &[String],
    observer: &dyn Observer,
) -> Result<(Stats, ReadReport)> {
    worker_threads(recipe.run.threads)?.install(|| {
        let inputs = Arc::new(Inputs::survey(recipe, false)?);
        observer.event(&Event::Begin {
            step: "measure".into(),
            unit: "bytes",
            total: inputs.bytes(),
            done: 0,
        });
        let mut all = Stats::default();
        let mut reading = Reading::default();
        let parts: Vec<usize> = (0..inputs.parts.len()).collect();
        // Only a few parts at a time, to bound the memory.
        for parts in parts.chunks(2 * rayon::current_num_threads()) {
            let measured: Vec<(Stats, Reading)> = parts
                .par_iter()
                .map(|part| {
                    let stats = measure_part(&inputs, *part, Measurer::new(names));
                    observer.event(&Event::Advance { units: inputs.parts[*part].bytes() });
                    stats
                })
                .collect::<Result<_>>()?;
            for (stats, read) in measured {
                all.merge(&stats)?;
                reading.merge(&read);
            }
        }
        let report = reading.report(&inputs)?;
        Ok((all, report))
    })
}

fn measure_part(
    inputs: &Arc<Inputs>,
    part: usize,
    mut measurer: Measurer,
) -> Result<(Stats, Reading)> {
    let mut reading = Reading::default();
    let losses = Arc::new(Mutex::new(Losses::default()));
    let mut stats = Stats::default();
    for documents in PartDocuments::new(inputs.clone(), part, losses.clone()) {
        let batch = documents?.batch;
        doc_ids(&batch)?.values().iter().for_each(|id| reading.add_document(*id));
        let (sources, texts) = (sources(&batch)?, texts(&batch)?);
        for (source, text) in sources.iter().zip(&texts).filter_map(|(s, t)| Some((s?, t?))) {
            let (language, values) = measurer.measure(text);
            stats.add(source, language, text.len() as u64, &values);
        }
    }
    let losses = losses.lock().unwrap_or_else(PoisonError::into_inner);
    reading.add_losses(&losses);
    stats.damaged = losses.faults.iter().map(|(_, fault)| fault.records).sum();
    Ok((stats, reading))
}
