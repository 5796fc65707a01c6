//! `n_tokens(text)`: how many tokens the run's tokenizer makes of a text.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::UInt64Builder;
use arrow::datatypes::DataType;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use tokenizer::{Encoder, Tokenizer};

use super::text_function::texts;

#[derive(Clone)]
struct TokenCount {
    signature: Signature,
    tokenizer: Option<Arc<Tokenizer>>,
}

pub(super) fn function(tokenizer: Option<Arc<Tokenizer>>) -> ScalarUDF {
    let signature = Signature::string(1, Volatility::Immutable);
    ScalarUDF::new_from_impl(TokenCount { signature, tokenizer })
}

impl ScalarUDFImpl for TokenCount {
    fn name(&self) -> &'static str {
        "n_tokens"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        if self.tokenizer.is_none() {
            return plan_err!(
                "n_tokens() needs a tokenizer that exists before the stages run: \
                 give one with `[tokenizer] file = \"tokenizer.json\"` or `--tokenizer FILE`"
            );
        }
        Ok(DataType::UInt64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (Some(tokenizer), Some(argument)) = (&self.tokenizer, args.args.first()) else {
            return plan_err!("n_tokens() takes one text");
        };
        let array = argument.to_array(args.number_rows)?;
        let mut encoder = Encoder::new(tokenizer);
        let mut counts = UInt64Builder::with_capacity(args.number_rows);
        let mut tokens = Vec::new();
        for text in texts(&array)? {
            tokens.clear();
            counts.append_option(text.map(|text| {
                encoder.encode(text, &mut tokens);
                tokens.len() as u64
            }));
        }
        Ok(ColumnarValue::Array(Arc::new(counts.finish())))
    }
}

impl fmt::Debug for TokenCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCount").finish_non_exhaustive()
    }
}

impl PartialEq for TokenCount {
    fn eq(&self, other: &Self) -> bool {
        match (&self.tokenizer, &other.tokenizer) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        }
    }
}

impl Eq for TokenCount {}

impl Hash for TokenCount {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.tokenizer.as_ref().map(Arc::as_ptr).hash(state);
    }
}
