//! Parameters of a stage: declared in its header, given by the recipe's `with`, written `$name` in
//! its SQL.
//!
//! A declaration is a comment line of its own: `-- @param min_words = 50  words a document needs`.
//! The value is TOML and gives the type; it is the default. Values enter the parsed statement as
//! literals, never as text, so that no value can change what the statement does.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Array, Expr, Statement, UnaryOperator, Value as SqlValue, VisitMut, VisitorMut,
};
use toml::Value;

use crate::SqlError;

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

/// The parameters that the header of `sql` declares.
pub fn parameters(sql: &str) -> Result<Vec<Parameter>, SqlError> {
    let mut start = 0;
    let mut found = Vec::new();
    for line in sql.split_inclusive('\n') {
        if let Some(declaration) = line.trim().strip_prefix("-- @param") {
            let span = start..start + line.trim_end().len();
            found.push(declaration_of(declaration).ok_or_else(|| {
                SqlError::refused_at(
                    "a parameter's declaration cannot be read",
                    Some(span),
                    "write `-- @param name = value  what it does`, the value as in TOML",
                )
            })?);
        }
        start += line.len();
    }
    Ok(found)
}

fn declaration_of(declaration: &str) -> Option<Parameter> {
    let (name, rest) = declaration.split_once('=')?;
    let rest = rest.trim();
    // Two spaces end the value; a value itself has none outside quotes.
    let (value, help) = rest.split_once("  ").unwrap_or((rest, ""));
    let table: toml::Table = format!("value = {value}").parse().ok()?;
    Some(Parameter {
        name: name.trim().to_owned(),
        default: table.get("value")?.clone(),
        help: help.trim().to_owned(),
    })
}

/// The values of all parameters: those given, the defaults for the rest.
/// Also refuses unknown names and values of another type.
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

/// The most similar of some names, if one is similar at all.
pub fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    /// Jaro-Winkler similarity below which a suggestion would only confuse.
    const SIMILARITY_MIN: f64 = 0.8;
    candidates
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

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

/// Puts the values in the place of `$name` in a statement.
pub(crate) fn substitute(
    statement: &mut Statement,
    values: &BTreeMap<String, Value>,
) -> Result<(), SqlError> {
    match statement.visit(&mut Substitution { values }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Substitution<'a> {
    values: &'a BTreeMap<String, Value>,
}

impl VisitorMut for Substitution<'_> {
    type Break = SqlError;

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<SqlError> {
        let Expr::Value(value) = expression else { return ControlFlow::Continue(()) };
        let SqlValue::Placeholder(placeholder) = &value.value else {
            return ControlFlow::Continue(());
        };
        let name = placeholder.trim_start_matches('$');
        match self.values.get(name).map(literal) {
            Some(Some(literal)) => {
                *expression = literal;
                ControlFlow::Continue(())
            }
            Some(None) => ControlFlow::Break(SqlError::refused(
                format!("parameter `{name}` has a value that SQL has no literal for"),
                "use a string, a number, a boolean or a list of these",
            )),
            None => ControlFlow::Break(SqlError::refused(
                format!("`${name}` is used but not declared"),
                format!("declare it in the header: `-- @param {name} = value  what it does`"),
            )),
        }
    }
}

fn literal(value: &Value) -> Option<Expr> {
    let number = |text: String| Expr::Value(SqlValue::Number(text, false).into());
    let signed = |negative: bool, magnitude: String| {
        let magnitude = number(magnitude);
        if !negative {
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
