//! Evaluation of a model: by source on a dataset's documents, and on multiple-choice questions.

use std::collections::BTreeMap;
use std::path::Path;

use encoder::AnyTokenizer;
use model::{ChoiceAccuracy, Evaluation, Lanes, Question, choice_accuracy, evaluate_sources};
use serde::{Deserialize, Serialize};
use shards::dataset::{ShardManifest, Split, read_token_bytes};

use crate::data::{Documents, Gathered};
use crate::dataset;
use crate::error::{Result, TrainingError};
use crate::folder::ModelFolder;

/// The name of the row for all sources together.
const ALL: &str = "all";

/// The loss on the documents of one source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceEvaluation {
    /// The name of the source, or `all` for all sources together.
    pub source: String,
    /// The loss.
    #[serde(flatten)]
    pub evaluation: Evaluation,
    /// e to the power of the loss in nats per token.
    pub perplexity: f64,
}

/// Evaluates a model on a half of a dataset, as a whole and by source.
///
/// Each evaluation reads at most `tokens_max` tokens, in whole documents from the first on.
///
/// # Errors
/// The half is empty or shorter than one row, its tokens are those of another tokenizer, the
/// dataset cannot be read, or the model cannot compute.
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
        // The only source equals `all`.
        numbers.retain(|source, _| source == ALL);
    }
    let mut gathered: Vec<(String, Gathered)> = Vec::new();
    for (source, numbers) in numbers {
        gathered.push((source, documents.some(numbers.into_iter(), tokens_max)?));
    }
    let model = &of.model;
    let context = model.config().context as u64;
    let long_enough = |tokens: u64| tokens > context;
    let sources: Vec<(&str, &dyn model::TokenSource)> = gathered
        .iter()
        .filter(|(_, tokens)| long_enough(model::TokenSource::n_tokens(tokens)))
        .map(|(source, tokens)| (source.as_str(), tokens as &dyn model::TokenSource))
        .collect();
    if sources.is_empty() {
        let message = format!("there are not enough tokens for one row of {context}");
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
    let vocab_size = of.model.config().vocab_size;
    // Datasets that were imported without a tokenizer have no table.
    let Some(table) = read_token_bytes(folder, manifest)? else { return Ok(vec![0; vocab_size]) };
    let mut table: Vec<u32> = table.into_iter().map(u32::from).collect();
    of.check_tokens(&table, folder)?;
    table.resize(vocab_size, 0);
    Ok(table)
}

/// A line of a task file.
#[derive(Debug, Deserialize)]
struct TaskLine {
    /// The text before the choices.
    #[serde(alias = "question", alias = "ctx", alias = "query")]
    context: String,
    /// The choices.
    #[serde(alias = "endings")]
    choices: Vec<String>,
    /// The index of the right choice, from 0.
    #[serde(alias = "label", alias = "gold")]
    answer: usize,
}

/// Evaluates a model on a task: JSON lines with `context`, `choices` and `answer`.
///
/// Choices are scored by their likelihood after the context. Where neither the context ends nor the
/// choice begins with white space, a space is inserted.
///
/// # Errors
/// The file cannot be read or has an invalid line, or the model has no tokenizer or cannot compute.
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
                "{error}; write {{\"context\": …, \"choices\": […], \"answer\": 0}} per line"
            ))
        })?;
        if line.answer >= line.choices.len() {
            let n = line.choices.len();
            return Err(refused(format!(
                "`answer` is {}, but there are {n} choices (the first is 0)",
                line.answer
            )));
        }
        questions.push(question(tokenizer, &mut encoder, &line)?);
    }
    if questions.is_empty() {
        return Err(TrainingError::Refused(format!("{name}: there are no questions")));
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
