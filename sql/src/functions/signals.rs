//! `signals(text)` and `signals(text, 'SEGMENTER')` → a struct with one field for each quality
//! signal of `text::signals`.

use std::cell::RefCell;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StructArray, UInt64Array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, plan_datafusion_err};
use datafusion::logical_expr::ScalarUDF;
use text::signals::{FIELDS, FieldKind, Scratch, Signals, Value, measure_with};
use text::words::Segmenter;

use super::text_function::{Evaluate, Texts, text_function_with};

/// How many texts' signals a thread remembers. Some batches are enough for a stage not to measure
/// again what the stage before it measured. About 2 MiB per thread.
const REMEMBERED: usize = 4 * crate::BATCH_ROWS_MAX;

/// What a thread keeps between texts: the signals of some texts, each with its text's hash, and the
/// buffers for measuring.
#[derive(Default)]
struct Memory {
    signals: Vec<Option<(u128, Segmenter, Signals)>>,
    scratch: Scratch,
}

thread_local! {
    static MEMORY: RefCell<Memory> = RefCell::default();
}

pub(super) fn function() -> ScalarUDF {
    text_function_with("signals", 0..=1, DataType::Struct(fields()), |constants| {
        let segmenter = segmenter(constants.first().map(String::as_str))?;
        let evaluate: Arc<Evaluate> = Arc::new(move |texts, rows| evaluate(segmenter, texts, rows));
        Ok(evaluate)
    })
}

/// The segmenter of that name, or the default.
pub(super) fn segmenter(name: Option<&str>) -> Result<Segmenter> {
    let Some(name) = name else { return Ok(Segmenter::default()) };
    name.parse().map_err(|error| plan_datafusion_err!("there is no segmenter `{name}`: {error}"))
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

fn evaluate(segmenter: Segmenter, texts: &mut Texts<'_>, rows: usize) -> ArrayRef {
    let mut columns: Vec<Vec<Value>> = vec![Vec::with_capacity(rows); FIELDS.len()];
    let mut valid = Vec::with_capacity(rows);
    for text in texts {
        // The row of a NULL is masked, so its signals are never seen.
        let signals = text.map_or_else(Signals::default, |text| remembered(text, segmenter));
        for (column, value) in columns.iter_mut().zip(signals.values()) {
            column.push(value);
        }
        valid.push(text.is_some());
    }
    let columns = FIELDS.iter().zip(columns).map(|(field, values)| column(field.kind, &values));
    Arc::new(StructArray::new(fields(), columns.collect(), Some(NullBuffer::from(valid))))
}

/// The signals of a text, from memory where the text's 128-bit hash is found there.
fn remembered(text: &str, segmenter: Segmenter) -> Signals {
    let hash = text::hash::exact_key(text);
    MEMORY.with_borrow_mut(|memory| {
        memory.signals.resize(REMEMBERED, None);
        let slot = &mut memory.signals[hash as usize % REMEMBERED];
        match slot {
            Some((found, by, signals)) if *found == hash && *by == segmenter => *signals,
            _ => {
                let signals = measure_with(text, segmenter, &mut memory.scratch);
                *slot = Some((hash, segmenter, signals));
                signals
            }
        }
    })
}

fn column(kind: FieldKind, values: &[Value]) -> ArrayRef {
    match data_type(kind) {
        DataType::UInt64 => {
            Arc::new(values.iter().map(|v| v.as_f64() as u64).collect::<UInt64Array>())
        }
        _ => Arc::new(values.iter().map(|v| v.as_f64()).collect::<Float64Array>()),
    }
}
