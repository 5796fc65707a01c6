//! `keep = "ORDER BY …"`: ranks documents by bytes that sort like the ORDER BY list.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, BinaryArray};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use arrow::row::{RowConverter, Rows, SortField};
use datafusion::common::DFSchema;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_expr::PhysicalExpr;

use crate::input::input_table;
use crate::planning::logical_plan;
use crate::{Session, SqlError, guard};

/// An ordering of documents, the best first.
#[derive(Clone)]
pub struct Order {
    expressions: Vec<Arc<dyn PhysicalExpr>>,
    converter: Arc<Mutex<RowConverter>>,
}

/// The statement whose plan has the list; the list follows.
const STATEMENT: &str = "SELECT * FROM docs ORDER BY ";

impl Order {
    /// Plans an ORDER BY list such as `length(text) DESC, date` over documents with the columns of
    /// `input`. The words `ORDER BY` before it are optional.
    ///
    /// # Errors
    /// The list is refused.
    pub fn plan(session: &Session, list: &str, input: &SchemaRef) -> Result<Self, SqlError> {
        let wanted = list.trim_start();
        let wanted = match wanted.split_at_checked("order by".len()) {
            Some((start, rest)) if start.eq_ignore_ascii_case("order by") => rest,
            _ => wanted,
        };
        let sql = format!("{STATEMENT}{wanted}");
        let in_list = |error| moved(error, list.len() - wanted.len());
        let context = session.context()?;
        context.register_table("docs", input_table(input.clone())?)?;
        let state = context.state();
        let statement = guard::parse(&state, &sql, &["docs"]).map_err(in_list)?;
        let plan = logical_plan(&state, statement, &sql).map_err(in_list)?;
        let LogicalPlan::Sort(sort) = plan else {
            return Err(SqlError::refused(
                format!("`{}` is not an ORDER BY list", wanted.trim()),
                "for example `length(text) DESC`",
            ));
        };
        let schema = DFSchema::try_from(input.as_ref().clone())?;
        let mut expressions = Vec::new();
        let mut fields = Vec::new();
        for key in sort.expr {
            let expression = state.create_physical_expr(unqualified(key.expr)?, &schema)?;
            let options =
                arrow::compute::SortOptions { descending: !key.asc, nulls_first: key.nulls_first };
            fields.push(SortField::new_with_options(expression.data_type(input)?, options));
            expressions.push(expression);
        }
        let converter = Arc::new(Mutex::new(RowConverter::new(fields)?));
        Ok(Self { expressions, converter })
    }

    /// A key for each document: the smallest bytes belong to the best document.
    ///
    /// # Errors
    /// An expression of the list fails on a document.
    pub fn keys(&self, documents: &RecordBatch) -> Result<BinaryArray, SqlError> {
        let rows = self.rows(&self.evaluate(documents)?)?;
        Ok(BinaryArray::from_iter_values(rows.iter().map(|row| row.data().to_vec())))
    }

    /// For each document the values of the list as bytes, which are equal where the values are
    /// equal; NULL where all values are NULL.
    ///
    /// # Errors
    /// An expression of the list fails on a document.
    pub fn values(&self, documents: &RecordBatch) -> Result<BinaryArray, SqlError> {
        let columns = self.evaluate(documents)?;
        let rows = self.rows(&columns)?;
        let nulls: Vec<_> = columns.iter().map(Array::logical_nulls).collect();
        let is_null = |row: usize| nulls.iter().all(|n| n.as_ref().is_some_and(|n| n.is_null(row)));
        let values = rows.iter().enumerate();
        Ok(values.map(|(row, value)| (!is_null(row)).then(|| value.data().to_vec())).collect())
    }

    fn evaluate(&self, documents: &RecordBatch) -> Result<Vec<ArrayRef>, SqlError> {
        let evaluate =
            |e: &Arc<dyn PhysicalExpr>| e.evaluate(documents)?.into_array(documents.num_rows());
        Ok(self.expressions.iter().map(evaluate).collect::<Result<_, _>>()?)
    }

    fn rows(&self, columns: &[ArrayRef]) -> Result<Rows, SqlError> {
        let converter = self.converter.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(converter.convert_columns(columns)?)
    }
}

/// An error about the statement as one about the list, which starts at byte `start` of the user's
/// text.
fn moved(error: SqlError, start: usize) -> SqlError {
    match error {
        SqlError::Refused { message, span, help } => {
            let moved = |at: usize| Some(at.checked_sub(STATEMENT.len())? + start);
            let span = span.and_then(|span| Some(moved(span.start)?..moved(span.end)?));
            SqlError::Refused { message, span, help }
        }
        other => other,
    }
}

/// The expression with its columns named as in a batch, which has no table's name.
fn unqualified(
    expression: datafusion::logical_expr::Expr,
) -> Result<datafusion::logical_expr::Expr, SqlError> {
    use datafusion::common::tree_node::{Transformed, TreeNode as _};
    use datafusion::logical_expr::Expr;
    let transformed = expression.transform(|node| {
        Ok(match node {
            Expr::Column(column) => {
                Transformed::yes(Expr::Column(datafusion::common::Column::from_name(column.name)))
            }
            other => Transformed::no(other),
        })
    })?;
    Ok(transformed.data)
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Order").field("expressions", &self.expressions).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DOCUMENT, Resources};

    #[test]
    fn a_refusal_points_into_the_list() {
        let session = Session::new(16 << 20, &Resources::default()).unwrap();
        for list in [" lenght(text) DESC", "order by  date, lenght(text)", "date FROM lenght"] {
            let error = Order::plan(&session, list, &DOCUMENT).unwrap_err();
            let SqlError::Refused { span: Some(span), .. } = &error else { panic!("{error}") };
            assert!(["lenght", "FROM"].contains(&&list[span.clone()]), "{error}: {span:?}");
        }
    }
}
