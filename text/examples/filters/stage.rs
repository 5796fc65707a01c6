//! Evaluates the stock SQL stages without an SQL engine: the rules `WHEN condition THEN 'reason'`
//! of a stage's statement, in order, with the default values of its parameters.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a stage that cannot be parsed is a bug of this parser"
)]

use std::collections::BTreeMap;

use serde_json::Value;

/// The rules of one stage.
pub(crate) struct Stage {
    /// The values of the parameters by name; initially the defaults.
    pub(crate) parameters: BTreeMap<String, Value>,
    rules: Vec<(Condition, String)>,
}

/// A condition, or an operand of a condition.
enum Condition {
    Or(Box<Condition>, Box<Condition>),
    And(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
    Compare(Box<Condition>, String, Box<Condition>),
    Parameter(String),
    /// A field of the signals, or the name of a function.
    Field(String),
    Literal(Value),
}

impl Stage {
    /// Parses the SQL of a stage.
    pub(crate) fn parse(sql: &str) -> Self {
        let mut parameters = BTreeMap::new();
        for line in sql.lines().filter_map(|line| line.strip_prefix("-- @param ")) {
            let (name, value) = line.split_once(" = ").expect("a default");
            let value = value.split("  ").next().expect("a value");
            parameters.insert(name.to_owned(), serde_json::from_str(value).expect("a literal"));
        }
        let mut tokens = Tokens::of(sql);
        let mut rules = Vec::new();
        while tokens.skip_to("WHEN") {
            let condition = tokens.or();
            assert_eq!(tokens.next(), "THEN");
            rules.push((condition, tokens.next().trim_matches('\'').to_owned()));
        }
        Self { parameters, rules }
    }

    /// The reason of the first rule whose condition is true. `field` returns the value of a field.
    pub(crate) fn reason(&self, field: &dyn Fn(&str) -> f64) -> Option<&str> {
        let holds = |(condition, _): &&(Condition, String)| self.value(condition, field) == true;
        self.rules.iter().find(holds).map(|(_, reason)| reason.as_str())
    }

    fn value(&self, condition: &Condition, field: &dyn Fn(&str) -> f64) -> Value {
        match condition {
            Condition::Or(a, b) => {
                (self.value(a, field) == true || self.value(b, field) == true).into()
            }
            Condition::And(a, b) => {
                (self.value(a, field) == true && self.value(b, field) == true).into()
            }
            Condition::Not(a) => (self.value(a, field) != true).into(),
            Condition::Parameter(name) => self.parameters[name].clone(),
            Condition::Field(name) => field(name).into(),
            Condition::Literal(value) => value.clone(),
            Condition::Compare(a, operator, b) => {
                let (a, b) = (self.value(a, field), self.value(b, field));
                let is_equal = a == b || a.as_f64().is_some() && a.as_f64() == b.as_f64();
                let (left, right) = (a.as_f64(), b.as_f64());
                let result = match operator.as_str() {
                    "=" => is_equal,
                    "<>" => !is_equal,
                    "<" => left < right,
                    "<=" => left <= right,
                    ">" => left > right,
                    ">=" => left >= right,
                    other => panic!("unknown operator {other}"),
                };
                result.into()
            }
        }
    }
}

/// The tokens of a statement.
struct Tokens<'s> {
    all: Vec<&'s str>,
    at: usize,
}

impl<'s> Tokens<'s> {
    fn of(sql: &'s str) -> Self {
        let statement = &sql[sql.find("SELECT").expect("a statement")..];
        let mut all = Vec::new();
        let mut rest = statement.trim_start();
        while let Some(first) = rest.chars().next() {
            let length = match first {
                '\'' => 2 + rest[1..].find('\'').expect("the end of a string"),
                '<' | '>' | '=' => rest.find(|c| !"<>=".contains(c)).unwrap_or(rest.len()),
                '(' | ')' | ',' | '*' => 1,
                _ => rest
                    .find(|c: char| c.is_whitespace() || "(),*<>=".contains(c))
                    .unwrap_or(rest.len()),
            };
            all.push(&rest[..length]);
            rest = rest[length..].trim_start();
        }
        Self { all, at: 0 }
    }

    fn peek(&self) -> &'s str {
        self.all.get(self.at).copied().unwrap_or("")
    }

    fn next(&mut self) -> &'s str {
        self.at += 1;
        self.all[self.at - 1]
    }

    fn skip_to(&mut self, token: &str) -> bool {
        while self.at < self.all.len() {
            if self.next() == token {
                return true;
            }
        }
        false
    }

    fn or(&mut self) -> Condition {
        let mut left = self.and();
        while self.peek() == "OR" {
            self.next();
            left = Condition::Or(Box::new(left), Box::new(self.and()));
        }
        left
    }

    fn and(&mut self) -> Condition {
        let mut left = self.comparison();
        while self.peek() == "AND" {
            self.next();
            left = Condition::And(Box::new(left), Box::new(self.comparison()));
        }
        left
    }

    fn comparison(&mut self) -> Condition {
        let left = self.operand();
        if !matches!(self.peek(), "=" | "<>" | "<" | "<=" | ">" | ">=") {
            return left;
        }
        let operator = self.next().to_owned();
        Condition::Compare(Box::new(left), operator, Box::new(self.operand()))
    }

    fn operand(&mut self) -> Condition {
        let token = self.next();
        if token == "NOT" {
            return Condition::Not(Box::new(self.comparison()));
        }
        if token == "(" {
            let inside = self.or();
            assert_eq!(self.next(), ")");
            return inside;
        }
        if let Some(name) = token.strip_prefix('$') {
            return Condition::Parameter(name.to_owned());
        }
        if let Some(name) = token.strip_prefix("measured.") {
            return Condition::Field(name.to_owned());
        }
        if token.starts_with('\'') {
            return Condition::Literal(token.trim_matches('\'').into());
        }
        if let Ok(number) = token.parse::<f64>() {
            return Condition::Literal(number.into());
        }
        // A function call. Its arguments are skipped, because `field` only gets its name.
        self.skip_to(")");
        Condition::Field(token.to_owned())
    }
}
