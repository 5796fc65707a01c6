//! Measuring a model: on the documents of a dataset by source, and on questions with choices.

use std::collections::BTreeMap;
use std::path::Path;

use encoder::AnyTokenizer;
use model::{
    ChoiceAccuracy, Evaluation, Lanes, Question, choice_accuracy, evaluate_sources,
};
use serde::{Deserialize, Serialize};
use shards::dataset::{ShardManifest, Split, read_token_bytes};

use crate::data::{Documents, Gathered};
use crate::dataset;
use crate::error::{Result, TrainingError};
use crate::folder::ModelFolder;

/// The row of all sources together.
const ALL: &str = "all";

/// The loss on the documents of one source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceEvaluation {
    /// The source; `all` is all of them together.
    pub source: String,
    /// The loss.
    #[serde(flatten)]
    pub evaluation: Evaluation,
    /// e to the nats a token.
    pub perplexity: f64,
}

/// Measures a model on a half of a dataset: on all of it and on each source, on `tokens_max` tokens each
/// at most, whole documents from the first on.
pub fn evaluate_dataset(
    of: &ModelFolder,
    folder: &Path,
    split: Split,
    tokens_max: u64,
) -> Result<Vec<SourceEvaluation>> {
    let manifest = ShardManifest::read(folder)?;
    let before = if split == Split::Train { 0 } else { manifest.documents(Split::Train) };
    let half = manifest.documents(split);
    if half == 0 {
        let message = format!("{}: the half `{}` is empty", folder.display(), split.as_str());
        return Err(TrainingError::Refused(message));
    }
    let documents = Documents::open(folder, split)?;
    let mut numbers: BTreeMap<String, Vec<u64>> =
        BTreeMap::from([(ALL.into(), (0..half).collect())]);
    let rows: Vec<u64> = (before..before + half).collect();
    for row in dataset::documents(folder, Some(&rows))?.into_iter().flatten() {
        let source = row.source.filter(|source| !source.is_empty());
        numbers
            .entry(source.unwrap_or_else(|| "no name".into()))
            .or_default()
            .push(row.row - before);
    }
    if numbers.len() == 2 {
        // One source is all.
        numbers.retain(|source, _| source == ALL);
    }
    let gathered: Vec<(String, Gathered)> = numbers
        .into_iter()
        .map(|(source, numbers)| (source, documents.some(numbers.into_iter(), tokens_max)))
        .collect();
    let model = &of.model;
    let context = model.config().context as u64;
    let long_enough = |tokens: u64| tokens > context;
    let sources: Vec<(&str, &dyn model::TokenSource)> = gathered
        .iter()
        .filter(|(_, tokens)| long_enough(model::TokenSource::n_tokens(tokens)))
        .map(|(source, tokens)| (source.as_str(), tokens as &dyn model::TokenSource))
        .collect();
    if sources.is_empty() {
        let message = format!("there are fewer tokens than one row of {context} has");
        return Err(TrainingError::Refused(message));
    }
    let token_bytes = token_bytes(of, folder, &manifest)?;
    let lanes = Lanes::for_device(&of.device)?;
    let found = evaluate_sources(model, &sources, &token_bytes, 0, &lanes)?;
    let named = |(source, evaluation): (&str, Evaluation)| SourceEvaluation {
        source: source.into(),
        evaluation,
        perplexity: evaluation.perplexity(),
    };
    Ok(found.into_iter().map(named).collect())
}

fn token_bytes(of: &ModelFolder, folder: &Path, manifest: &ShardManifest) -> Result<Vec<u32>> {
    let table = read_token_bytes(folder, manifest)?;
    let is_known = table.is_some();
    let mut table: Vec<u32> = table.unwrap_or_default().into_iter().map(u32::from).collect();
    if is_known {
        of.check_tokens(&table, folder)?;
    }
    table.resize(of.model.config().vocab_size, 0);
    Ok(table)
}

/// A line of a task's file.
#[derive(Debug, Deserialize)]
struct TaskLine {
    /// What stands before the choices.
    #[serde(alias = "question", alias = "ctx", alias = "query")]
    context: String,
    /// The choices.
    #[serde(alias = "endings")]
    choices: Vec<String>,
    /// The number of the right one, from 0.
    #[serde(alias = "label", alias = "gold")]
    answer: usize,
}

/// Measures a model on a task: JSON lines with `context`, `choices` and `answer`. Choices are scored by
/// their likelihood after the context, with a space between where neither has one.
pub fn evaluate_task(of: &ModelFolder, file: &Path) -> Result<ChoiceAccuracy> {
    let tokenizer = of.tokenizer()?;
    let name = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|source| TrainingError::Refused(format!("{name}: {source}")))?;
    let mut encoder = tokenizer.encoder();
    let mut questions = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let refused = |message: String| {
            TrainingError::Refused(format!("{name}, line {}: {message}", number + 1))
        };
        let line: TaskLine = serde_json::from_str(line).map_err(|error| {
            refused(format!(
                "{error}; a line is {{\"context\": …, \"choices\": […], \"answer\": 0}}"
            ))
        })?;
        if line.answer >= line.choices.len() {
            let n = line.choices.len();
            return Err(refused(format!("`answer` is {}, and there are {n} choices", line.answer)));
        }
        questions.push(question(tokenizer, &mut encoder, &line)?);
    }
    if questions.is_empty() {
        return Err(TrainingError::Refused(format!("{name}: there is no question")));
    }
    Ok(choice_accuracy(&of.model, &questions, &Lanes::for_device(&of.device)?)?)
}

fn question(
    tokenizer: &AnyTokenizer,
    encoder: &mut encoder::AnyEncoder,
    line: &TaskLine,
) -> Result<Question> {
    let mut context: Vec<u32> = tokenizer.end_of_text().into_iter().collect();
    encoder.encode(&line.context, &mut context)?;
    let mut choices = Vec::new();
    for choice in &line.choices {
        let touching =
            line.context.ends_with(char::is_whitespace) || choice.starts_with(char::is_whitespace);
        let choice = if touching { choice.clone() } else { format!(" {choice}") };
        let mut ids = Vec::new();
        encoder.encode(&choice, &mut ids)?;
        choices.push((ids, choice.len()));
    }
    Ok(Question { context, choices, answer: line.answer })
}
