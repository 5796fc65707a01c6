//! Functions of a text that return a number or a text.

use std::sync::Arc;

use arrow::array::{Float32Builder, LargeStringBuilder, UInt64Builder};
use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;

use super::text_function::text_function;

/// `xxh3(text)`: the 64-bit XXH3 hash of its UTF-8 bytes.
pub(super) fn xxh3() -> ScalarUDF {
    text_function("xxh3", DataType::UInt64, |texts, rows| {
        let mut hashes = UInt64Builder::with_capacity(rows);
        for text in texts {
            hashes.append_option(text.map(text::hash::xxh3));
        }
        Arc::new(hashes.finish())
    })
}

/// `simplify(text)`: the text in lower case, with digits as 0, without punctuation and marks, and
/// with single spaces. Deduplication compares this form.
pub(super) fn simplify() -> ScalarUDF {
    text_function("simplify", DataType::LargeUtf8, |texts, _| {
        let mut simplified = LargeStringBuilder::new();
        for text in texts {
            simplified.append_option(text.map(text::normalise::simplify));
        }
        Arc::new(simplified.finish())
    })
}

/// `quality_score(text)`: how much a text reads like good prose, from 0 to 1 (`text::quality`).
pub(super) fn quality_score() -> ScalarUDF {
    text_function("quality_score", DataType::Float32, |texts, rows| {
        let mut scores = Float32Builder::with_capacity(rows);
        for text in texts {
            scores.append_option(text.map(text::quality::score));
        }
        Arc::new(scores.finish())
    })
}
