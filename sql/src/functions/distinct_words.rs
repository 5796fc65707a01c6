//! `distinct_words(text, words)`: how many of the words of a list occur in a text.

use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, UInt64Builder};
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::text_function::texts;

/// The function; it has no state, so that all its values are equal.
#[derive(Debug, PartialEq, Eq, Hash)]
struct DistinctWords {
    signature: Signature,
}

pub(super) fn function() -> ScalarUDF {
    let signature = Signature::any(2, Volatility::Immutable);
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
        let [text, words] = args.args.as_slice() else {
            return exec_err!("distinct_words() takes a text and a list of words");
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
                    let wanted: std::collections::BTreeSet<&str> =
                        texts(&list)?.flatten().collect();
                    let found = text::words::words(text).filter_map(|word| wanted.get(word));
                    Some(found.collect::<std::collections::BTreeSet<_>>().len() as u64)
                }
                _ => None,
            };
            counts.append_option(count);
        }
        Ok(ColumnarValue::Array(Arc::new(counts.finish())))
    }
}
