//! Read-only SQL over the tables of a run.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::execution::context::SessionContext;
use datafusion::execution::options::ParquetReadOptions;
use futures::StreamExt as _;

use crate::{Session, SqlError, guard};

/// A table: Parquet files with the same columns.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its name in SQL.
    pub name: String,
    /// Its files, in order.
    pub files: Vec<PathBuf>,
}

/// How much of the kept documents is in which language, source by source; there is one where a stage
/// told the languages.
const LANGUAGES: (&str, &str) = (
    "languages",
    "SELECT source, language, documents, bytes,
            CAST(bytes AS DOUBLE) / sum(bytes) OVER (PARTITION BY source) AS share
     FROM (SELECT source, language['code'] AS language, count(*) AS documents,
                  sum(octet_length(text)) AS bytes
           FROM docs GROUP BY source, language['code'])
     ORDER BY source, bytes DESC, language",
);

/// Tables that can be asked.
pub struct Query {
    context: SessionContext,
    tables: Vec<String>,
}

impl Query {
    /// Opens `tables`; those without files are left out.
    pub fn open(session: &Session, tables: &[Table]) -> Result<Self, SqlError> {
        let context = session.context()?;
        let mut names = Vec::new();
        for table in tables.iter().filter(|table| !table.files.is_empty()) {
            let files: Vec<String> =
                table.files.iter().map(|file| file.to_string_lossy().into_owned()).collect();
            let read = context.read_parquet(files, ParquetReadOptions::default());
            let frame = crate::session::block_on(read)??;
            context.register_table(&table.name, frame.into_view())?;
            names.push(table.name.clone());
        }
        let (name, sql) = LANGUAGES;
        // Without documents or their languages, the view cannot be planned, and is left out.
        if let Ok(frame) = crate::session::block_on(context.sql(sql))? {
            context.register_table(name, frame.into_view())?;
            names.push(name.to_owned());
        }
        Ok(Self { context, tables: names })
    }

    /// Runs one SELECT; `each` gets the rows as they come, batch by batch.
    pub fn run<E: From<SqlError>>(
        &self,
        sql: &str,
        mut each: impl FnMut(RecordBatch) -> Result<(), E>,
    ) -> Result<SchemaRef, E> {
        let state = self.context.state();
        let tables: Vec<&str> = self.tables.iter().map(String::as_str).collect();
        let statement = guard::parse(&state, sql, &tables)?;
        let statement = datafusion::sql::parser::Statement::Statement(Box::new(statement));
        let run = async {
            let plan = state
                .statement_to_plan(statement)
                .await
                .map_err(|error| SqlError::of_plan(&error, sql))?;
            let schema = Arc::new(plan.schema().as_arrow().clone());
            let frame = self.context.execute_logical_plan(plan).await.map_err(SqlError::from)?;
            let mut stream = frame.execute_stream().await.map_err(SqlError::from)?;
            while let Some(batch) = stream.next().await {
                each(batch.map_err(SqlError::from)?)?;
            }
            Ok(schema)
        };
        crate::session::block_on(run)?
    }
}
