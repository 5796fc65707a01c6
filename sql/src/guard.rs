//! What SQL may not do: anything but one SELECT over the tables it was given.

use std::ops::Range;

use datafusion::common::TableReference;
use datafusion::execution::session_state::SessionState;
use datafusion::sql::parser::Statement as DataFusionStatement;
use datafusion::sql::sqlparser::ast::{Spanned as _, Statement};

use crate::SqlError;
use crate::parameters::nearest;

/// Longest SQL text that is parsed; nesting deeper than the parser's own limit is its error.
const SQL_BYTES_MAX: usize = 1 << 20;

/// Parses `sql` and accepts one query over some of `tables`.
pub(crate) fn parse(
    state: &SessionState,
    sql: &str,
    tables: &[&str],
) -> Result<Statement, SqlError> {
    if sql.len() > SQL_BYTES_MAX {
        return Err(SqlError::refused(
            format!("the SQL text has {} bytes, at most {SQL_BYTES_MAX} are read", sql.len()),
            "join with a table of values instead of listing them",
        ));
    }
    let mut statements = datafusion::sql::parser::DFParser::parse_sql(sql)
        .map_err(|error| SqlError::of_plan(&error, sql))?;
    let Some(statement) = statements.pop_front() else {
        return Err(SqlError::refused("there is no statement", "write one SELECT"));
    };
    if let Some(second) = statements.pop_front() {
        return Err(SqlError::refused_at(
            "there are two statements",
            place(&second, sql),
            "write one SELECT; a second step is a stage of its own",
        ));
    }
    if !matches!(&statement, DataFusionStatement::Statement(s) if matches!(**s, Statement::Query(_)))
    {
        return Err(SqlError::refused_at(
            "only SELECT is allowed",
            place(&statement, sql),
            "a stage reads documents and returns documents; it cannot create, change or set anything",
        ));
    }
    for table in state.resolve_table_references(&statement)? {
        check_table(&table, sql, tables)?;
    }
    match statement {
        DataFusionStatement::Statement(statement) => Ok(*statement),
        _ => Err(SqlError::refused("only SELECT is allowed", "write one SELECT")),
    }
}

fn check_table(table: &TableReference, sql: &str, tables: &[&str]) -> Result<(), SqlError> {
    let known = matches!(table, TableReference::Bare { table } if tables.contains(&&**table));
    if known {
        return Ok(());
    }
    let name = table.to_string();
    let help = match nearest(&name, tables.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there is {}", tables.join(", ")),
    };
    let span = sql.find(table.table()).map(|at| at..at + table.table().len());
    Err(SqlError::refused_at(format!("there is no table `{name}` here"), span, help))
}

fn place(statement: &DataFusionStatement, sql: &str) -> Option<Range<usize>> {
    let start = match statement {
        DataFusionStatement::Statement(statement) => statement.span().start,
        _ => return first_word(sql, 0),
    };
    if start.line == 0 {
        return first_word(sql, 0);
    }
    let line: usize = sql.split_inclusive('\n').take(start.line as usize - 1).map(str::len).sum();
    let column = sql[line..].char_indices().nth(start.column as usize - 1)?.0;
    first_word(sql, line + column)
}

/// The first word of code at or after `from`, comments apart.
fn first_word(sql: &str, from: usize) -> Option<Range<usize>> {
    let mut start = from;
    for line in sql[from..].split_inclusive('\n') {
        let code = line.trim_start();
        if !code.is_empty() && !code.starts_with("--") {
            start += line.len() - code.len();
            let length = code.find(|c: char| !c.is_alphanumeric()).unwrap_or(code.len()).max(1);
            return Some(start..start + length);
        }
        start += line.len();
    }
    None
}
