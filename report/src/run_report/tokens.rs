//! The tokenizer and the shards.

use minijinja::{Value, context};
use shards::dataset::Split;

use super::ask::Ask;
use super::facts::Facts;
use crate::error::Result;
use crate::format::{file_name, share};

/// Documents, tokens and bytes in a part of the shards.
#[derive(Clone, Copy, Default)]
struct Amount {
    documents: u64,
    tokens: u64,
    bytes: u64,
}

/// The section about the shards; `None` if the run made none.
pub(super) fn section(facts: &Facts<'_>, ask: &Ask) -> Result<Option<Value>> {
    let Some(shards) = &facts.shards else { return Ok(None) };
    let row_tokens = facts.recipe.shards.sequence_length;
    let mut halves = Vec::new();
    for (split, name) in [(Split::Train, "training"), (Split::Validation, "validation")] {
        let tokens = shards.tokens(split);
        // Neighbouring rows share one token, so every token but the first is predicted.
        let rows = tokens.saturating_sub(1) / row_tokens.max(1);
        halves.push(context! {
            name,
            shards => shards.shards.iter().filter(|shard| shard.split == split).count(),
            documents => shards.documents(split),
            tokens,
            rows,
            used => share(rows * row_tokens, tokens.saturating_sub(1)),
        });
    }
    let sources = sources(ask)?;
    let all = sources.iter().fold(Amount::default(), |sum, (_, amount)| Amount {
        documents: sum.documents + amount.documents,
        tokens: sum.tokens + amount.tokens,
        bytes: sum.bytes + amount.bytes,
    });
    let row = |(name, amount): &(String, Amount)| {
        context! {
            name,
            documents => amount.documents,
            tokens => amount.tokens,
            share => share(amount.tokens, all.tokens),
            bytes_per_token => share(amount.bytes, amount.tokens),
        }
    };
    let file = facts.recipe.tokenizer.as_ref().and_then(|tokenizer| tokenizer.file.as_deref());
    Ok(Some(context! {
        tokenizer => file.map(file_name),
        vocab_size => shards.vocab_size,
        token_bytes => shards.token_type.bytes(),
        row_tokens,
        bytes_per_token => share(all.bytes, all.tokens),
        tokens_per_document => share(all.tokens, all.documents),
        halves,
        sources => sources.iter().map(row).collect::<Vec<Value>>(),
    }))
}

/// The documents, tokens and bytes of each source, over both halves.
fn sources(ask: &Ask) -> Result<Vec<(String, Amount)>> {
    let mut sources = Vec::new();
    if ask.has("shard_docs") {
        let sql = "SELECT source, count(*), sum(n_tokens), sum(n_bytes) FROM shard_docs \
                   GROUP BY source ORDER BY source";
        ask.each(sql, |row| {
            let (documents, tokens, bytes) = (row.number(1)?, row.number(2)?, row.number(3)?);
            sources.push((row.text(0).to_owned(), Amount { documents, tokens, bytes }));
            Ok(())
        })?;
    }
    Ok(sources)
}
