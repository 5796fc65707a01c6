//! How well a tokenizer, and the smaller ones cut from it, encode each group of documents. Computed
//! from word counts, so no text is encoded again.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use rayon::prelude::*;
use serde::Serialize;
use store::{FileEntry, Run};
use tables::TableWriter;
use tokenizer::{SourceReport, Tokenizer};

use super::counts::{CountFile, damaged};
use crate::error::{PipelineError, Result};

/// The smallest vocabulary size that is reported.
const SIZE_MIN: usize = 512;

/// The file of the table in a run directory.
pub(crate) const REPORT: &str = "tokenizer_report.parquet";

/// How well a group is encoded with a vocabulary of a given size.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Efficiency {
    /// The group: a source, a language.
    pub group: String,
    /// Size of the vocabulary in tokens.
    pub vocab_size: usize,
    /// Bytes of text.
    pub bytes: u64,
    /// Tokens that encode these bytes.
    pub tokens: u64,
    /// Bytes per token.
    pub bytes_per_token: f64,
    /// Tokens per word. A word is a piece that contains a letter.
    pub tokens_per_word: f64,
}

/// How well a tokenizer encodes groups of documents.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Efficiencies {
    /// One row per group and vocabulary size, in this order.
    pub rows: Vec<Efficiency>,
    /// Number of tokens that no group uses, not counting special tokens.
    pub unused: u64,
}

/// The vocabulary sizes to report: the powers of two from 512, the `asked` sizes, and the
/// tokenizer's full size. Sorted, without repeats.
pub fn sizes(tokenizer: &Tokenizer, asked: &[usize]) -> Vec<usize> {
    let whole = tokenizer.vocab_size();
    let powers = std::iter::successors(Some(SIZE_MIN), |size| Some(size * 2));
    let mut sizes: Vec<usize> = powers.take_while(|size| *size < whole).collect();
    sizes.extend(asked.iter().filter(|size| **size < whole));
    sizes.push(whole);
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

/// Measures each file's group at each of the `sizes` that the tokenizer can be cut to.
///
/// # Errors
/// A count file cannot be read, is damaged, or was made with another split.
pub fn efficiencies(
    tokenizer: &Tokenizer,
    files: &[CountFile],
    sizes: &[usize],
) -> Result<Efficiencies> {
    let groups: Vec<(Vec<Efficiency>, Vec<u64>)> =
        files.par_iter().map(|file| group(tokenizer, file, sizes)).collect::<Result<_>>()?;
    let mut uses = vec![0_u64; tokenizer.vocab_size()];
    let mut rows = Vec::new();
    for (of_group, used) in groups {
        rows.extend(of_group);
        uses.iter_mut().zip(used).for_each(|(sum, used)| *sum = sum.saturating_add(used));
    }
    for (_, id) in tokenizer.special_tokens() {
        // Words never contain special tokens, so all of these would count as unused.
        uses[id as usize] = 1;
    }
    Ok(Efficiencies { rows, unused: uses.iter().filter(|used| **used == 0).count() as u64 })
}

fn group(
    tokenizer: &Tokenizer,
    file: &CountFile,
    sizes: &[usize],
) -> Result<(Vec<Efficiency>, Vec<u64>)> {
    let mut report = SourceReport::new(tokenizer);
    let mut reader = file.open()?;
    if reader.split() != tokenizer.split() {
        let message = format!(
            "counted with the split {}, but the tokenizer has {}; count the documents again with \
             the tokenizer's split",
            reader.split(),
            tokenizer.split()
        );
        return Err(PipelineError::Counts { path: file.path.display().to_string(), message });
    }
    loop {
        match reader.next_word() {
            Ok(Some((word, count))) => report.add_word(word, count),
            Ok(None) => break,
            Err(error) => return Err(damaged([file.path.as_path()], &error)),
        }
    }
    let mut found = report.at_sizes(sizes);
    if found.is_empty() {
        // No size can be cut, so only the full vocabulary is reported.
        found.push(report.whole());
    }
    let row = |found: tokenizer::Efficiency| Efficiency {
        group: file.group.clone(),
        vocab_size: found.vocab_size,
        bytes: report.bytes(),
        tokens: found.tokens,
        bytes_per_token: found.bytes_per_token,
        tokens_per_word: found.tokens_per_word,
    };
    Ok((found.into_iter().map(row).collect(), report.uses().collect()))
}

/// Writes the table `tokenizer_report.parquet` of a run.
///
/// # Errors
/// The table cannot be written.
pub(crate) fn write_efficiencies(run: &Run, found: &Efficiencies) -> Result<FileEntry> {
    let number = |name: &str, data_type| Field::new(name, data_type, false);
    let schema = Arc::new(Schema::new(vec![
        number("group", DataType::Utf8),
        number("vocab_size", DataType::UInt64),
        number("bytes", DataType::UInt64),
        number("tokens", DataType::UInt64),
        number("bytes_per_token", DataType::Float64),
        number("tokens_per_word", DataType::Float64),
    ]));
    let rows = &found.rows;
    let whole = |of: fn(&Efficiency) -> u64| -> ArrayRef {
        Arc::new(rows.iter().map(of).collect::<UInt64Array>())
    };
    let real = |of: fn(&Efficiency) -> f64| -> ArrayRef {
        Arc::new(rows.iter().map(of).collect::<Float64Array>())
    };
    let columns = vec![
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.group))) as ArrayRef,
        whole(|row| row.vocab_size as u64),
        whole(|row| row.bytes),
        whole(|row| row.tokens),
        real(|row| row.bytes_per_token),
        real(|row| row.tokens_per_word),
    ];
    let batch = RecordBatch::try_new(schema.clone(), columns);
    let mut table = TableWriter::create(run, REPORT, schema)?;
    table.write(&batch.map_err(|e| PipelineError::Sql(e.into()))?)?;
    Ok(table.finish()?)
}
