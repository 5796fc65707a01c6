//! Makes `->` and `->>` bind as PostgreSQL binds them: tighter than comparisons.
//!
//! The parser's generic dialect binds them weaker than `=`, so that `metadata->>'lang' = 'en'` would
//! mean `metadata->>('lang' = 'en')`. Every chain of arrows is put in parentheses.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

/// The tokens of a statement, with parentheses around each chain `value->key->>key`.
pub(crate) fn bind_arrows(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut opening = Vec::new();
    let mut closing = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let chain = is_arrow(&tokens, at).then(|| operand_start(&tokens, at)).flatten();
        let Some(start) = chain else {
            at += 1;
            continue;
        };
        let Some(end) = chain_end(&tokens, at) else {
            at += 1;
            continue;
        };
        opening.push(start);
        closing.push(end);
        at = end + 1;
    }
    let mut bound = Vec::with_capacity(tokens.len() + 2 * opening.len());
    for (index, token) in tokens.into_iter().enumerate() {
        let span = token.span;
        if opening.contains(&index) {
            bound.push(TokenWithSpan { token: Token::LParen, span });
        }
        bound.push(token);
        if closing.contains(&index) {
            bound.push(TokenWithSpan { token: Token::RParen, span });
        }
    }
    bound
}

fn is_arrow(tokens: &[TokenWithSpan], at: usize) -> bool {
    matches!(tokens[at].token, Token::Arrow | Token::LongArrow)
}

fn before(tokens: &[TokenWithSpan], at: usize) -> Option<usize> {
    (0..at).rev().find(|index| !matches!(tokens[*index].token, Token::Whitespace(_)))
}

fn after(tokens: &[TokenWithSpan], at: usize) -> Option<usize> {
    (at + 1..tokens.len()).find(|index| !matches!(tokens[*index].token, Token::Whitespace(_)))
}

/// The first token of the value before an arrow: a name, a call, or an expression in parentheses.
fn operand_start(tokens: &[TokenWithSpan], arrow: usize) -> Option<usize> {
    let mut start = before(tokens, arrow)?;
    if tokens[start].token == Token::RParen {
        start = opening_of(tokens, start)?;
        match before(tokens, start) {
            Some(name) if is_name(&tokens[name].token) => start = name,
            _ => return Some(start),
        }
    } else if !is_name(&tokens[start].token) {
        return None;
    }
    while let Some(dot) = before(tokens, start)
        && tokens[dot].token == Token::Period
        && let Some(name) = before(tokens, dot)
        && is_name(&tokens[name].token)
    {
        start = name;
    }
    Some(start)
}

/// Whether a token may be a column or a function. A keyword such as AND is neither.
fn is_name(token: &Token) -> bool {
    let Token::Word(word) = token else { return false };
    let is_operator = matches!(
        word.keyword,
        Keyword::AND
            | Keyword::OR
            | Keyword::NOT
            | Keyword::IN
            | Keyword::WHEN
            | Keyword::THEN
            | Keyword::ELSE
            | Keyword::SELECT
            | Keyword::WHERE
            | Keyword::BETWEEN
            | Keyword::LIKE
            | Keyword::ON
            | Keyword::BY
    );
    word.quote_style.is_some() || !is_operator
}

fn opening_of(tokens: &[TokenWithSpan], closing: usize) -> Option<usize> {
    let mut depth = 0;
    for index in (0..=closing).rev() {
        match tokens[index].token {
            Token::RParen => depth += 1,
            Token::LParen => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(index);
        }
    }
    None
}

/// The last token of a chain that goes on with the arrow at `arrow`. Its keys are single tokens.
fn chain_end(tokens: &[TokenWithSpan], arrow: usize) -> Option<usize> {
    let mut arrow = arrow;
    loop {
        let key = after(tokens, arrow)?;
        // After any other token the arrow may be that of a lambda.
        let is_key = matches!(tokens[key].token, Token::SingleQuotedString(_) | Token::Number(..));
        if !is_key {
            return None;
        }
        match after(tokens, key) {
            Some(next) if is_arrow(tokens, next) => arrow = next,
            _ => return Some(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexer::tokens;

    fn bound(sql: &str) -> String {
        bind_arrows(tokens(sql).unwrap()).iter().map(|token| token.token.to_string()).collect()
    }

    #[test]
    fn a_chain_of_arrows_is_one_value() {
        for (sql, expected) in [
            ("a->>'x' = 1", "(a->>'x') = 1"),
            ("NOT t.a -> 'x' ->> 0 IN (1)", "NOT (t.a -> 'x' ->> 0) IN (1)"),
            ("f(a, (b))->>'x' || 'y'", "(f(a, (b))->>'x') || 'y'"),
            ("x IN (a->>'k', b)", "x IN ((a->>'k'), b)"),
            ("1 AND (a)->>'x' > 2", "1 AND ((a)->>'x') > 2"),
            ("\"and\"->>'x'", "(\"and\"->>'x')"),
            ("(x) -> x + 1", "(x) -> x + 1"),
            ("a = b", "a = b"),
        ] {
            assert_eq!(bound(sql), expected);
        }
    }
}
