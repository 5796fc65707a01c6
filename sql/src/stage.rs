//! One SQL stage: checked and planned before any document is read.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::common::tree_node::{TreeNode as _, TreeNodeRecursion};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use toml::Value;

use crate::input::input_table;
use crate::parameters::{bind, parameters, substitute};
use crate::planning::{logical_plan, refusal};
use crate::session::block_on;
use crate::{DOC_ID, DROP_REASON, Session, SqlError, TEXT, guard};

/// A stage before planning.
#[derive(Debug, Clone)]
pub struct StageText {
    /// The stage's name in the ledger.
    pub name: String,
    /// Its SQL, with parameters.
    pub sql: String,
    /// The values that the recipe gives its parameters.
    pub with: BTreeMap<String, Value>,
}

/// A planned stage.
#[derive(Clone)]
pub(crate) struct Stage {
    name: String,
    plan: Arc<dyn ExecutionPlan>,
    task: Arc<TaskContext>,
    output: SchemaRef,
}

/// The only table a stage sees.
const TABLE: &str = "docs";

impl Stage {
    /// Checks and plans a stage whose input has the columns of `input`.
    pub(crate) fn plan(
        session: &Session,
        text: &StageText,
        input: &SchemaRef,
    ) -> Result<Self, SqlError> {
        let context = session.context()?;
        context.register_table(TABLE, input_table(input.clone())?)?;
        let values = bind(&parameters(&text.sql)?, &text.with)?;
        let state = context.state();
        let mut statement = guard::parse(&state, &text.sql, &[TABLE])?;
        substitute(&mut statement, &values, &text.sql)?;
        let refused = |error| refusal(&error, &text.sql);
        let plan = logical_plan(&state, statement, &text.sql)?;
        // The optimizer may remove an operator that the check would find.
        check_rows(&plan)?;
        let plan = state.optimize(&plan).map_err(refused)?;
        check_columns(plan.schema().as_arrow())?;
        let plan = block_on(state.query_planner().create_physical_plan(&plan, &state))?
            .map_err(refused)?;
        let output = without_reason(&plan.schema());
        Ok(Self { name: text.name.clone(), plan, task: context.task_ctx(), output })
    }

    /// The stage's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The columns of the documents that it keeps.
    pub(crate) fn output(&self) -> &SchemaRef {
        &self.output
    }

    pub(crate) fn physical_plan(&self) -> &Arc<dyn ExecutionPlan> {
        &self.plan
    }

    pub(crate) fn task(&self) -> &Arc<TaskContext> {
        &self.task
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Refuses plans in which a row depends on other documents, or a document becomes several rows.
fn check_rows(plan: &LogicalPlan) -> Result<(), SqlError> {
    let mut found = None;
    plan.apply(|node| {
        found = match node {
            LogicalPlan::Aggregate(_) => Some("GROUP BY or an aggregate function"),
            LogicalPlan::Distinct(_) => Some("DISTINCT"),
            LogicalPlan::Window(_) => Some("a window function"),
            LogicalPlan::Join(_) => Some("a join"),
            LogicalPlan::Sort(_) => Some("ORDER BY"),
            LogicalPlan::Limit(_) => Some("LIMIT"),
            LogicalPlan::Union(_) => Some("UNION"),
            LogicalPlan::Unnest(_) => Some("unnest"),
            LogicalPlan::RecursiveQuery(_) => Some("a recursive query"),
            LogicalPlan::Values(_) | LogicalPlan::EmptyRelation(_) => {
                Some("rows that are not documents")
            }
            _ => None,
        };
        Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    match found {
        None => Ok(()),
        Some(what) => Err(SqlError::refused(
            format!("a stage sees each document on its own, this one has {what}"),
            "return one row for each row of docs; `exact` and `minhash` compare documents, and \
             `gristmill sql` counts over a finished run",
        )),
    }
}

/// Refuses a stage whose result lacks a column that the fence or a later stage needs.
fn check_columns(schema: &Schema) -> Result<(), SqlError> {
    let field = |name: &str| schema.column_with_name(name).map(|(_, field)| field);
    let select = "begin with `SELECT *, CASE WHEN … THEN 'reason' END AS drop_reason FROM docs`";
    let Some(reason) = field(DROP_REASON) else {
        return Err(SqlError::refused(
            "the stage has no column `drop_reason`",
            format!("NULL keeps a document, a text drops it with that reason; {select}"),
        ));
    };
    if !is_text(reason.data_type()) && *reason.data_type() != DataType::Null {
        return Err(SqlError::refused(
            format!("`drop_reason` is {}, it must be a text or NULL", reason.data_type()),
            "write `CASE WHEN … THEN 'reason' END AS drop_reason`",
        ));
    }
    match field(DOC_ID) {
        Some(doc_id) if *doc_id.data_type() == DataType::UInt64 => {}
        _ => {
            return Err(SqlError::refused(
                "the stage loses the column `doc_id`, by which documents are accounted for",
                select,
            ));
        }
    }
    match field(TEXT) {
        Some(text) if is_text(text.data_type()) => Ok(()),
        _ => Err(SqlError::refused("the stage loses the column `text`", select)),
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn without_reason(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().filter(|f| f.name() != DROP_REASON).cloned();
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
