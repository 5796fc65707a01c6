//! `distinct_words(text, words)` and `distinct_words(text, words, 'SEGMENTER')`: how many words of
//! a list occur in a text. Case matters.

use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, UInt64Builder};
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};

use text::signals::StopWords;
use text::words::Segmenter;

use super::signals::segmenter;
use super::text_function::texts;

/// The function. It has no state, so all its values are equal.
#[derive(Debug, PartialEq, Eq, Hash)]
struct DistinctWords {
    signature: Signature,
}

pub(super) fn function() -> ScalarUDF {
    let signature = Signature::one_of(
        vec![TypeSignature::Any(2), TypeSignature::Any(3)],
        Volatility::Immutable,
    );
    ScalarUDF::new_from_impl(DistinctWords { signature })
}

impl ScalarUDFImpl for DistinctWords {
    fn name(&self) -> &'static str {
        "distinct_words"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::UInt64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (Some(text), Some(words)) = (args.args.first(), args.args.get(1)) else {
            return exec_err!("distinct_words() takes a text and a list of words");
        };
        let segmenter = match args.args.get(2) {
            Some(ColumnarValue::Scalar(name)) => match name.try_as_str() {
                Some(Some(name)) => segmenter(Some(name))?,
                _ => return exec_err!("the segmenter of distinct_words() is not a text: {name}"),
            },
            Some(ColumnarValue::Array(_)) => {
                return exec_err!("the segmenter of distinct_words() must be a constant");
            }
            None => Segmenter::default(),
        };
        let (text, words) = (text.to_array(args.number_rows)?, words.to_array(args.number_rows)?);
        let Some(lists) = words.as_list_opt::<i32>() else {
            return exec_err!(
                "distinct_words() takes a list of words, found {}",
                words.data_type()
            );
        };
        let mut counts = UInt64Builder::with_capacity(args.number_rows);
        for (text, list) in texts(&text)?.zip(lists.iter()) {
            let count = match (text, list) {
                (Some(text), Some(list)) => {
                    Some(StopWords::new(texts(&list)?.flatten()).distinct_in(text, segmenter))
                }
                _ => None,
            };
            counts.append_option(count);
        }
        Ok(ColumnarValue::Array(Arc::new(counts.finish())))
    }
}
