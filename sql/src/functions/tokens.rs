//! The tokens of a text by the run's tokenizer: `n_tokens(text)`, `encode(text)` and
//! `token_pieces(text)`.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, ListBuilder, StringBuilder, UInt32Builder, UInt64Builder};
use arrow::datatypes::{DataType, Field};
use bug::OrBug as _;
use datafusion::common::{DataFusionError, Result, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use encoder::AnyTokenizer;

use super::text_function::texts;

/// What a function returns of the tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Output {
    /// Their number.
    Count,
    /// Their ids.
    Ids,
    /// Their texts. Bytes that are not whole characters become U+FFFD.
    Pieces,
}

#[derive(Clone)]
struct Tokens {
    output: Output,
    signature: Signature,
    tokenizer: Option<AnyTokenizer>,
}

/// `n_tokens(text)`: the number of tokens.
pub(super) fn count(tokenizer: Option<AnyTokenizer>) -> ScalarUDF {
    function(Output::Count, tokenizer)
}

/// `encode(text)`: the ids of the tokens.
pub(super) fn encode(tokenizer: Option<AnyTokenizer>) -> ScalarUDF {
    function(Output::Ids, tokenizer)
}

/// `token_pieces(text)`: the text of each token.
pub(super) fn pieces(tokenizer: Option<AnyTokenizer>) -> ScalarUDF {
    function(Output::Pieces, tokenizer)
}

fn function(output: Output, tokenizer: Option<AnyTokenizer>) -> ScalarUDF {
    let signature = Signature::string(1, Volatility::Immutable);
    ScalarUDF::new_from_impl(Tokens { output, signature, tokenizer })
}

impl ScalarUDFImpl for Tokens {
    fn name(&self) -> &'static str {
        match self.output {
            Output::Count => "n_tokens",
            Output::Ids => "encode",
            Output::Pieces => "token_pieces",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        if self.tokenizer.is_none() {
            return plan_err!(
                "{}() needs a tokenizer that exists before the stages run: \
                 give one with `[tokenizer] file = \"tokenizer.json\"` or `--tokenizer FILE`",
                self.name()
            );
        }
        let list = |of| DataType::List(Arc::new(Field::new_list_field(of, true)));
        Ok(match self.output {
            Output::Count => DataType::UInt64,
            Output::Ids => list(DataType::UInt32),
            Output::Pieces => list(DataType::Utf8),
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (Some(tokenizer), Some(argument)) = (&self.tokenizer, args.args.first()) else {
            return plan_err!("{}() takes one text", self.name());
        };
        let array = argument.to_array(args.number_rows)?;
        let texts = texts(&array)?;
        let mut encoder = tokenizer.encoder();
        let mut encode = |text: &str| {
            let mut ids = Vec::new();
            encoder.encode(text, &mut ids).map_err(external)?;
            Ok::<_, DataFusionError>(ids)
        };
        let piece = |id: u32| tokenizer.piece(id).or_bug("a token has no text").map_err(external);
        let column: ArrayRef = match self.output {
            Output::Count => {
                let mut counts = UInt64Builder::with_capacity(args.number_rows);
                for text in texts {
                    let ids = text.map(&mut encode).transpose()?;
                    counts.append_option(ids.map(|ids| ids.len() as u64));
                }
                Arc::new(counts.finish())
            }
            Output::Ids => {
                let mut lists = ListBuilder::new(UInt32Builder::new());
                for text in texts {
                    let ids = text.map(&mut encode).transpose()?;
                    lists.append_option(ids.map(|ids| ids.into_iter().map(Some)));
                }
                Arc::new(lists.finish())
            }
            Output::Pieces => {
                let mut lists = ListBuilder::new(StringBuilder::new());
                for text in texts {
                    let Some(ids) = text.map(&mut encode).transpose()? else {
                        lists.append_null();
                        continue;
                    };
                    for id in ids {
                        lists.values().append_value(piece(id)?);
                    }
                    lists.append(true);
                }
                Arc::new(lists.finish())
            }
        };
        Ok(ColumnarValue::Array(column))
    }
}

/// An error as the engine carries it.
fn external(error: impl std::error::Error + Send + Sync + 'static) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("output", &self.output).finish_non_exhaustive()
    }
}

impl PartialEq for Tokens {
    fn eq(&self, other: &Self) -> bool {
        let same = match (&self.tokenizer, &other.tokenizer) {
            (Some(a), Some(b)) => a.is_same(b),
            (None, None) => true,
            _ => false,
        };
        same && self.output == other.output
    }
}

impl Eq for Tokens {}

impl Hash for Tokens {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.output.hash(state);
        self.tokenizer.is_some().hash(state);
    }
}
