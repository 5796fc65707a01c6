//! What can be wrong with SQL, with the place in it.

use std::ops::Range;

use arrow::datatypes::Schema;
use datafusion::common::{DataFusionError, Diagnostic};

use crate::parameters::nearest;

/// A refused or failed piece of SQL.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SqlError {
    /// The statement cannot be accepted; nothing was run.
    #[error("{message}")]
    Refused {
        /// What is wrong, lower case.
        message: String,
        /// The place in the SQL text, in bytes.
        span: Option<Range<usize>>,
        /// The way out.
        help: Option<String>,
    },
    /// The engine failed while running.
    #[error("{0}")]
    Failed(String),
}

/// How the engine begins when it cannot plan `language(text).code`; it shows its own data then.
const DOT_ACCESS: &str = "dot access not supported";

impl SqlError {
    /// A refusal without a place.
    pub(crate) fn refused(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Refused { message: message.into(), span: None, help: Some(help.into()) }
    }

    /// A refusal at a place.
    pub(crate) fn refused_at(
        message: impl Into<String>,
        span: Option<Range<usize>>,
        help: impl Into<String>,
    ) -> Self {
        Self::Refused { message: message.into(), span, help: Some(help.into()) }
    }

    /// Adds the column that was meant, where a column is unknown and `columns` has one like it.
    pub(crate) fn suggesting(self, columns: &Schema) -> Self {
        match self {
            Self::Refused { message, span, help: None } if message.starts_with("column '") => {
                let unknown = message.split('\'').nth(1).unwrap_or_default();
                let names = || columns.fields().iter().map(|field| field.name().as_str());
                let help = match nearest(unknown, names()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("docs has {}", names().collect::<Vec<_>>().join(", ")),
                };
                Self::Refused { message, span, help: Some(help) }
            }
            other => other,
        }
    }

    /// The engine's error about the text `sql`, with the place and hints that it knows.
    pub(crate) fn of_plan(error: &DataFusionError, sql: &str) -> Self {
        let root = error.find_root();
        let message = first_line(&root.strip_backtrace());
        let message = strip_prefixes(&message).to_owned();
        let diagnostic = error.diagnostic();
        let span = diagnostic.and_then(|d| span_of(d, sql)).or_else(|| parser_span(&message, sql));
        let message = diagnostic.map_or(message, |diagnostic| diagnostic.message.clone());
        let end = parser_place(&message).unwrap_or(message.len());
        let message = lower_first(message[..end].trim_end());
        let mut help: Vec<String> = Vec::new();
        if let Some(diagnostic) = diagnostic {
            let notes = diagnostic.notes.iter().map(|note| note.message.clone());
            help.extend(notes.chain(diagnostic.helps.iter().map(|help| help.message.clone())));
            for help in &mut help {
                *help = help.replace("Possible function", "did you mean");
            }
        }
        let message = if message.starts_with(DOT_ACCESS) {
            help.push("write `language(text)['code']`, or name the result in a subquery".into());
            "a field of a function's result cannot be taken with a dot".to_owned()
        } else {
            message
        };
        help.dedup();
        let help = (!help.is_empty()).then(|| help.join("\n"));
        Self::Refused { message, span, help }
    }
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
}

/// DataFusion nests its kinds of error as prefixes; a user needs only the innermost text.
fn strip_prefixes(message: &str) -> &str {
    const PREFIXES: [&str; 5] = [
        "Error during planning: ",
        "Schema error: ",
        "SQL error: ",
        "This feature is not implemented: ",
        "Invalid function ",
    ];
    let mut rest = message;
    while let Some(shorter) = PREFIXES[..4].iter().find_map(|prefix| rest.strip_prefix(prefix)) {
        rest = shorter;
    }
    let rest = rest.strip_prefix("ParserError(\"").unwrap_or(rest);
    rest.strip_suffix("\")").unwrap_or(rest)
}

fn lower_first(message: &str) -> String {
    let mut chars = message.chars();
    match (chars.next(), message.chars().nth(1)) {
        // `SELECT …` and `DDL` keep their case.
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => message.to_owned(),
    }
}

fn span_of(diagnostic: &Diagnostic, sql: &str) -> Option<Range<usize>> {
    let span = diagnostic.span?;
    let start = offset(sql, span.start.line, span.start.column)?;
    let end = offset(sql, span.end.line, span.end.column)?;
    Some(start..end.max(start + 1).min(sql.len()))
}

/// Where the parser's " at Line: L, Column: C" begins in its message.
fn parser_place(message: &str) -> Option<usize> {
    message.find(" at Line: ").or_else(|| message.find("at Line: "))
}

fn parser_span(message: &str, sql: &str) -> Option<Range<usize>> {
    let place = message[parser_place(message)?..].split_once("Line: ")?.1;
    let (line, rest) = place.split_once(", Column: ")?;
    let column: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let start = offset(sql, line.trim().parse().ok()?, column.parse().ok()?)?;
    let word = sql[start..].find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(0);
    Some(start..(start + word.max(1)).min(sql.len()))
}

/// The byte offset of a 1-based line and column (in characters).
fn offset(sql: &str, line: u64, column: u64) -> Option<usize> {
    let line_start: usize =
        sql.split_inclusive('\n').take(line.checked_sub(1)? as usize).map(str::len).sum();
    let rest = sql.get(line_start..)?;
    let within = rest.char_indices().nth(column.checked_sub(1)? as usize);
    Some(line_start + within.map_or(rest.len(), |(at, _)| at))
}

impl From<DataFusionError> for SqlError {
    fn from(error: DataFusionError) -> Self {
        Self::Failed(strip_prefixes(&first_line(&error.strip_backtrace())).to_owned())
    }
}

impl From<arrow::error::ArrowError> for SqlError {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::Failed(error.to_string())
    }
}
