//! The tokens of a SQL text, and the byte ranges of the places that the parser reports.

use std::ops::Range;

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Span, TokenWithSpan, Tokenizer};

use crate::SqlError;

/// The longest SQL text that is read. (The parser itself limits how deep expressions may nest.)
const SQL_BYTES_MAX: usize = 1 << 20;

/// Splits a SQL text into tokens; blanks and comments are tokens too.
///
/// The dialect is the one that DataFusion's own parser uses, so the tokens are those that it sees.
pub(crate) fn tokens(sql: &str) -> Result<Vec<TokenWithSpan>, SqlError> {
    if sql.len() > SQL_BYTES_MAX {
        return Err(SqlError::refused(
            format!("the SQL text has {} bytes; the limit is {SQL_BYTES_MAX}", sql.len()),
            "join with a table of values instead of listing them",
        ));
    }
    Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().map_err(|error| {
        SqlError::Refused {
            message: lower_first(&error.message),
            span: range(sql, error.location.span_to(error.location)),
            help: None,
        }
    })
}

/// The byte range of a span; at least one character where the text has one. `None` for the span
/// that the parser uses where it knows no place.
pub(crate) fn range(sql: &str, span: Span) -> Option<Range<usize>> {
    let start = offset(sql, span.start)?;
    let end = offset(sql, span.end)?;
    let first_character = sql[start..].chars().next().map_or(0, char::len_utf8);
    Some(start..end.max(start + first_character))
}

/// The byte range of the token that starts at a location, else of the character there.
pub(crate) fn token_at(sql: &str, tokens: &[TokenWithSpan], at: Location) -> Option<Range<usize>> {
    let token = tokens.iter().find(|token| token.span.start == at);
    range(sql, token.map_or(at.span_to(at), |token| token.span))
}

/// The byte offset of a location. Lines and columns start at 1, and columns count characters.
fn offset(sql: &str, location: Location) -> Option<usize> {
    let line = usize::try_from(location.line.checked_sub(1)?).ok()?;
    let column = usize::try_from(location.column.checked_sub(1)?).ok()?;
    let line_start: usize = sql.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = &sql[line_start..];
    let within = rest.char_indices().nth(column);
    Some(line_start + within.map_or(rest.len(), |(at, _)| at))
}

/// The text with its first letter in lower case, as messages of gristmill start. `SELECT` and other
/// words in capitals keep theirs.
pub(crate) fn lower_first(message: &str) -> String {
    let mut rest = message.chars();
    match (rest.next(), message.chars().nth(1)) {
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().chain(rest).collect()
        }
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(sql: &str, from: (u64, u64), to: (u64, u64)) -> Option<&str> {
        let location = |(line, column)| Location::new(line, column);
        range(sql, location(from).span_to(location(to))).map(|range| &sql[range])
    }

    #[test]
    fn columns_count_characters() {
        let sql = "-- é\nSELECT 'ü' FROM x";
        assert_eq!(place(sql, (2, 1), (2, 7)), Some("SELECT"));
        assert_eq!(place(sql, (2, 8), (2, 11)), Some("'ü'"));
        assert_eq!(place(sql, (2, 17), (2, 18)), Some("x"));
        assert_eq!(place(sql, (2, 9), (2, 9)), Some("ü"));
        assert_eq!(place(sql, (2, 18), (2, 18)), Some(""));
        assert_eq!(place(sql, (0, 0), (0, 0)), None);
    }

    #[test]
    fn tokens_have_their_places() {
        let sql = "SELECT\n  'ü', x";
        let tokens = tokens(sql).unwrap();
        let at = |line, column| token_at(sql, &tokens, Location::new(line, column));
        assert_eq!(at(2, 3).map(|range| &sql[range]), Some("'ü'"));
        assert_eq!(at(2, 8).map(|range| &sql[range]), Some("x"));
    }

    #[test]
    fn an_open_string_is_refused_at_its_start() {
        let error = tokens("SELECT 'x").unwrap_err();
        let SqlError::Refused { message, span, .. } = error else { panic!("{error}") };
        assert_eq!((message.as_str(), span), ("unterminated string literal", Some(7..8)));
    }
}
