//! Read-only SQL over the tables of a run.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::context::SessionContext;
use datafusion::execution::options::ParquetReadOptions;
use futures::StreamExt as _;
use tokio::runtime::Runtime;

use crate::planning::logical_plan;
use crate::session::{block_on, runtime};
use crate::{Session, SqlError, TEXT, guard};

/// A table: Parquet files with the same columns.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its name in SQL.
    pub name: String,
    /// Its files, in order.
    pub files: Vec<PathBuf>,
}

/// The table of the kept documents.
const DOCUMENTS: &str = "docs";

/// A view: how many of the kept documents and of their bytes are in which language, by source.
const LANGUAGES: (&str, &str) = (
    "languages",
    "SELECT source, language, documents, bytes,
            CAST(bytes AS DOUBLE) / sum(bytes) OVER (PARTITION BY source) AS share
     FROM (SELECT source, language['code'] AS language, count(*) AS documents,
                  sum(octet_length(text)) AS bytes
           FROM docs GROUP BY source, language['code'])
     ORDER BY source, bytes DESC, language",
);

/// Open tables that SQL can read.
pub struct Query {
    context: SessionContext,
    tables: Vec<String>,
}

/// The rows of a result, batch by batch. Each batch is computed when it is asked for.
///
/// The engine is behind a box, so that callers do not compile it again.
pub struct Rows {
    schema: SchemaRef,
    batches: Box<dyn Iterator<Item = Result<RecordBatch, SqlError>>>,
}

impl Rows {
    /// The columns of the result.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }
}

impl Iterator for Rows {
    type Item = Result<RecordBatch, SqlError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.batches.next()
    }
}

impl Query {
    /// Opens `tables`, except those without files. Where a stage found the documents' languages,
    /// there is a view `languages` too.
    ///
    /// # Errors
    /// A file cannot be read or is not Parquet.
    pub fn open(session: &Session, tables: &[Table]) -> Result<Self, SqlError> {
        let context = session.context()?;
        let mut names = Vec::new();
        let mut has_languages = false;
        for table in tables.iter().filter(|table| !table.files.is_empty()) {
            let files: Vec<String> =
                table.files.iter().map(|file| file.to_string_lossy().into_owned()).collect();
            let frame = block_on(context.read_parquet(files, ParquetReadOptions::default()))??;
            has_languages |= table.name == DOCUMENTS && have_languages(frame.schema().as_arrow());
            context.register_table(&table.name, frame.into_view())?;
            names.push(table.name.clone());
        }
        if has_languages {
            let (name, sql) = LANGUAGES;
            let frame = block_on(context.sql(sql))??;
            context.register_table(name, frame.into_view())?;
            names.push(name.to_owned());
        }
        Ok(Self { context, tables: names })
    }

    /// Starts one SELECT.
    ///
    /// # Errors
    /// The statement is refused, or the engine cannot start it. Errors while it runs come as items
    /// of the rows.
    pub fn rows(&self, sql: &str) -> Result<Rows, SqlError> {
        let state = self.context.state();
        let tables: Vec<&str> = self.tables.iter().map(String::as_str).collect();
        let statement = guard::parse(&state, sql, &tables)?;
        let plan = logical_plan(&state, statement, sql)?;
        let schema = Arc::new(plan.schema().as_arrow().clone());
        let runtime = runtime()?;
        let stream = runtime.block_on(async {
            self.context.execute_logical_plan(plan).await?.execute_stream().await
        })?;
        Ok(Rows { schema, batches: Box::new(RunningQuery { stream: Some(stream), runtime }) })
    }
}

/// True for documents whose column `language` has a field `code`. A user's stage may have removed
/// the columns of the view, or given that name to something else.
fn have_languages(columns: &Schema) -> bool {
    let has = |name: &str| columns.column_with_name(name).is_some();
    let language = columns.column_with_name("language").map(|(_, field)| field.data_type());
    has("source")
        && has(TEXT)
        && match language {
            Some(DataType::Struct(fields)) => fields.iter().any(|field| field.name() == "code"),
            _ => false,
        }
}

/// A query on its way. Its stream is dropped before the runtime in which the stream's tasks live.
struct RunningQuery {
    stream: Option<SendableRecordBatchStream>,
    runtime: Runtime,
}

impl Iterator for RunningQuery {
    type Item = Result<RecordBatch, SqlError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.runtime.block_on(self.stream.as_mut()?.next());
        if !matches!(batch, Some(Ok(_))) {
            self.stream = None;
        }
        batch.map(|batch| batch.map_err(SqlError::from))
    }
}
