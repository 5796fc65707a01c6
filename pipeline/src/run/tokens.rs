//! Makes the tokenizer and the shards from the kept documents.

use std::path::PathBuf;

use encoder::AnyTokenizer;
use rayon::prelude::*;
use serde_json::json;
use shards::dataset::{ShardManifest, Split};
use store::{Event, FileEntry, layout};
use tokenizer::Tokenizer;

use super::Until;
use super::steps::Steps;
use crate::error::{PipelineError, Result};
use crate::part::PartResult;
use crate::recipe::TokenizerTable;
use crate::tokens::{self, CountFile, Counting, Encoding, Mix};

impl Steps<'_> {
    /// Trains the tokenizer on the parts' word counts, or uses the recipe's tokenizer file. Returns
    /// `None` if the recipe has no tokenizer.
    ///
    /// # Errors
    /// There are no words to train on, a file cannot be read or written, or the observer asked to
    /// stop.
    pub(super) fn tokenizer(&self, parts: Vec<PartResult>) -> Result<Option<AnyTokenizer>> {
        const TASK: &str = "tokenizer";
        let Some(table) = &self.recipe.tokenizer else { return Ok(None) };
        if let Some(tokenizer) = &self.plan.tokenizer {
            let json = tokenizer.to_json();
            if self.run.done(TASK).is_none() {
                let file = self.run.publish_bytes(layout::TOKENIZER, json.as_bytes())?;
                self.run.complete(TASK, vec![file], json!(null))?;
            }
            return Ok(Some(tokenizer.clone()));
        }
        let mix = tokens::mix(table);
        // If all counts are in memory and need no weights, the trainer takes them directly and no
        // count files are written.
        let has_files = parts.iter().any(|part| !part.counts.is_empty());
        let in_memory = self.counting.filter(|_| mix == Mix::default() && !has_files);
        let whole = in_memory.and_then(Counting::whole);
        let counts = if whole.is_some() { Vec::new() } else { self.counts(table, parts)? };
        if self.run.done(TASK).is_some() {
            return Ok(Some(AnyTokenizer::load(&self.run.path(layout::TOKENIZER))?));
        }
        let config = &table.train;
        let merges = tokens::merges(config);
        let trained = self.timed("tokenizer", ("merges", merges, 0), || {
            let trained = match whole {
                Some(tables) => tokens::train_tables(tables, config, self.observer)?,
                None => tokens::train(&counts, &mix, config, self.observer)?,
            };
            let files = self.write_tokenizers(&trained, table, &counts)?;
            self.run.complete(TASK, files, json!(null))?;
            let outcome = format!("{} tokens", trained.vocab_size());
            Ok((trained, outcome))
        })?;
        Ok(Some(trained.into()))
    }

    /// Merges the counts of all parts into one file per group.
    ///
    /// # Errors
    /// A count file cannot be read or written, or there are too many groups.
    pub(super) fn counts(
        &self,
        table: &TokenizerTable,
        parts: Vec<PartResult>,
    ) -> Result<Vec<CountFile>> {
        let mut runs: Vec<_> = parts.into_iter().flat_map(|part| part.counts).collect();
        if let Some(counting) = self.counting {
            runs.extend(counting.write_kept(self.run)?);
        }
        tokens::merge_counts(self.run, &table.by, runs)
    }

    /// Publishes the tokenizer, the smaller ones that are cut from it, and the table of how well
    /// they encode each group.
    fn write_tokenizers(
        &self,
        tokenizer: &Tokenizer,
        table: &TokenizerTable,
        counts: &[CountFile],
    ) -> Result<Vec<FileEntry>> {
        let json = tokenizer.to_json();
        let mut files = vec![self.run.publish_bytes(layout::TOKENIZER, json.as_bytes())?];
        for size in &table.also {
            let smaller = tokenizer.cut_to(*size)?.to_json();
            files.push(self.run.publish_bytes(&tokens::smaller_name(*size), smaller.as_bytes())?);
        }
        if self.options.until != Until::Reported {
            return Ok(files);
        }
        let sizes = tokens::sizes(tokenizer, &table.also);
        let found = tokens::efficiencies(tokenizer, counts, &sizes)?;
        files.push(tokens::write_efficiencies(self.run, &found)?);
        Ok(files)
    }

    /// Encodes the documents that are not encoded yet, and writes the shards.
    ///
    /// # Errors
    /// Documents cannot be read, a file cannot be written, or the observer asked to stop.
    pub(super) fn shards(
        &self,
        parts: &[usize],
        tokenizer: &AnyTokenizer,
    ) -> Result<ShardManifest> {
        let table = &self.recipe.shards;
        // With a tokenizer file, the documents were already encoded as they left the last segment.
        let encoding = match self.encoding {
            Some(encoding) => encoding,
            None => &Encoding::new(tokenizer.clone(), table.validation_fraction)?,
        };
        let undone = |part: &usize| {
            self.encoding.is_none() && self.run.done(&tokens::tokens_task(*part)).is_none()
        };
        let done = parts.iter().filter(|part| !undone(part)).count() as u64;
        let name = if self.encoding.is_some() { "shards" } else { "encode" };
        self.timed(name, ("parts", parts.len() as u64, done), || {
            let files = self.documents(parts);
            parts.par_iter().zip(&files).with_max_len(1).try_for_each(|(part, file)| {
                if undone(part) {
                    tokens::encode_part(self.run, encoding, file, *part, self.observer)?;
                    self.observer.event(&Event::Advance { units: 1 });
                }
                Ok::<_, PipelineError>(())
            })?;
            let shards = tokens::write_shards(self.run, table, encoding, parts, self.observer)?;
            let outcome = format!(
                "{} training tokens, {} held out",
                shards.tokens(Split::Train),
                shards.tokens(Split::Validation)
            );
            Ok((shards, outcome))
        })
    }

    fn documents(&self, parts: &[usize]) -> Vec<PathBuf> {
        let last = self.plan.steps.len() - 1;
        parts.iter().map(|part| self.run.path(&self.plan.documents_path(last, *part))).collect()
    }
}
