//! A scalar function of one text column and constants, made from its name, result type and loop.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, exec_err, internal_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    TypeSignature, Volatility,
};

/// The texts of a column; NULL is `None`.
pub(crate) type Texts<'a> = dyn Iterator<Item = Option<&'a str>> + 'a;

/// The loop of a function: takes the texts and their number, returns a column of the same length.
pub(crate) type Evaluate = dyn Fn(&mut Texts<'_>, usize) -> ArrayRef + Send + Sync;

/// Makes the loop from the constants. It runs when a statement is planned, where its error refuses
/// the statement, and again for each batch, so it must cache whatever is expensive.
type Prepare = dyn Fn(&[String]) -> Result<Arc<Evaluate>> + Send + Sync;

/// A function `name(text, constants…) -> output`. Two are equal if their names are.
#[derive(Clone)]
pub(crate) struct TextFunction {
    name: &'static str,
    signature: Signature,
    output: DataType,
    prepare: Arc<Prepare>,
}

/// A function of a text alone.
pub(crate) fn text_function(
    name: &'static str,
    output: DataType,
    evaluate: impl Fn(&mut Texts<'_>, usize) -> ArrayRef + Send + Sync + 'static,
) -> ScalarUDF {
    let evaluate: Arc<Evaluate> = Arc::new(evaluate);
    text_function_with(name, 0..=0, output, move |_| Ok(evaluate.clone()))
}

/// A function of a text and of constants, such as the name of a file; the range says how many.
pub(crate) fn text_function_with(
    name: &'static str,
    constants: RangeInclusive<usize>,
    output: DataType,
    prepare: impl Fn(&[String]) -> Result<Arc<Evaluate>> + Send + Sync + 'static,
) -> ScalarUDF {
    let forms = constants.map(|constants| TypeSignature::Any(1 + constants)).collect();
    let signature = Signature::one_of(forms, Volatility::Immutable);
    TextFunction { name, signature, output, prepare: Arc::new(prepare) }.into()
}

/// The texts of an array of any of Arrow's three string types.
pub(crate) fn texts(array: &dyn Array) -> Result<Box<Texts<'_>>> {
    match array.data_type() {
        DataType::Utf8 => Ok(Box::new(array.as_string::<i32>().iter())),
        DataType::LargeUtf8 => Ok(Box::new(array.as_string::<i64>().iter())),
        DataType::Utf8View => Ok(Box::new(array.as_string_view().iter())),
        DataType::Null => Ok(Box::new(std::iter::repeat_n(None, array.len()))),
        other => exec_err!("expected a text column, found {other}"),
    }
}

/// A constant as text, such as `true`, `5` or `en`.
fn text_of(constant: &ScalarValue) -> String {
    constant.try_as_str().flatten().map_or_else(|| constant.to_string(), str::to_owned)
}

impl ScalarUDFImpl for TextFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        internal_err!("the type of {}() depends on its constants", self.name)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let mut constants = Vec::new();
        for (index, argument) in args.scalar_arguments.iter().enumerate().skip(1) {
            let Some(constant) = argument else {
                return plan_err!(
                    "argument {} of {}() must be a constant, the same for all documents",
                    index + 1,
                    self.name
                );
            };
            constants.push(text_of(constant));
        }
        (self.prepare)(&constants)?;
        Ok(Arc::new(Field::new(self.name, self.output.clone(), true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some((text, rest)) = args.args.split_first() else {
            return exec_err!("{}() takes a text", self.name);
        };
        let mut constants = Vec::new();
        for argument in rest {
            match argument {
                ColumnarValue::Scalar(value) => constants.push(text_of(value)),
                ColumnarValue::Array(_) => {
                    return exec_err!("{}() takes constants after the text", self.name);
                }
            }
        }
        let evaluate = (self.prepare)(&constants)?;
        let array = text.to_array(args.number_rows)?;
        let mut texts = texts(&array)?;
        Ok(ColumnarValue::Array(evaluate(&mut *texts, args.number_rows)))
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
