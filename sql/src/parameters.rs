//! Parameters of a stage: its header declares them, the recipe's `with` gives their values, and its
//! SQL uses them as `$name`.
//!
//! A declaration is a comment line: `-- @param min_words = 50  words a document needs`. The value
//! is written as in TOML; it is the default and sets the type. Values enter the parsed statement as
//! literals, never as text, so that no value can change what the statement does.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Array, Expr, Statement, UnaryOperator, Value as SqlValue, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Whitespace};
use toml::Value;

use crate::SqlError;
use crate::lexer::{range, tokens};
use crate::nearest::nearest;

/// A declared parameter of a stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name, without `$`.
    pub name: String,
    /// Its default.
    pub default: Value,
    /// What it does.
    pub help: String,
}

/// The parameters that the comments of `sql` declare, in their order.
///
/// ```
/// let sql = "-- @param min_words = 50  words a document needs\nSELECT $min_words";
/// let declared = sql::parameters(sql)?;
/// assert_eq!(declared[0].name, "min_words");
/// assert_eq!(declared[0].default.as_integer(), Some(50));
/// assert_eq!(declared[0].help, "words a document needs");
/// # Ok::<(), sql::SqlError>(())
/// ```
///
/// # Errors
/// A declaration cannot be read or repeats a name, or the text cannot be split into tokens.
pub fn parameters(sql: &str) -> Result<Vec<Parameter>, SqlError> {
    let mut found: Vec<Parameter> = Vec::new();
    for (declaration, token) in declarations(&tokens(sql)?) {
        let refused = |message: String| {
            let help = "write `-- @param name = value  what it does`, the value as in TOML";
            // The token of a comment ends with the line feed.
            let place = range(sql, token.span);
            let place = place.map(|place| place.start..place.start + sql[place].trim_end().len());
            SqlError::refused_at(message, place, help)
        };
        let parameter = declared(declaration).map_err(refused)?;
        if found.iter().any(|earlier| earlier.name == parameter.name) {
            return Err(refused(format!("parameter `{}` is declared twice", parameter.name)));
        }
        found.push(parameter);
    }
    Ok(found)
}

/// What follows `-- @param` in comments that have a line to themselves.
fn declarations(tokens: &[TokenWithSpan]) -> Vec<(&str, &TokenWithSpan)> {
    let mut found = Vec::new();
    let mut is_line_blank = true;
    for token in tokens {
        match &token.token {
            Token::Whitespace(Whitespace::SingleLineComment { comment, prefix }) => {
                if is_line_blank
                    && prefix == "--"
                    && let Some(declaration) = comment.strip_prefix(" @param")
                {
                    found.push((declaration, token));
                }
                // The line feed belongs to the comment.
                is_line_blank = true;
            }
            Token::Whitespace(Whitespace::Newline) => is_line_blank = true,
            Token::Whitespace(Whitespace::Space | Whitespace::Tab) => {}
            _ => is_line_blank = false,
        }
    }
    found
}

fn declared(declaration: &str) -> Result<Parameter, String> {
    let unreadable = || "a parameter's declaration cannot be read".to_owned();
    let (name, rest) = declaration.split_once('=').ok_or_else(unreadable)?;
    let rest = rest.trim();
    // Two spaces end the value; a value itself has none outside quotes.
    let (value, help) = rest.split_once("  ").unwrap_or((rest, ""));
    let table: toml::Table = format!("value = {value}")
        .parse()
        .map_err(|error: toml::de::Error| format!("{}: {}", unreadable(), error.message()))?;
    let default = table.get("value").ok_or_else(unreadable)?.clone();
    Ok(Parameter { name: name.trim().to_owned(), default, help: help.trim().to_owned() })
}

/// The values of all parameters: the given ones, and the defaults of the others.
///
/// # Errors
/// A given name is not declared, or a value has another type than the default.
pub fn bind(
    declared: &[Parameter],
    given: &BTreeMap<String, Value>,
) -> Result<BTreeMap<String, Value>, SqlError> {
    for (name, value) in given {
        let Some(parameter) = declared.iter().find(|p| p.name == *name) else {
            return Err(unknown(name, declared));
        };
        if !same_type(&parameter.default, value) {
            return Err(SqlError::refused(
                format!(
                    "parameter `{name}` is {} here, but the stage takes {}",
                    value.type_str(),
                    parameter.default.type_str()
                ),
                format!("for example `{name} = {}`", parameter.default),
            ));
        }
    }
    let value = |p: &Parameter| given.get(&p.name).unwrap_or(&p.default).clone();
    Ok(declared.iter().map(|p| (p.name.clone(), value(p))).collect())
}

fn unknown(name: &str, declared: &[Parameter]) -> SqlError {
    let names = declared.iter().map(|p| p.name.as_str());
    let help = match nearest(name, names.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if declared.is_empty() => "this stage takes no parameters".into(),
        None => format!("it takes {}", names.collect::<Vec<_>>().join(", ")),
    };
    SqlError::refused(format!("the stage has no parameter `{name}`"), help)
}

/// A whole number is accepted where the default has a fraction, since people write `0` for `0.0`.
fn same_type(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Float(_), Value::Integer(_)) => true,
        (Value::Array(a), Value::Array(b)) => match a.first() {
            Some(first) => b.iter().all(|item| same_type(first, item)),
            None => true,
        },
        _ => a.same_type(b),
    }
}

/// Puts the values in the place of `$name` in the statement whose text is `sql`.
pub(crate) fn substitute(
    statement: &mut Statement,
    values: &BTreeMap<String, Value>,
    sql: &str,
) -> Result<(), SqlError> {
    match statement.visit(&mut Substitution { values, sql }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Substitution<'a> {
    values: &'a BTreeMap<String, Value>,
    sql: &'a str,
}

impl VisitorMut for Substitution<'_> {
    type Break = SqlError;

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<SqlError> {
        let Expr::Value(value) = expression else { return ControlFlow::Continue(()) };
        let SqlValue::Placeholder(placeholder) = &value.value else {
            return ControlFlow::Continue(());
        };
        let name = placeholder.trim_start_matches('$');
        let refused = |message, help| {
            ControlFlow::Break(SqlError::refused_at(message, range(self.sql, value.span), help))
        };
        match self.values.get(name).map(literal) {
            Some(Some(literal)) => {
                *expression = literal;
                ControlFlow::Continue(())
            }
            Some(None) => refused(
                format!("parameter `{name}` has a value that SQL has no literal for"),
                "use a string, a number, a boolean or a list of these".to_owned(),
            ),
            None => refused(
                format!("`${name}` is used but not declared"),
                format!("declare it in the header: `-- @param {name} = value  what it does`"),
            ),
        }
    }
}

fn literal(value: &Value) -> Option<Expr> {
    let number = |text: String| Expr::Value(SqlValue::Number(text, false).into());
    let signed = |is_negative: bool, magnitude: String| {
        let magnitude = number(magnitude);
        if !is_negative {
            return magnitude;
        }
        Expr::UnaryOp { op: UnaryOperator::Minus, expr: Box::new(magnitude) }
    };
    match value {
        Value::String(text) => Some(Expr::Value(SqlValue::SingleQuotedString(text.clone()).into())),
        Value::Integer(i) => Some(signed(*i < 0, i.unsigned_abs().to_string())),
        Value::Float(f) if f.is_finite() => {
            Some(signed(f.is_sign_negative(), format!("{:?}", f.abs())))
        }
        Value::Boolean(b) => Some(Expr::Value(SqlValue::Boolean(*b).into())),
        Value::Array(items) => {
            let elem = items.iter().map(literal).collect::<Option<Vec<_>>>()?;
            Some(Expr::Array(Array { elem, named: false }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_comment_lines_declare() {
        let sql = "-- @param a = 1  first\n  -- @param b = [\"x\"]\nSELECT 1 -- @param c = 2\n, '\n\
                   -- @param d = 3\n'";
        let names: Vec<_> = parameters(sql).unwrap().into_iter().map(|p| p.name).collect();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn a_broken_declaration_is_shown() {
        for broken in ["-- @param a 1", "-- @param a = one", "-- @param b = 2"] {
            let sql = format!("-- ü\n-- @param b = 1\n{broken}  help\nSELECT 1");
            let SqlError::Refused { span, .. } = parameters(&sql).unwrap_err() else {
                panic!("{broken}")
            };
            assert_eq!(&sql[span.unwrap()], format!("{broken}  help"));
        }
    }
}
