//! Lines and runs of words that stand in more than one place.

use std::sync::Arc;

use dedup::lines::{Action, KeySorter, RepeatedOptions};
use dedup::substrings::{
    AnchorSorter, Anchors, Kept, Scratchpad, Substrings, Window, WindowSorter,
};
use rayon::prelude::*;
use store::Scratch;

use super::barrier::Barrier;
use super::decision::Verdict;
use super::options::{LineOptions, SubstringOptions};
use crate::error::Result;

/// Lines of a document that are reckoned with.
const LINES_EXPECTED: u64 = 30;

/// Anchors of a document that are reckoned with: it has one for about twelve words.
const ANCHORS_EXPECTED: u64 = 50;

/// Parts whose windows are in memory at once, for each thread.
const PARTS_IN_FLIGHT: usize = 2;

/// Finds the lines that more than `max_documents` documents have.
pub(super) fn lines(
    barrier: &Barrier<'_>,
    options: &LineOptions,
    scratch: &Scratch,
) -> Result<(Verdict, String)> {
    let expected = barrier.files.documents() * LINES_EXPECTED;
    let repeated =
        RepeatedOptions { max_documents: options.max_documents, keep_first: options.keep_first };
    let mut sorter = KeySorter::new(scratch, repeated, expected, barrier.memory_bytes)?;
    for part in 0..barrier.files.parts() {
        barrier.files.each_of(part, &["keys"], &mut |row| {
            if barrier.is_gone(&row) {
                return Ok(());
            }
            let keys = row.keys.as_chunks().0.iter().map(|key| u64::from_be_bytes(*key));
            Ok(sorter.push(part as u32, row.doc_id, keys)?)
        })?;
    }
    let repeated = Arc::new(sorter.finish()?);
    let outcome = format!("{} in more than {} documents", repeated.keys(), options.max_documents);
    let action = if options.remove { Action::Remove } else { Action::Count };
    let (lines, within) = (options.lines(), options.within);
    Ok((Verdict::Lines { lines, action, within, repeated }, outcome))
}

/// Finds the runs of words that stand in more than one place.
///
/// The keys are anchors, which sample the text; the texts of the documents with an anchor that is
/// repeated are read a second time.
pub(super) fn substrings(
    barrier: &Barrier<'_>,
    options: &SubstringOptions,
    scratch: &Scratch,
) -> Result<(Verdict, String)> {
    let substrings = Substrings::new(options.min_tokens as u32);
    let memory_bytes = barrier.memory_bytes;
    let expected = barrier.files.documents() * ANCHORS_EXPECTED;
    let mut sorter = AnchorSorter::new(scratch, expected, memory_bytes)?;
    for part in 0..barrier.files.parts() {
        barrier.files.each_of(part, &["keys"], &mut |row| {
            if barrier.is_gone(&row) {
                return Ok(());
            }
            let anchors = row.keys.as_chunks().0.iter().map(|key| u64::from_be_bytes(*key));
            Ok(sorter.push(part as u32, anchors)?)
        })?;
    }
    let anchors = sorter.finish()?;
    let expected = anchors.repeated().saturating_mul(options.min_tokens as u64);
    let kept = if options.keep_first { Kept::First } else { Kept::None };
    let mut sorter = WindowSorter::new(scratch, kept, expected, memory_bytes)?;
    let parts: Vec<usize> = (0..barrier.files.parts()).collect();
    for parts in parts.chunks(PARTS_IN_FLIGHT * rayon::current_num_threads()) {
        let found: Vec<Vec<(u64, Vec<Window>)>> = parts
            .par_iter()
            .map(|part| windows(barrier, &substrings, &anchors.of_part(*part as u32)?, *part))
            .collect::<Result<_>>()?;
        for (part, documents) in parts.iter().zip(found) {
            for (doc_id, windows) in documents {
                sorter.push(*part as u32, doc_id, windows)?;
            }
        }
    }
    let repeated = sorter.finish()?;
    let outcome =
        format!("{} windows of {} words compared", repeated.windows(), options.min_tokens);
    let verdict =
        Verdict::Substrings { substrings, remove: options.remove, repeated: Arc::new(repeated) };
    Ok((verdict, outcome))
}

/// The windows of a part's documents that may stand elsewhere.
fn windows(
    barrier: &Barrier<'_>,
    substrings: &Substrings,
    anchors: &Anchors,
    part: usize,
) -> Result<Vec<(u64, Vec<Window>)>> {
    if anchors.is_empty() {
        return Ok(Vec::new());
    }
    let mut doc_ids = Vec::new();
    barrier.files.each_of(part, &["keys"], &mut |row| {
        let own = row.keys.as_chunks().0.iter().map(|key| u64::from_be_bytes(*key));
        if !barrier.is_gone(&row) && anchors.concern(own) {
            doc_ids.push(row.doc_id);
        }
        Ok(())
    })?;
    let (mut found, mut pad) = (Vec::new(), Scratchpad::default());
    barrier.texts.each(part, &doc_ids, &mut |doc_id, text| {
        let mut windows = Vec::new();
        substrings.windows(text, anchors, &mut pad, &mut windows);
        found.push((doc_id, windows));
        Ok(())
    })?;
    Ok(found)
}
