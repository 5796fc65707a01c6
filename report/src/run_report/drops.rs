//! Why documents were dropped: the reasons of each stage with an example, and the quarantine.

use std::collections::BTreeMap;

use minijinja::{Value, context};
use tables::{Count, Outcome};

use super::ask::{Ask, Specimen};
use super::facts::Facts;
use crate::error::Result;
use crate::format::{excerpt, file_name, share, width};

/// Number of reasons shown per stage, most common first. It is bounded because a user's stage may
/// compute reasons from data.
const REASONS_MAX: usize = 40;

/// Number of damaged records listed for each reason.
const PLACES_MAX: usize = 5;

/// A stage and a drop reason.
type Reason = (String, String);

/// The stages that dropped documents, in the recipe's order, with their reasons.
pub(super) fn stages(facts: &Facts<'_>, ask: &Ask) -> Result<Vec<Value>> {
    let reasons = by_reason(facts, Outcome::Dropped);
    let first = first_documents(ask)?;
    let most = reasons.values().map(|count| count.documents).max().unwrap_or(0);
    let read = facts.ledger.outcome(Outcome::Read).documents;
    let mut stages = Vec::new();
    for stage in &facts.recipe.stages {
        let mut here: Vec<(&Reason, &Count)> =
            reasons.iter().filter(|((name, _), _)| *name == stage.name).collect();
        if here.is_empty() {
            continue;
        }
        here.sort_by_key(|(reason, count)| (std::cmp::Reverse(count.documents), *reason));
        let dropped: u64 = here.iter().map(|(_, count)| count.documents).sum();
        let (shown, rest) = here.split_at(here.len().min(REASONS_MAX));
        let ids: Vec<u64> =
            shown.iter().filter_map(|(reason, _)| first.get(*reason).copied()).collect();
        let specimens = ask.specimens("dropped", &ids)?;
        let rows = shown.iter().map(|(reason, count)| {
            let specimen = first.get(*reason).and_then(|id| specimens.get(id));
            row(&reason.1, **count, (read, most), specimen)
        });
        stages.push(context! {
            name => &stage.name,
            dropped,
            reasons => rows.collect::<Vec<Value>>(),
            more_reasons => rest.len(),
            more_documents => rest.iter().map(|(_, count)| count.documents).sum::<u64>(),
        });
    }
    Ok(stages)
}

fn row(reason: &str, count: Count, (read, most): (u64, u64), specimen: Option<&Specimen>) -> Value {
    context! {
        name => reason,
        documents => count.documents,
        bytes => count.bytes,
        share => share(count.documents, read),
        width => width(share(count.documents, most)),
        example => specimen.map(|s| context! { name => &s.name, text => &s.excerpt }),
    }
}

/// Counts by stage and reason, over all sources.
fn by_reason(facts: &Facts<'_>, outcome: Outcome) -> BTreeMap<Reason, Count> {
    let mut reasons: BTreeMap<Reason, Count> = BTreeMap::new();
    for (account, count) in facts.ledger.rows().filter(|(a, _)| a.outcome == outcome) {
        let sum = reasons.entry((account.stage.clone(), account.reason.clone())).or_default();
        sum.documents += count.documents;
        sum.bytes += count.bytes;
    }
    reasons
}

/// The first document dropped for each reason.
fn first_documents(ask: &Ask) -> Result<BTreeMap<Reason, u64>> {
    let mut first = BTreeMap::new();
    if ask.has("dropped") {
        let sql = "SELECT stage, reason, min(doc_id) FROM dropped \
                   GROUP BY stage, reason ORDER BY stage, reason";
        ask.each(sql, |row| {
            first.insert((row.text(0).to_owned(), row.text(1).to_owned()), row.number(2)?);
            Ok(())
        })?;
    }
    Ok(first)
}

/// The reasons of the quarantine, most common first, with a few places each.
pub(super) fn quarantine(facts: &Facts<'_>, ask: &Ask) -> Result<Vec<Value>> {
    let read = facts.ledger.outcome(Outcome::Read).documents;
    let reasons = by_reason(facts, Outcome::Quarantined);
    let most = reasons.values().map(|count| count.documents).max().unwrap_or(0);
    let mut reasons: Vec<(Reason, Count)> = reasons.into_iter().collect();
    reasons.sort_by(|(a, x), (b, y)| (y.documents, a).cmp(&(x.documents, b)));
    reasons
        .into_iter()
        .map(|((_, reason), count)| {
            Ok(context! {
                places => places(ask, &reason)?,
                ..row(&reason, count, (read, most), None)
            })
        })
        .collect()
}

/// The first places of damaged records with this reason. One query per reason keeps memory bounded.
fn places(ask: &Ask, reason: &str) -> Result<Vec<Value>> {
    let mut places = Vec::new();
    if ask.has("quarantine") {
        let sql = format!(
            "SELECT path, \"offset\", detail FROM quarantine WHERE reason = '{}' \
             ORDER BY source, path, \"offset\", ordinal LIMIT {PLACES_MAX}",
            reason.replace('\'', "''")
        );
        ask.each(&sql, |row| {
            let offset = row.number(1)?;
            places.push(context! {
                file => file_name(row.text(0)),
                offset,
                detail => excerpt(row.text(2)),
            });
            Ok(())
        })?;
    }
    Ok(places)
}
