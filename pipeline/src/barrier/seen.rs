//! Documents of a stream without end that a Bloom filter has seen.
//!
//! The filter is asked in the order of the documents, whatever the threads, and left in the run's
//! `index/`, from where a later run of the stream takes it over.

use std::path::PathBuf;
use std::sync::Arc;

use dedup::bloom::Bloom;
use roaring::RoaringTreemap;
use serde_json::json;

use super::barrier::Barrier;
use super::decision::Verdict;
use super::known::filter_path;
use super::options::BloomOptions;
use crate::error::{PipelineError, Result};

/// Drops what was seen before; tells how often that is wrong.
pub(super) fn decide(barrier: &Barrier<'_>, options: &BloomOptions) -> Result<(Verdict, String)> {
    let made = Bloom::new(options.capacity, options.false_positive_rate);
    let mut bloom = made.map_err(|error| PipelineError::Stage {
        stage: barrier.planned.name.clone(),
        message: error.to_string(),
    })?;
    for known in &barrier.known {
        bloom = taken_over(bloom, &known.file, &known.name)?;
    }
    let mut dropped = RoaringTreemap::new();
    barrier.files.each(&["keys"], |row| {
        let Some(key) = row.keys.first_chunk().filter(|_| !barrier.is_gone(&row)) else {
            return Ok(());
        };
        if bloom.insert(u128::from_be_bytes(*key)) {
            dropped.insert(row.doc_id);
        }
        Ok(())
    })?;
    let task = format!("bloom-{}-{}", barrier.place.0, barrier.place.1);
    if barrier.run.done(&task).is_none() {
        let path = filter_path(&barrier.planned.name);
        let file = barrier.run.publish_bytes(&path, &bloom.to_bytes())?;
        barrier.run.complete(&task, vec![file], json!(null))?;
    }
    let over = if bloom.len() > options.capacity { ", more than it was made for" } else { "" };
    let outcome = format!(
        "{} seen before; the filter holds {}{over}, and {:.1e} of new documents are taken for known",
        dropped.len(),
        bloom.len(),
        bloom.expected_false_positive_rate()
    );
    Ok((Verdict::Drop { dropped: Arc::new(dropped), sizes: None }, outcome))
}

/// The filter of an earlier run, with what `bloom` has.
fn taken_over(mut bloom: Bloom, file: &PathBuf, name: &str) -> Result<Bloom> {
    let refused = |message: String| PipelineError::EarlierRun { run: name.to_owned(), message };
    let bytes = std::fs::read(file).map_err(|e| refused(e.to_string()))?;
    let theirs = Bloom::from_bytes(&bytes).map_err(|e| refused(e.to_string()))?;
    bloom.merge(&theirs).map_err(|e| {
        refused(format!("{e}; give `capacity` and `false_positive_rate` as that run has them"))
    })?;
    Ok(bloom)
}
