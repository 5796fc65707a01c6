//! Text classifiers: trains a fastText model on labelled documents and evaluates it.

use std::sync::{Arc, Mutex};

use arrow::array::AsArray as _;
use serde::Serialize;
use serde_json::Value;
use store::{Event, Observer};
use text::fasttext::{Example, Model, Scratch, TrainOptions};

use crate::documents::{Losses, PartDocuments};
use crate::error::{PipelineError, Result};
use crate::inputs::Inputs;
use crate::recipe::Recipe;

/// A text and its label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelledText {
    /// The label; it contains no white space.
    pub label: String,
    /// The text.
    pub text: String,
}

/// Labelled texts in the order of their files, split into a training and a test set.
#[derive(Debug, Clone, Default)]
pub struct LabelledTexts {
    /// Texts to train on.
    pub training: Vec<LabelledText>,
    /// Texts to evaluate on.
    pub held_out: Vec<LabelledText>,
    /// Number of records that are damaged or have no label.
    pub unusable: u64,
}

/// The quality of a model on texts that it was not trained on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// Number of texts.
    pub documents: u64,
    /// Fraction of texts whose most probable label is the true one.
    pub accuracy: f64,
    /// One entry per label, sorted by name.
    pub labels: Vec<LabelEvaluation>,
}

/// The quality of a model for one label against all others.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelEvaluation {
    /// The label.
    pub label: String,
    /// Number of texts with this label.
    pub documents: u64,
    /// Of the texts that the model gave this label, the fraction that have it. `None` if there are
    /// no such texts.
    pub precision: Option<f64>,
    /// Of the texts that have this label, the fraction that the model gave it. `None` if there are
    /// no such texts.
    pub recall: Option<f64>,
    /// Area under the ROC curve of the label's probability. `None` if all texts have the label, or
    /// no text has it.
    pub auc: Option<f64>,
}

impl LabelledTexts {
    /// Reads the texts of a recipe's sources. The field `label_field` of a record is its label. The
    /// hash of a text decides whether it is held out, so copies of a text are never on both sides.
    ///
    /// # Errors
    /// The sources cannot be read, no record has a label, or the texts take more than half the
    /// memory.
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
                        "the labelled texts take more than {limit} bytes, half the memory; \
                         raise --memory or use fewer texts"
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

/// The label of a record, from a string, number or boolean. White space becomes `_`, since fastText
/// separates labels by spaces. `None` if there is no such field or it has another type.
fn label_of(fields: &str, label_field: &str) -> Option<String> {
    // Values are copied from the input unchecked. A record with broken JSON counts as unusable.
    let fields: Value = serde_json::from_str(fields).ok()?;
    let label = match fields.get(label_field)? {
        Value::String(label) => label.trim().replace(char::is_whitespace, "_"),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        _ => return None,
    };
    (!label.is_empty()).then_some(label)
}

/// Trains a model on the training texts.
///
/// # Errors
/// No model can be trained with these options or labels.
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
    Model::train(&examples, options, progress).map_err(|error| {
        PipelineError::Labels(format!("the classifier cannot be trained: {error}"))
    })
}

/// Evaluates a model on labelled texts.
pub fn evaluate(model: &Model, texts: &[LabelledText]) -> Evaluation {
    let labels: Vec<String> =
        model.labels().map(|label| label.trim_start_matches("__label__").to_owned()).collect();
    let mut scratch = Scratch::default();
    let mut right = 0_u64;
    // Per label: its probability for each text and whether the text has it; then how often the
    // model chose it, and how often it was right.
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
    Evaluation { documents, accuracy: share(right, documents).unwrap_or(0.0), labels: rows }
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
