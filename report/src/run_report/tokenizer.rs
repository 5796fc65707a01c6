//! How the trained tokenizer encodes each group of documents, at its own size and at smaller ones.

use minijinja::{Value, context};

use super::ask::Ask;
use crate::chart::{self, Curve};
use crate::error::Result;

/// Number of groups with a curve: those with the most text.
const CURVES: usize = 5;

/// Number of groups in the table.
const ROWS: usize = 20;

/// A group of documents.
#[derive(Default)]
struct Group {
    name: String,
    bytes: u64,
    /// Vocabulary size, bytes per token, tokens per word.
    sizes: Vec<(f64, f64, f64)>,
}

/// The section about the tokenizer; `None` if the run trained none.
pub(super) fn section(ask: &Ask) -> Result<Option<Value>> {
    if !ask.has("tokenizer_report") {
        return Ok(None);
    }
    let sql = "SELECT \"group\", bytes, vocab_size, CAST(bytes_per_token * 1e6 AS BIGINT UNSIGNED), \
               CAST(tokens_per_word * 1e6 AS BIGINT UNSIGNED) \
               FROM tokenizer_report ORDER BY bytes DESC, \"group\", vocab_size";
    let mut groups: Vec<Group> = Vec::new();
    ask.each(sql, |row| {
        let name = row.text(0);
        if groups.last().is_none_or(|group| group.name != name) {
            groups.push(Group { name: name.to_owned(), bytes: row.number(1)?, sizes: Vec::new() });
        }
        let millionths = |column| row.number(column).map(|number| number as f64 / 1e6);
        if let Some(group) = groups.last_mut() {
            group.sizes.push((row.number(2)? as f64, millionths(3)?, millionths(4)?));
        }
        Ok(())
    })?;
    if groups.is_empty() {
        return Ok(None);
    }
    let curve = |group: &Group| Curve {
        name: group.name.clone(),
        points: group.sizes.iter().map(|(size, bytes, _)| (*size, *bytes)).collect(),
    };
    let curves: Vec<Curve> = groups.iter().take(CURVES).map(curve).collect();
    let svg = |size| chart::efficiency(&curves, size).map(Value::from_safe_string);
    let row = |group: &Group| {
        let (_, bytes_per_token, tokens_per_word) = group.sizes.last().copied().unwrap_or_default();
        context! { name => &group.name, bytes => group.bytes, bytes_per_token, tokens_per_word }
    };
    Ok(Some(context! {
        wide => svg(chart::WIDE)?,
        narrow => svg(chart::NARROW)?,
        rows => groups.iter().take(ROWS).map(row).collect::<Vec<Value>>(),
        more => groups.len().saturating_sub(ROWS),
    }))
}
