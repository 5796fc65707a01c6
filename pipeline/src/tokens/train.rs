//! Training the tokenizer on the kept documents.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use arrow::array::AsArray;
use rayon::prelude::*;
use sql::TEXT;
use tokenizer::{Tokenizer, TrainConfig, WordCounts, train};

use crate::error::{PipelineError, Result};
use crate::observer::{Event, Observer};
use crate::table::read_table;

/// Counts the words of all documents in `files` and learns merges from them.
///
/// Counts are sums, so that neither threads nor the order of files can change the result.
pub(crate) fn train_tokenizer(
    files: &[PathBuf],
    config: &TrainConfig,
    observer: &dyn Observer,
) -> Result<Tokenizer> {
    let spare = Mutex::new(Vec::<WordCounts>::new());
    let lock = || spare.lock().unwrap_or_else(PoisonError::into_inner);
    files.par_iter().with_max_len(1).try_for_each(|file| {
        let mut counts = lock().pop().unwrap_or_default();
        for batch in read_table(file, Some(&[TEXT]))? {
            if observer.should_stop() {
                return Err(PipelineError::Stopped);
            }
            for text in batch?.column(0).as_string::<i64>().iter().flatten() {
                counts.add_text(config.split, text);
            }
        }
        observer.event(&Event::Advance { units: 1 });
        lock().push(counts);
        Ok(())
    })?;
    let mut tables = std::mem::take(&mut *lock()).into_iter();
    let mut counts = tables.next().unwrap_or_default();
    for table in tables {
        counts.merge(&table);
    }
    if counts.is_empty() {
        return Err(PipelineError::Empty(
            "no document was kept, so there is nothing to train a tokenizer on; \
             `gristmill sql RUN \"select stage, reason, sum(documents) from ledger group by 1, 2\"` \
             tells what dropped them"
                .into(),
        ));
    }
    Ok(train(&counts, config, &mut |_, _| {}))
}
