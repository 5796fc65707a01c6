//! `classify(text, 'MODEL')` → struct(label, probability): the most probable label by a fastText
//! model; `classify(text, 'MODEL', 'LABEL')`: that label with its probability.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Builder, StringBuilder, StructArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::ScalarUDF;
use text::fasttext::{Model, Scratch};

use super::text_function::{Evaluate, Texts, text_function_with};
use crate::{Files, nearest};

/// The prefix of labels in fastText's files.
const LABEL_PREFIX: &str = "__label__";

pub(super) fn function(files: Files) -> ScalarUDF {
    text_function_with("classify", 1..=2, DataType::Struct(fields()), move |constants| {
        let [name, label @ ..] = constants else {
            return plan_err!("classify() takes a text and a model");
        };
        let model = model(&files, name)?;
        let label = label.first().map(|label| label_index(&model, label)).transpose()?;
        let evaluate: Arc<Evaluate> =
            Arc::new(move |texts, rows| evaluate(&model, label, texts, rows));
        Ok(evaluate)
    })
}

/// The model in a file, which is read once.
pub(super) fn model(files: &Files, name: &str) -> Result<Arc<Model>> {
    files.get("model", name, |content| {
        Model::from_bytes(&content.single()?).map_err(|error| error.to_string())
    })
}

/// Finds a label, which may be written with or without fastText's prefix.
fn label_index(model: &Model, label: &str) -> Result<usize> {
    let found =
        model.label_index(label).or_else(|| model.label_index(&format!("{LABEL_PREFIX}{label}")));
    let Some(index) = found else {
        let labels: Vec<String> = model.labels().map(|l| without_prefix(&l).to_owned()).collect();
        return match nearest(label, labels.iter().map(String::as_str)) {
            Some(near) => plan_err!("the model has no label `{label}`; did you mean `{near}`?"),
            None if labels.len() <= 20 => {
                plan_err!("the model has no label `{label}`; it has {}", labels.join(", "))
            }
            None => plan_err!("the model has no label `{label}` among its {}", labels.len()),
        };
    };
    Ok(index)
}

fn without_prefix(label: &str) -> &str {
    label.strip_prefix(LABEL_PREFIX).unwrap_or(label)
}

fn fields() -> Fields {
    Fields::from(vec![
        Field::new("label", DataType::Utf8, true),
        Field::new("probability", DataType::Float32, true),
    ])
}

fn evaluate(model: &Model, label: Option<usize>, texts: &mut Texts<'_>, rows: usize) -> ArrayRef {
    let mut labels = StringBuilder::new();
    let mut probabilities = Float32Builder::with_capacity(rows);
    let mut valid = Vec::with_capacity(rows);
    let mut scratch = Scratch::default();
    let wanted = if label.is_some() { usize::MAX } else { 1 };
    for text in texts {
        let predictions = text.map(|text| model.predict_with(&mut scratch, text, wanted, 0.0));
        let prediction = predictions.and_then(|predictions| match label {
            None => predictions.first(),
            Some(label) => predictions.iter().find(|prediction| prediction.label == label),
        });
        labels.append_option(prediction.map(|p| without_prefix(&model.label(p.label)).to_owned()));
        probabilities.append_option(prediction.map(|p| p.probability));
        valid.push(prediction.is_some());
    }
    let columns: Vec<ArrayRef> = vec![Arc::new(labels.finish()), Arc::new(probabilities.finish())];
    Arc::new(StructArray::new(fields(), columns, Some(NullBuffer::from(valid))))
}
