//! Queries over the run's tables.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::{Array as _, AsArray as _, LargeStringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef};
use bug::OrBug as _;
use sql::{Query, Resources, Session, Table};
use tables::{run_tables, table_schema};

use crate::error::{ReportError, Result};
use crate::format::{LOOKED_AT_CHARACTERS, document_name, excerpt};

/// Memory limit of the queries.
const QUERY_MEMORY_BYTES: usize = 256 << 20;

/// The tables that a run has.
pub(super) struct Ask {
    query: Query,
    schemas: BTreeMap<String, SchemaRef>,
}

/// A row of a query's result, its cells as text.
pub(super) struct Row<'a> {
    columns: &'a [LargeStringArray],
    row: usize,
}

/// A document that is shown as an example.
pub(super) struct Specimen {
    /// Its name.
    pub(super) name: String,
    /// The beginning of its text.
    pub(super) excerpt: String,
}

impl Row<'_> {
    /// The text in column `column`; NULL is empty.
    pub(super) fn text(&self, column: usize) -> &str {
        let cells = &self.columns[column];
        if cells.is_null(self.row) { "" } else { cells.value(self.row) }
    }

    /// The whole number in column `column`; NULL is 0.
    ///
    /// # Errors
    /// The cell holds anything else, which is a mistake in the query.
    pub(super) fn number(&self, column: usize) -> Result<u64> {
        let cells = &self.columns[column];
        if cells.is_null(self.row) {
            return Ok(0);
        }
        let text = cells.value(self.row);
        let what = format!("column {column} of a report's query holds `{text}`, not a count");
        Ok(text.parse::<u64>().or_bug(&what)?)
    }
}

impl Ask {
    /// Opens the tables of the run in `root`.
    pub(super) fn open(root: &Path) -> Result<Self> {
        let tables: Vec<Table> = run_tables(root)?
            .into_iter()
            .map(|table| Table { name: table.name, files: table.files })
            .collect();
        let session = Session::new(QUERY_MEMORY_BYTES, &Resources::default())?;
        let mut schemas = BTreeMap::new();
        for table in &tables {
            if let Some(file) = table.files.first() {
                schemas.insert(table.name.clone(), table_schema(file)?);
            }
        }
        Ok(Self { query: Query::open(&session, &tables)?, schemas })
    }

    /// True if the run has the table.
    pub(super) fn has(&self, table: &str) -> bool {
        self.schemas.contains_key(table)
    }

    /// The type of a column, if the run has this table and the table has this column.
    pub(super) fn column(&self, table: &str, column: &str) -> Option<&DataType> {
        let field = self.schemas.get(table)?.field_with_name(column);
        field.ok().map(arrow::datatypes::Field::data_type)
    }

    /// True if the column exists and holds text.
    pub(super) fn has_text(&self, table: &str, column: &str) -> bool {
        self.column(table, column).is_some_and(is_text)
    }

    /// Runs a query and passes each row of the result to `each`, in order.
    pub(super) fn each(
        &self,
        sql: &str,
        mut each: impl FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        for batch in self.query.rows(sql)? {
            let batch = batch?;
            let columns = batch.columns().iter().map(|column| {
                cast(column, &DataType::LargeUtf8).map(|text| text.as_string::<i64>().clone())
            });
            let columns = columns
                .collect::<std::result::Result<Vec<_>, _>>()
                .map_err(|error| ReportError::Sql(error.into()))?;
            for row in 0..batch.num_rows() {
                each(&Row { columns: &columns, row })?;
            }
        }
        Ok(())
    }

    /// Those of the documents `doc_ids` that are in `table`, by `doc_id`.
    pub(super) fn specimens(
        &self,
        table: &str,
        doc_ids: &[u64],
    ) -> Result<BTreeMap<u64, Specimen>> {
        let mut specimens = BTreeMap::new();
        if doc_ids.is_empty() || !self.has(table) {
            return Ok(specimens);
        }
        // A stage may have replaced or removed a column.
        let column = |name: &'static str| if self.has_text(table, name) { name } else { "NULL" };
        let ids: Vec<String> = doc_ids.iter().map(u64::to_string).collect();
        let sql = format!(
            "SELECT doc_id, {}, {}, {}, substr({}, 1, {LOOKED_AT_CHARACTERS}) \
             FROM {table} WHERE doc_id IN ({}) ORDER BY doc_id",
            column("id"),
            column("url"),
            column("path"),
            column("text"),
            ids.join(", ")
        );
        self.each(&sql, |row| {
            let name = document_name(row.text(1), row.text(2), row.text(3));
            specimens.insert(row.number(0)?, Specimen { name, excerpt: excerpt(row.text(4)) });
            Ok(())
        })?;
        Ok(specimens)
    }
}

/// True for text types.
pub(super) fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}
