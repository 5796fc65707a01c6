//! From an accepted statement to a logical plan, and the engine's errors in gristmill's words.

use std::ops::{ControlFlow, Range};

use datafusion::common::{Column, DataFusionError, SchemaError, Span as EngineSpan};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement as DataFusionStatement;
use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Spanned as _, Statement, Value, visit_expressions,
};
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{Location, Span};

use crate::SqlError;
use crate::error::engine_message;
use crate::lexer::{lower_first, range, token_at, tokens};
use crate::nearest::nearest;
use crate::session::block_on;

/// Plans a statement whose text is `sql`.
pub(crate) fn logical_plan(
    state: &SessionState,
    statement: Statement,
    sql: &str,
) -> Result<LogicalPlan, SqlError> {
    let field_after_dot = field_after_dot(&statement);
    let statement = DataFusionStatement::Statement(Box::new(statement));
    block_on(state.statement_to_plan(statement))?.map_err(|error| match field_after_dot {
        // The engine's own message for this shows its syntax tree.
        Some(place) if matches!(error.find_root(), DataFusionError::NotImplemented(_)) => {
            SqlError::refused_at(
                "a field of a function's result cannot be taken with a dot",
                range(sql, place),
                "write `language(text)['code']`, or name the result in a subquery",
            )
        }
        _ => refusal(&error, sql),
    })
}

/// The place of an expression such as `language(text).code`, for which the engine has no plan.
fn field_after_dot(statement: &Statement) -> Option<Span> {
    let found = visit_expressions(statement, |expression| match expression {
        Expr::CompoundFieldAccess { access_chain, .. }
            if access_chain.iter().any(is_bare_field) =>
        {
            ControlFlow::Break(expression.span())
        }
        _ => ControlFlow::Continue(()),
    });
    found.break_value()
}

/// True for `.code`, false for `['code']`. After a dot the engine takes nothing but a string value.
fn is_bare_field(access: &AccessExpr) -> bool {
    match access {
        AccessExpr::Dot(Expr::Value(value)) => {
            !matches!(value.value, Value::SingleQuotedString(_) | Value::DoubleQuotedString(_))
        }
        AccessExpr::Dot(_) => true,
        AccessExpr::Subscript(_) => false,
    }
}

/// The engine's error about the text `sql`, with the places and hints that it knows.
pub(crate) fn refusal(error: &DataFusionError, sql: &str) -> SqlError {
    let root = error.find_root();
    let diagnostic = error.diagnostic();
    let (mut message, location) = match root {
        DataFusionError::SQL(error, _) => parser_message(error),
        other => (engine_message(other), None),
    };
    let mut help: Vec<String> = Vec::new();
    if let Some(diagnostic) = diagnostic {
        split_location(&diagnostic.message).0.clone_into(&mut message);
        let notes = diagnostic.notes.iter().map(|note| &note.message);
        let hints = notes.chain(diagnostic.helps.iter().map(|help| &help.message));
        help = hints.map(|hint| hint.replace("Possible function", "did you mean")).collect();
        help.dedup();
    }
    if let DataFusionError::SchemaError(error, _) = root
        && let SchemaError::FieldNotFound { field, valid_fields } = error.as_ref()
    {
        // The engine suggests columns that have half of the letters in common.
        help = columns_instead(field, valid_fields).into_iter().collect();
    }
    SqlError::Refused {
        message: lower_first(&message),
        span: diagnostic
            .and_then(|diagnostic| diagnostic.span)
            .and_then(|span| range(sql, parser_span(span)))
            .or_else(|| place_of(location?, sql)),
        help: (!help.is_empty()).then(|| help.join("\n")),
    }
}

/// A parser's error as its message and the location at its end.
fn parser_message(error: &ParserError) -> (String, Option<Location>) {
    match error {
        ParserError::ParserError(message) | ParserError::TokenizerError(message) => {
            let (message, location) = split_location(message);
            (message.to_owned(), location)
        }
        ParserError::RecursionLimitExceeded => ("the SQL text is nested too deeply".into(), None),
    }
}

/// Splits the location off a parser's message.
///
/// `ParserError` has no field for the place: the parser appends the location's `Display`, which is
/// ` at Line: L, Column: C`, to the message. A text in the message may look like that too, so only
/// its very end counts.
fn split_location(message: &str) -> (&str, Option<Location>) {
    let split = || {
        let (rest, place) = message.rsplit_once(" at Line: ")?;
        let (line, column) = place.split_once(", Column: ")?;
        Some((rest, Location::new(line.parse().ok()?, column.parse().ok()?)))
    };
    split().map_or((message, None), |(rest, location)| (rest, Some(location)))
}

/// The token at a location. The text has been split into tokens before, so it can be again.
fn place_of(location: Location, sql: &str) -> Option<Range<usize>> {
    token_at(sql, &tokens(sql).ok()?, location)
}

fn parser_span(span: EngineSpan) -> Span {
    let start = Location::new(span.start.line, span.start.column);
    start.span_to(Location::new(span.end.line, span.end.column))
}

/// Which column may have been meant, else which ones are known.
fn columns_instead(unknown: &Column, known: &[Column]) -> Option<String> {
    let names = || known.iter().map(Column::name);
    if let Some(near) = nearest(unknown.name(), names()) {
        return Some(format!("did you mean `{near}`?"));
    }
    let all = names().collect::<Vec<_>>().join(", ");
    let table = &known.first()?.relation;
    match table {
        Some(table) if known.iter().all(|column| column.relation.as_ref() == Some(table)) => {
            Some(format!("{table} has {all}"))
        }
        _ => Some(format!("known columns: {all}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_location_is_at_the_end_of_the_message() {
        let at = |line, column| Some(Location::new(line, column));
        let cases = [
            ("Expected: ), found: x at Line: 2, Column: 17", ("Expected: ), found: x", at(2, 17))),
            (
                "found: 'at Line: 1, Column: 2' at Line: 3, Column: 4",
                ("found: 'at Line: 1, Column: 2'", at(3, 4)),
            ),
            ("found: ' at Line: 1, Column: 2'", ("found: ' at Line: 1, Column: 2'", None)),
            ("Expected: ), found: EOF", ("Expected: ), found: EOF", None)),
            ("", ("", None)),
        ];
        for (message, expected) in cases {
            assert_eq!(split_location(message), expected, "{message}");
        }
        // The parser's own form, should a new version of it change.
        let message = format!("x{}", Location::new(5, 6));
        assert_eq!(split_location(&message), ("x", at(5, 6)));
    }
}
