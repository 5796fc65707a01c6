//! How a tokenizer, and the smaller ones cut from it, encode each group of documents: from its counts,
//! without encoding a text again.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use rayon::prelude::*;
use serde::Serialize;
use store::{FileEntry, Run};
use tokenizer::{SourceReport, Tokenizer};

use super::counts::{CountFile, damaged};
use crate::error::{PipelineError, Result};
use tables::TableWriter;

/// The smallest vocabulary of the curve of sizes.
const SIZE_MIN: usize = 512;

/// The table in a run directory.
pub(crate) const REPORT: &str = "tokenizer_report.parquet";

/// How a group is encoded with a vocabulary of some size.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Efficiency {
    /// The group: a source, a language.
    pub group: String,
    /// Tokens of the vocabulary.
    pub vocab_size: usize,
    /// Bytes of text.
    pub bytes: u64,
    /// Tokens that they become.
    pub tokens: u64,
    /// Bytes a token.
    pub bytes_per_token: f64,
    /// Tokens a word, a word being a piece with a letter in it.
    pub tokens_per_word: f64,
}

/// What a tokenizer makes of groups of documents.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Efficiencies {
    /// By group, then by size.
    pub rows: Vec<Efficiency>,
    /// Tokens that no group uses, special ones left out.
    pub unused: u64,
}

/// Sizes to report: those asked for, the powers of two below the whole, and the whole.
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

/// Reports on each file's group at each of `sizes` that can be cut.
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
            "counted with the split {}, but the tokenizer has {}; count the documents with that one",
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

/// Writes the table of a run.
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
