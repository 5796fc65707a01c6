//! `signals(text)` → a struct with one field for each quality signal of `text::signals`.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StructArray, UInt64Array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::logical_expr::ScalarUDF;
use text::signals::{FIELDS, FieldKind, Value, measure};
use text::words::Segmenter;

use super::text_function::{Texts, text_function};

pub(super) fn function() -> ScalarUDF {
    text_function("signals", DataType::Struct(fields()), evaluate)
}

fn fields() -> Fields {
    FIELDS.iter().map(|field| Field::new(field.name, data_type(field.kind), true)).collect()
}

fn data_type(kind: FieldKind) -> DataType {
    match kind {
        FieldKind::Count => DataType::UInt64,
        FieldKind::Fraction | FieldKind::Real => DataType::Float64,
    }
}

fn evaluate(texts: &mut Texts<'_>, rows: usize) -> ArrayRef {
    let mut columns: Vec<Vec<Value>> = vec![Vec::with_capacity(rows); FIELDS.len()];
    let mut valid = Vec::with_capacity(rows);
    for text in texts {
        let signals = measure(text.unwrap_or_default(), Segmenter::default());
        for (column, value) in columns.iter_mut().zip(signals.values()) {
            column.push(value);
        }
        valid.push(text.is_some());
    }
    let columns = FIELDS.iter().zip(columns).map(|(field, values)| column(field.kind, &values));
    Arc::new(StructArray::new(fields(), columns.collect(), Some(NullBuffer::from(valid))))
}

fn column(kind: FieldKind, values: &[Value]) -> ArrayRef {
    match data_type(kind) {
        DataType::UInt64 => {
            Arc::new(values.iter().map(|v| v.as_f64() as u64).collect::<UInt64Array>())
        }
        _ => Arc::new(values.iter().map(|v| v.as_f64()).collect::<Float64Array>()),
    }
}
