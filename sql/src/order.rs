//! `keep = "ORDER BY …"`: which of several documents is the best, as bytes that sort.

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
use crate::{Session, SqlError, guard};

/// An ordering of documents; the first in order is the best.
#[derive(Clone)]
pub struct Order {
    expressions: Vec<Arc<dyn PhysicalExpr>>,
    converter: Arc<Mutex<RowConverter>>,
}

impl Order {
    /// Plans an ORDER BY list such as `length(text) DESC, date` over documents with the columns of
    /// `input`; a leading `ORDER BY` may be written or left out.
    pub fn plan(session: &Session, list: &str, input: &SchemaRef) -> Result<Self, SqlError> {
        let list = list.trim();
        let list = match list.get(..8) {
            Some(start) if start.eq_ignore_ascii_case("order by") => &list[8..],
            _ => list,
        };
        let sql = format!("SELECT * FROM docs ORDER BY {list}");
        let context = session.context()?;
        context.register_table("docs", input_table(input.clone())?)?;
        let state = context.state();
        let statement = guard::parse(&state, &sql, &["docs"])?;
        let statement = datafusion::sql::parser::Statement::Statement(Box::new(statement));
        let plan = crate::session::block_on(state.statement_to_plan(statement))?
            .map_err(|error| SqlError::of_plan(&error, &sql))?;
        let LogicalPlan::Sort(sort) = plan else {
            return Err(SqlError::refused(
                format!("`{list}` is no ordering"),
                "write it as after ORDER BY, for example `length(text) DESC`",
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

    /// For each document bytes that sort as the documents do: the smallest is the best.
    pub fn keys(&self, documents: &RecordBatch) -> Result<BinaryArray, SqlError> {
        let rows = self.rows(&self.evaluate(documents)?)?;
        Ok(BinaryArray::from_iter_values(rows.iter().map(|row| row.data().to_vec())))
    }

    /// For each document bytes that are equal where the values are; NULL where all values are.
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

/// The expression without the table's name, as columns of a bare batch.
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
