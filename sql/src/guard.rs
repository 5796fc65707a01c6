//! The guard: a SQL text must be one SELECT over the tables that it was given.

use std::ops::ControlFlow;

use datafusion::common::TableReference;
use datafusion::execution::session_state::SessionState;
use datafusion::sql::parser::{DFParserBuilder, Statement as DataFusionStatement};
use datafusion::sql::planner::object_name_to_table_reference;
use datafusion::sql::sqlparser::ast::{Spanned as _, Statement, visit_relations};
use datafusion::sql::sqlparser::tokenizer::{Span, Token, TokenWithSpan};

use crate::SqlError;
use crate::json_arrows::bind_arrows;
use crate::lexer::{range, tokens};
use crate::nearest::nearest;
use crate::planning::refusal;

/// Parses `sql` and accepts one query over some of `tables`.
pub(crate) fn parse(
    state: &SessionState,
    sql: &str,
    tables: &[&str],
) -> Result<Statement, SqlError> {
    let tokens = tokens(sql)?;
    let mut statements = statements(sql, tokens.clone())?.into_iter();
    let Some((first_word, statement)) = statements.next() else {
        return Err(SqlError::refused("there is no statement", "write one SELECT"));
    };
    if let Some((first_word, _)) = statements.next() {
        return Err(SqlError::refused_at(
            "there are two statements",
            range(sql, first_word),
            "write one SELECT; a second step needs a second stage",
        ));
    }
    let query = match statement {
        DataFusionStatement::Statement(query) if matches!(*query, Statement::Query(_)) => query,
        _ => {
            return Err(SqlError::refused_at(
                "only SELECT is allowed",
                range(sql, first_word),
                "a stage reads documents and returns documents; it cannot create, change or set \
                 anything",
            ));
        }
    };
    let references =
        state.resolve_table_references(&DataFusionStatement::Statement(query.clone()))?;
    let normalize = state.config_options().sql_parser.enable_ident_normalization;
    for table in references {
        if !matches!(&table, TableReference::Bare { table } if tables.contains(&&**table)) {
            let place = place_of(&table, &query, normalize, &tokens);
            return Err(unknown_table(&table, tables, place, sql));
        }
    }
    Ok(*query)
}

/// The statements of a text, each with the place of its first word.
///
/// This is `DFParser::parse_statements`, which does not say where a statement starts; and the
/// syntax trees of COPY and other statements that are the engine's own have no places.
fn statements(
    sql: &str,
    tokens: Vec<TokenWithSpan>,
) -> Result<Vec<(Span, DataFusionStatement)>, SqlError> {
    let refused = |error| refusal(&error, sql);
    let mut parser = DFParserBuilder::new(bind_arrows(tokens)).build().map_err(refused)?;
    let mut found = Vec::new();
    loop {
        let mut is_separated = found.is_empty();
        while parser.parser.consume_token(&Token::SemiColon) {
            is_separated = true;
        }
        let first = parser.parser.peek_token();
        if first.token == Token::EOF {
            return Ok(found);
        }
        if !is_separated {
            return Err(SqlError::Refused {
                message: format!("expected: end of statement, found: {first}"),
                span: range(sql, first.span),
                help: None,
            });
        }
        found.push((first.span, parser.parse_statement().map_err(refused)?));
    }
}

/// Where a query first names a table.
fn place_of(
    table: &TableReference,
    query: &Statement,
    normalize: bool,
    tokens: &[TokenWithSpan],
) -> Option<Span> {
    let found = visit_relations(query, |name| {
        match object_name_to_table_reference(name.clone(), normalize) {
            Ok(reference) if reference == *table => ControlFlow::Break(name.span()),
            _ => ControlFlow::Continue(()),
        }
    });
    let place = found.break_value()?;
    if place != Span::empty() {
        return Some(place);
    }
    // The syntax tree has no places for names in single quotes, but their tokens have. Where a
    // string has the same text, it is unknown which of the tokens is the name.
    let mut named = tokens.iter().filter(
        |token| matches!(&token.token, Token::SingleQuotedString(text) if text == table.table()),
    );
    let token = named.next()?;
    named.next().is_none().then_some(token.span)
}

fn unknown_table(
    table: &TableReference,
    known: &[&str],
    place: Option<Span>,
    sql: &str,
) -> SqlError {
    let name = table.to_string();
    let help = match nearest(&name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known tables: {}", known.join(", ")),
    };
    let span = place.and_then(|place| range(sql, place));
    SqlError::refused_at(format!("there is no table `{name}` here"), span, help)
}
