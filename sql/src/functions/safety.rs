//! `unsafe_score(text)` → struct(nsfw, toxicity, profanity), each from 0 to 1.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Builder, StructArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::logical_expr::ScalarUDF;

use super::text_function::{Texts, text_function};

pub(super) fn function() -> ScalarUDF {
    text_function("unsafe_score", DataType::Struct(fields()), evaluate)
}

fn fields() -> Fields {
    ["nsfw", "toxicity", "profanity"]
        .map(|name| Field::new(name, DataType::Float32, true))
        .into_iter()
        .collect()
}

fn evaluate(texts: &mut Texts<'_>, rows: usize) -> ArrayRef {
    let mut columns: [Float32Builder; 3] =
        std::array::from_fn(|_| Float32Builder::with_capacity(rows));
    let mut valid = Vec::with_capacity(rows);
    for text in texts {
        let score = text.map(text::safety::score);
        columns[0].append_option(score.as_ref().map(|s| s.nsfw));
        columns[1].append_option(score.as_ref().map(|s| s.toxicity));
        columns[2].append_option(score.as_ref().map(|s| s.profanity));
        valid.push(score.is_some());
    }
    let columns = columns.into_iter().map(|mut c| Arc::new(c.finish()) as ArrayRef).collect();
    Arc::new(StructArray::new(fields(), columns, Some(NullBuffer::from(valid))))
}
