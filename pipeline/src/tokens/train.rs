//! Training a tokenizer on counts.

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;
use store::{Event, Observer, timed};
use tokenizer::{Tokenizer, TrainConfig, Trainer, WordCounts, temperature_weights};

use super::counts::{CountFile, damaged, merged};
use super::merges;
use crate::error::{PipelineError, Result};

/// Words between two checks whether the user asked to stop.
const WORDS_PER_LOOK: usize = 1 << 16;

/// The most tables that the trainer takes. More are first merged in parallel, in pairs.
const TABLES_AT_ONCE: usize = 2;

/// Merges between two progress events.
const MERGES_PER_EVENT: usize = 64;

/// Weights with a fraction are multiplied by this factor and rounded. The scale does not matter,
/// since merges depend only on the ratios of counts.
const WEIGHT_FACTOR: f64 = 1000.0;

/// The weights of the groups of documents in training.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mix {
    /// The weights of groups by name; other groups have weight 1.
    pub weights: BTreeMap<String, f64>,
    /// Makes the shares of groups more equal: the new share is proportional to share^(1/T).
    pub temperature: Option<f64>,
}

impl Mix {
    /// The factor for the counts of each file.
    fn weights(&self, files: &[CountFile]) -> Result<Vec<u64>> {
        let known = |name: &String| files.iter().any(|file| file.group == *name);
        if let Some(unknown) = self.weights.keys().find(|name| !known(name)) {
            let groups: Vec<&str> = files.iter().map(|file| file.group.as_str()).collect();
            let groups = groups.join(", ");
            let message =
                format!("a weight is given for `{unknown}`; there are counts of {groups}");
            return Err(PipelineError::NothingToLearn(message));
        }
        if let Some(temperature) = self.temperature {
            let total = |file: &CountFile| Ok(file.totals()?.words);
            let totals = files.iter().map(total).collect::<Result<Vec<u64>>>()?;
            return Ok(temperature_weights(&totals, 1.0 / temperature));
        }
        let whole = self.weights.values().all(|weight| weight.fract() == 0.0);
        let factor = if whole { 1.0 } else { WEIGHT_FACTOR };
        let weight = |file: &CountFile| {
            let weight = self.weights.get(&file.group).copied().unwrap_or(1.0);
            (weight * factor).round() as u64
        };
        Ok(files.iter().map(weight).collect())
    }
}

/// Like [`train`], reported to the observer as a separate step.
///
/// # Errors
/// As for [`train`].
pub fn train_alone(
    files: &[CountFile],
    mix: &Mix,
    config: &TrainConfig,
    observer: &dyn Observer,
) -> Result<Tokenizer> {
    timed(observer, "tokenizer", ("merges", merges(config), 0), || {
        let trained = train(files, mix, config, observer)?;
        let outcome = format!("{} tokens", trained.vocab_size());
        Ok((trained, outcome))
    })
}

/// Trains a tokenizer on the counts of `files`, with the split that made them. Progress is reported
/// in merges.
///
/// # Errors
/// A file cannot be read or is damaged, splits differ, there is no word, or the observer asked to
/// stop.
pub fn train(
    files: &[CountFile],
    mix: &Mix,
    config: &TrainConfig,
    observer: &dyn Observer,
) -> Result<Tokenizer> {
    let weights = mix.weights(files)?;
    let paths = || files.iter().map(|file| file.path.as_path());
    let mut words = merged(paths().zip(weights))?;
    // Without files there is no split; the error for missing words follows below.
    let split = words.split().unwrap_or(config.split);
    let mut trainer = Trainer::new(&TrainConfig { split, ..config.clone() });
    let mut n_words = 0_usize;
    loop {
        match words.next_word() {
            Ok(Some((word, count))) => trainer.add_word(word, count),
            Ok(None) => break,
            Err(error) => return Err(damaged(paths(), &error)),
        }
        n_words += 1;
        if n_words.is_multiple_of(WORDS_PER_LOOK) && observer.should_stop() {
            return Err(PipelineError::Stopped);
        }
    }
    if n_words == 0 {
        return Err(nothing(files));
    }
    Ok(trainer.train(&mut progress(observer))?)
}

/// Like [`train`], on counts in memory. The counts of a word in several tables are added up.
///
/// # Errors
/// The tokenizer cannot be trained with this configuration.
pub(crate) fn train_tables(
    mut tables: Vec<WordCounts>,
    config: &TrainConfig,
    observer: &dyn Observer,
) -> Result<Tokenizer> {
    let merge = |mut all: WordCounts, table| {
        all.merge(&table);
        all
    };
    while tables.len() > TABLES_AT_ONCE {
        let pairs = tables.into_par_iter().chunks(2);
        tables = pairs.filter_map(|pair| pair.into_iter().reduce(merge)).collect();
    }
    let mut trainer = Trainer::new(config);
    trainer.add_tables(&tables);
    drop(tables);
    Ok(trainer.train(&mut progress(observer))?)
}

/// Reports merges to the observer while they are made.
fn progress(observer: &dyn Observer) -> impl FnMut(usize, usize) {
    let mut told = 0;
    move |done, _| {
        if done >= told + MERGES_PER_EVENT {
            observer.event(&Event::Advance { units: (done - told) as u64 });
            told = done;
        }
    }
}

/// The error for counts without words.
fn nothing(files: &[CountFile]) -> PipelineError {
    if files.is_empty() || files.iter().any(|file| is_of_run(&file.path)) {
        return PipelineError::NothingToLearn(
            "no document was kept, so there is nothing to train a tokenizer on; \
             `gristmill sql RUN \"select stage, reason, sum(documents) from ledger \
             group by 1, 2\"` shows what dropped them"
                .into(),
        );
    }
    PipelineError::NothingToLearn("the count files have no words".into())
}

/// Whether a count file lies in a run directory, where `counts/` is next to `recipe.toml`.
fn is_of_run(path: &Path) -> bool {
    path.parent().and_then(Path::parent).is_some_and(|root| root.join("recipe.toml").is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Vec<CountFile> {
        let file = |group: &str| CountFile { group: group.into(), path: "nowhere".into() };
        vec![file("en"), file("fr")]
    }

    fn weights(weights: &[(&str, f64)]) -> Result<Vec<u64>> {
        let weights = weights.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect();
        Mix { weights, temperature: None }.weights(&files())
    }

    #[test]
    fn weights_keep_their_ratios_as_whole_numbers() {
        assert_eq!(weights(&[]).unwrap(), [1, 1]);
        assert_eq!(weights(&[("fr", 3.0)]).unwrap(), [1, 3]);
        assert_eq!(weights(&[("fr", 2.5)]).unwrap(), [1000, 2500]);
        assert_eq!(weights(&[("en", 0.0)]).unwrap(), [0, 1]);
    }

    #[test]
    fn a_weight_of_an_unknown_group_is_refused() {
        let error = weights(&[("de", 2.0)]).unwrap_err().to_string();
        assert!(error.contains("`de`") && error.contains("en, fr"), "{error}");
    }
}
