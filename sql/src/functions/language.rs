//! `language(text)` → struct(code, script, confidence); NULL where no language can be told.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Builder, StringBuilder, StructArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::logical_expr::ScalarUDF;

use super::text_function::{Texts, text_function};

pub(super) fn function() -> ScalarUDF {
    text_function("language", DataType::Struct(fields()), evaluate)
}

fn fields() -> Fields {
    Fields::from(vec![
        Field::new("code", DataType::Utf8, true),
        Field::new("script", DataType::Utf8, true),
        Field::new("confidence", DataType::Float32, true),
    ])
}

fn evaluate(texts: &mut Texts<'_>, rows: usize) -> ArrayRef {
    let (mut codes, mut scripts) = (StringBuilder::new(), StringBuilder::new());
    let mut confidences = Float32Builder::with_capacity(rows);
    let mut valid = Vec::with_capacity(rows);
    for text in texts {
        let language = text.and_then(text::language::detect);
        codes.append_option(language.as_ref().map(|l| l.code));
        scripts.append_option(language.as_ref().map(|l| l.script));
        confidences.append_option(language.as_ref().map(|l| l.confidence));
        valid.push(language.is_some());
    }
    let columns: Vec<ArrayRef> =
        vec![Arc::new(codes.finish()), Arc::new(scripts.finish()), Arc::new(confidences.finish())];
    Arc::new(StructArray::new(fields(), columns, Some(NullBuffer::from(valid))))
}
