//! `pii_mask(text)` and `pii_spans(text)`.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float32Builder, LargeStringBuilder, ListBuilder, StringBuilder, StructBuilder,
    UInt64Builder,
};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::logical_expr::ScalarUDF;

use super::text_function::{Texts, text_function};

/// The text with each e-mail address, IP address, phone, card and IBAN replaced by `<EMAIL>` ….
pub(super) fn mask() -> ScalarUDF {
    text_function("pii_mask", DataType::LargeUtf8, |texts, _| {
        let mut masked = LargeStringBuilder::new();
        for text in texts {
            masked.append_option(text.map(text::pii::mask));
        }
        Arc::new(masked.finish())
    })
}

/// A list of struct(start, end, kind, confidence); `start` and `end` are byte offsets.
pub(super) fn spans() -> ScalarUDF {
    let item = Field::new("item", DataType::Struct(fields()), true);
    text_function("pii_spans", DataType::List(Arc::new(item)), evaluate_spans)
}

fn fields() -> Fields {
    Fields::from(vec![
        Field::new("start", DataType::UInt64, true),
        Field::new("end", DataType::UInt64, true),
        Field::new("kind", DataType::Utf8, true),
        Field::new("confidence", DataType::Float32, true),
    ])
}

fn evaluate_spans(texts: &mut Texts<'_>, rows: usize) -> ArrayRef {
    let mut list = ListBuilder::new(StructBuilder::from_fields(fields(), rows));
    for text in texts {
        for span in text.map(text::pii::spans).unwrap_or_default() {
            append(list.values(), &span);
        }
        list.append(text.is_some());
    }
    Arc::new(list.finish())
}

fn append(row: &mut StructBuilder, span: &text::pii::Span) {
    if let Some(start) = row.field_builder::<UInt64Builder>(0) {
        start.append_value(span.start as u64);
    }
    if let Some(end) = row.field_builder::<UInt64Builder>(1) {
        end.append_value(span.end as u64);
    }
    if let Some(kind) = row.field_builder::<StringBuilder>(2) {
        kind.append_value(span.kind.as_str());
    }
    if let Some(confidence) = row.field_builder::<Float32Builder>(3) {
        confidence.append_value(span.confidence);
    }
    row.append(true);
}
