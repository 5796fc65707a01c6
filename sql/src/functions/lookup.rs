//! `lookup(key, 'FILE', 'column')` and `lookup_words(key, 'FILE', 'column')`: the value of a key,
//! such as a language, in a table of thresholds. NULL where the table has no value, or where the
//! file's name is empty.

use std::sync::Arc;

use arrow::array::{Float64Builder, ListBuilder, StringBuilder};
use arrow::datatypes::{DataType, Field};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::ScalarUDF;

use super::text_function::{Evaluate, text_function_with};
use crate::Files;
use crate::thresholds::Thresholds;

/// `lookup`: a number.
pub(super) fn lookup(files: Files) -> ScalarUDF {
    text_function_with("lookup", 2..=2, DataType::Float64, move |constants| {
        let (table, column) = open(&files, "lookup", constants, Thresholds::check_numbers)?;
        let evaluate: Arc<Evaluate> = Arc::new(move |keys, rows| {
            let mut numbers = Float64Builder::with_capacity(rows);
            for key in keys {
                numbers.append_option(key.and_then(|key| table.number(key, &column)));
            }
            Arc::new(numbers.finish())
        });
        Ok(evaluate)
    })
}

/// `lookup_words`: a list of words.
pub(super) fn lookup_words(files: Files) -> ScalarUDF {
    let output = DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)));
    text_function_with("lookup_words", 2..=2, output, move |constants| {
        let (table, column) = open(&files, "lookup_words", constants, Thresholds::check_words)?;
        let evaluate: Arc<Evaluate> = Arc::new(move |keys, _| {
            let mut lists = ListBuilder::new(StringBuilder::new());
            for key in keys {
                let words = key.and_then(|key| table.words(key, &column));
                lists.append_option(words.map(|words| words.into_iter().map(Some)));
            }
            Arc::new(lists.finish())
        });
        Ok(evaluate)
    })
}

/// The table and the column that the constants name, once `check` accepts the column.
fn open(
    files: &Files,
    name: &str,
    constants: &[String],
    check: fn(&Thresholds, &str) -> std::result::Result<(), String>,
) -> Result<(Arc<Thresholds>, String)> {
    let [file, column] = constants else {
        return plan_err!("{name}() takes a key, a file and a column");
    };
    if file.is_empty() {
        return Ok((Arc::default(), column.clone()));
    }
    let table = files.get("table", file, Thresholds::read)?;
    match check(&table, column) {
        Ok(()) => Ok((table, column.clone())),
        Err(error) => plan_err!("the table `{file}`: {error}"),
    }
}
