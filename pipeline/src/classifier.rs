//! Text classifiers: labelled documents in, a fastText model and what it is worth out.

use std::sync::{Arc, Mutex};

use arrow::array::AsArray as _;
use serde::Serialize;
use serde_json::Value;
use text::fasttext::{Example, Model, Scratch, TrainOptions};

use crate::documents::{Losses, PartDocuments};
use crate::error::{PipelineError, Result};
use crate::inputs::Inputs;
use crate::recipe::Recipe;
use store::{Event, Observer};

/// A text and its label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelledText {
    /// The label, without white space.
    pub label: String,
    /// The text.
    pub text: String,
}

/// Labelled texts in the order of their files; those that are held out measure a model that learned
/// from the others.
#[derive(Debug, Clone, Default)]
pub struct LabelledTexts {
    /// To learn from.
    pub training: Vec<LabelledText>,
    /// To measure with.
    pub held_out: Vec<LabelledText>,
    /// Records that have no label, or are damaged.
    pub unusable: u64,
}

/// What a model is worth on texts that it did not learn from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// Texts.
    pub documents: u64,
    /// Share of texts whose likeliest label is theirs.
    pub accuracy: f64,
    /// Label by label, in the order of their names.
    pub labels: Vec<LabelEvaluation>,
}

/// What a model is worth for one label against all others.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelEvaluation {
    /// The label.
    pub label: String,
    /// Texts that have it.
    pub documents: u64,
    /// Share of the texts judged so that are so; `None` where none was.
    pub precision: Option<f64>,
    /// Share of the texts that are so that were judged so.
    pub recall: Option<f64>,
    /// Area under the ROC curve of the label's probability; `None` where all texts or none have it.
    pub auc: Option<f64>,
}

impl LabelledTexts {
    /// Reads the texts of a recipe's sources, with the label in the field `label_field` of each record.
    /// A text is held out by its hash, so that copies stay on one side.
    ///
    /// # Errors
    /// The sources cannot be read; there are no labels; the texts take more than half the memory.
    pub fn read(recipe: &Recipe, label_field: &str, held_out_fraction: f64) -> Result<Self> {
        let inputs = Arc::new(Inputs::survey(recipe, false)?);
        let limit = recipe.run.memory.as_u64() / 2;
        let mut labelled = Self::default();
        let mut bytes = 0;
        for part in 0..inputs.parts.len() {
            let losses = Arc::new(Mutex::new(Losses::default()));
            for documents in PartDocuments::new(inputs.clone(), part, losses.clone()) {
                let batch = documents?.batch;
                let texts = batch.column_by_name(sql::TEXT).and_then(|c| c.as_string_opt::<i64>());
                let fields =
                    batch.column_by_name("metadata").and_then(|c| c.as_string_opt::<i32>());
                let (Some(texts), Some(fields)) = (texts, fields) else { continue };
                for (text, fields) in texts.iter().zip(fields) {
                    let label = fields.and_then(|fields| label_of(fields, label_field));
                    let (Some(text), Some(label)) = (text, label) else {
                        labelled.unusable += 1;
                        continue;
                    };
                    bytes += text.len() as u64;
                    labelled.add(LabelledText { label, text: text.to_owned() }, held_out_fraction);
                }
                if bytes > limit {
                    let message = format!(
                        "the labelled texts take more than {limit} bytes, half the memory: \
                         give more with --memory, or fewer texts"
                    );
                    return Err(PipelineError::Labels(message));
                }
            }
            let losses = losses.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            labelled.unusable += losses.faults.len() as u64;
        }
        if labelled.training.is_empty() && labelled.held_out.is_empty() {
            let message = format!("no record has a text and a label in the field `{label_field}`");
            return Err(PipelineError::Labels(message));
        }
        Ok(labelled)
    }

    fn add(&mut self, labelled: LabelledText, held_out_fraction: f64) {
        let place = text::hash::xxh3(&labelled.text) as f64 / u64::MAX as f64;
        let side = if place < held_out_fraction { &mut self.held_out } else { &mut self.training };
        side.push(labelled);
    }
}

/// The label of a record: a text, number or truth value, white space as `_`.
fn label_of(fields: &str, label_field: &str) -> Option<String> {
    let fields: Value = serde_json::from_str(fields).ok()?;
    let label = match fields.get(label_field)? {
        Value::String(label) => label.trim().replace(char::is_whitespace, "_"),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        _ => return None,
    };
    (!label.is_empty()).then_some(label)
}

/// Trains a model on the texts to learn from.
///
/// # Errors
/// The options or labels are such that no model can be trained.
pub fn train(
    labelled: &LabelledTexts,
    options: &TrainOptions,
    observer: &dyn Observer,
) -> Result<Model> {
    let examples: Vec<Example<'_>> = labelled
        .training
        .iter()
        .map(|one| Example { labels: vec![one.label.as_str()], text: &one.text })
        .collect();
    observer.event(&Event::Begin { step: "train".into(), unit: "percent", total: 100, done: 0 });
    let mut done = 0;
    let progress = |progress: text::fasttext::Progress| {
        let now = (progress.done * 100.0) as u64;
        observer.event(&Event::Advance { units: now.saturating_sub(done) });
        done = now;
    };
    Model::train(&examples, options, progress)
        .map_err(|error| PipelineError::Labels(format!("no classifier: {error}")))
}

/// Measures a model on labelled texts.
pub fn evaluate(model: &Model, texts: &[LabelledText]) -> Evaluation {
    let labels: Vec<String> =
        model.labels().map(|label| label.trim_start_matches("__label__").to_owned()).collect();
    let mut scratch = Scratch::default();
    let mut right = 0_u64;
    // By label: its probability in each text, and whether the text has it; how often it was judged.
    let mut scores: Vec<Vec<(f64, bool)>> = vec![Vec::with_capacity(texts.len()); labels.len()];
    let mut judged: Vec<(u64, u64)> = vec![(0, 0); labels.len()];
    for one in texts {
        let predictions = model.predict_with(&mut scratch, &one.text, labels.len(), 0.0);
        let mut probabilities = vec![0.0; labels.len()];
        for prediction in predictions {
            probabilities[prediction.label] = f64::from(prediction.probability);
        }
        let own = labels.iter().position(|label| *label == one.label);
        if let Some(best) = predictions.first() {
            judged[best.label].0 += 1;
            judged[best.label].1 += u64::from(Some(best.label) == own);
            right += u64::from(Some(best.label) == own);
        }
        for (label, probability) in probabilities.into_iter().enumerate() {
            scores[label].push((probability, Some(label) == own));
        }
    }
    let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
    let mut rows: Vec<LabelEvaluation> = labels
        .into_iter()
        .zip(scores)
        .zip(judged)
        .map(|((label, scores), (judged, found))| {
            let documents = scores.iter().filter(|(_, is)| *is).count() as u64;
            let (precision, recall) = (share(found, judged), share(found, documents));
            LabelEvaluation {
                label,
                documents,
                precision,
                recall,
                auc: text::metrics::roc_auc(scores),
            }
        })
        .collect();
    rows.sort_by(|a, b| a.label.cmp(&b.label));
    let documents = texts.len() as u64;
    Evaluation { documents, accuracy: share(right, documents).unwrap_or_default(), labels: rows }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_texts_numbers_or_truth_values() {
        let label = |fields: &str| label_of(fields, "label");
        assert_eq!(label(r#"{"label": " good page "}"#).as_deref(), Some("good_page"));
        assert_eq!(label(r#"{"label": 3}"#).as_deref(), Some("3"));
        assert_eq!(label(r#"{"label": false}"#).as_deref(), Some("false"));
        for none in [r#"{"label": ""}"#, r#"{"label": null}"#, r#"{"label": []}"#, "{}", "not json"]
        {
            assert_eq!(label(none), None, "{none}");
        }
    }

    #[test]
    fn copies_of_a_text_are_on_one_side() {
        let mut texts = LabelledTexts::default();
        for n in 0..200 {
            let one = || LabelledText { label: "a".into(), text: format!("text {n}") };
            texts.add(one(), 0.3);
            texts.add(one(), 0.3);
        }
        assert_eq!(texts.training.len() + texts.held_out.len(), 400);
        assert!((60..180).contains(&texts.held_out.len()), "{}", texts.held_out.len());
        let of = |side: &[LabelledText]| -> std::collections::BTreeSet<String> {
            side.iter().map(|one| one.text.clone()).collect()
        };
        assert!(of(&texts.training).is_disjoint(&of(&texts.held_out)));
    }
}
