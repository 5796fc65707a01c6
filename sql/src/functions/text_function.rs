//! A scalar function of one text column, described by its name, result type and loop.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// The texts of a column, NULL as `None`.
pub(crate) type Texts<'a> = dyn Iterator<Item = Option<&'a str>> + 'a;

type Evaluate = dyn Fn(&mut Texts<'_>, usize) -> ArrayRef + Send + Sync;

/// A function `name(text) -> output`; its identity is its name.
#[derive(Clone)]
pub(crate) struct TextFunction {
    name: &'static str,
    signature: Signature,
    output: DataType,
    evaluate: Arc<Evaluate>,
}

/// A function whose loop gets the texts and their number.
pub(crate) fn text_function(
    name: &'static str,
    output: DataType,
    evaluate: impl Fn(&mut Texts<'_>, usize) -> ArrayRef + Send + Sync + 'static,
) -> ScalarUDF {
    let signature = Signature::string(1, Volatility::Immutable);
    TextFunction { name, signature, output, evaluate: Arc::new(evaluate) }.into()
}

/// The texts of an array of any of Arrow's three string types.
pub(crate) fn texts(array: &dyn Array) -> Result<Box<Texts<'_>>> {
    match array.data_type() {
        DataType::Utf8 => Ok(Box::new(array.as_string::<i32>().iter())),
        DataType::LargeUtf8 => Ok(Box::new(array.as_string::<i64>().iter())),
        DataType::Utf8View => Ok(Box::new(array.as_string_view().iter())),
        DataType::Null => Ok(Box::new(std::iter::repeat_n(None, array.len()))),
        other => exec_err!("a text column was expected, found {other}"),
    }
}

impl ScalarUDFImpl for TextFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.output.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(argument) = args.args.first() else {
            return exec_err!("{}() takes one text", self.name);
        };
        let array = argument.to_array(args.number_rows)?;
        let mut texts = texts(&array)?;
        Ok(ColumnarValue::Array((self.evaluate)(&mut *texts, args.number_rows)))
    }
}

impl fmt::Debug for TextFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextFunction").field("name", &self.name).finish_non_exhaustive()
    }
}

impl PartialEq for TextFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for TextFunction {}

impl Hash for TextFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}
