//! Where the documents went: the sentence at the top, the funnel, the sources.

use std::collections::BTreeMap;

use minijinja::{Value, context};
use shards::dataset::Split;
use tables::{Account, Count, Outcome};

use super::facts::Facts;
use crate::format::{bytes, count, decimals, percent, share, things, width};

/// The run in one sentence.
pub(super) fn sentence(facts: &Facts<'_>) -> String {
    let of = |outcome| facts.ledger.outcome(outcome);
    let (read, kept) = (of(Outcome::Read), of(Outcome::Kept));
    let mut parts = vec![
        format!("Read {} ({})", things(read.documents, "record"), bytes(read.bytes)),
        format!(
            "kept {} ({})",
            things(kept.documents, "document"),
            percent(share(kept.documents, read.documents))
        ),
    ];
    if let Some(shards) = &facts.shards {
        let tokens = shards.tokens(Split::Train) + shards.tokens(Split::Validation);
        parts.push(things(tokens, "token"));
    }
    if let Some((model, curve)) = &facts.trained {
        let parameters = large(model.n_parameters, "parameter");
        let loss = curve.validations.last().map_or_else(String::new, |point| {
            let loss = decimals(point.nats_per_token, 2);
            format!(" with validation loss {loss} nats/token")
        });
        parts.push(format!("a model of {parameters}{loss}"));
    }
    parts.join(", ") + "."
}

/// A large number in millions.
fn large(number: u64, thing: &str) -> String {
    if number < 1_000_000 {
        return things(number, thing);
    }
    format!("{}\u{a0}M {thing}s", decimals(number as f64 / 1e6, 1))
}

/// One row for reading, for the quarantine and for each stage: what was removed and what remained.
pub(super) fn steps(facts: &Facts<'_>) -> Vec<Value> {
    let read = facts.ledger.outcome(Outcome::Read);
    let mut left = read;
    let mut rows = vec![row("read", "", read, Count::default(), left)];
    let mut take = |name: &str, kind: &str, lost: Count| {
        left.documents = left.documents.saturating_sub(lost.documents);
        left.bytes = left.bytes.saturating_sub(lost.bytes);
        rows.push(row(name, kind, read, lost, left));
    };
    take("quarantine", "damaged or without text", facts.ledger.outcome(Outcome::Quarantined));
    for stage in &facts.recipe.stages {
        let here = |a: &Account| a.outcome == Outcome::Dropped && a.stage == stage.name;
        take(&stage.name, stage.kind(), facts.ledger.total(here));
    }
    rows
}

fn row(name: &str, kind: &str, read: Count, lost: Count, left: Count) -> Value {
    let lost_share = share(lost.documents, read.documents);
    let left_share = share(left.documents, read.documents);
    context! {
        name,
        kind,
        lost => lost.documents,
        lost_share,
        lost_bytes => lost.bytes,
        lost_width => width(lost_share),
        left => left.documents,
        left_share,
        left_bytes => left.bytes,
        left_width => width(left_share),
    }
}

/// The documents read from each source and those kept.
pub(super) fn sources(facts: &Facts<'_>) -> Vec<Value> {
    let source = |name: &str| {
        let of = |outcome| facts.ledger.total(|a| a.source == name && a.outcome == outcome);
        let (read, kept) = (of(Outcome::Read), of(Outcome::Kept));
        context! {
            name,
            read => read.documents,
            read_bytes => read.bytes,
            quarantined => of(Outcome::Quarantined).documents,
            dropped => of(Outcome::Dropped).documents,
            kept => kept.documents,
            kept_bytes => kept.bytes,
            kept_share => share(kept.documents, read.documents),
        }
    };
    facts.recipe.sources.iter().map(|s| source(&s.name)).collect()
}

/// The number of records that cannot be documents, such as requests, in words; empty if there are
/// none.
pub(super) fn skipped(facts: &Facts<'_>) -> String {
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    let skipped = facts.ledger.rows().filter(|(a, _)| a.outcome == Outcome::Skipped);
    for (account, number) in skipped {
        *kinds.entry(&account.reason).or_default() += number.documents;
    }
    let kinds: Vec<String> =
        kinds.iter().map(|(kind, number)| format!("{kind} {}", count(*number))).collect();
    kinds.join(", ")
}
