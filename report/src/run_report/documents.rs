//! The documents themselves: languages, lengths and clusters of duplicates.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use minijinja::{Value, context};

use super::ask::{Ask, is_text};
use crate::chart;
use crate::error::Result;
use crate::format::{share, width};

/// Number of languages that are listed; the others are counted together.
const LANGUAGES_MAX: usize = 20;

/// Number of clusters that are listed.
const CLUSTERS_MAX: usize = 5;

/// Ranges of cluster sizes: the first size of each range, which ends before the next one begins.
const CLUSTER_SIZES: [(u64, &str); 6] =
    [(2, "2"), (3, "3"), (4, "4–9"), (10, "10–99"), (100, "100–999"), (1000, "1,000 and more")];

/// Kept documents by language, the most common first; empty if no stage detected the language.
pub(super) fn languages(ask: &Ask) -> Result<Vec<Value>> {
    let code = match ask.column("docs", "language") {
        Some(DataType::Struct(fields)) => {
            let code = fields.iter().find(|field| field.name() == "code");
            code.filter(|field| is_text(field.data_type())).map(|_| "language['code']")
        }
        Some(data_type) if is_text(data_type) => Some("language"),
        _ => None,
    };
    let Some(code) = code else { return Ok(Vec::new()) };
    let sql = format!(
        "SELECT code, count(*) AS documents FROM (SELECT {code} AS code FROM docs) \
         GROUP BY code ORDER BY documents DESC, code"
    );
    let mut counted: Vec<(String, u64)> = Vec::new();
    let (mut total, mut others, mut other_languages) = (0, 0, 0_u64);
    ask.each(&sql, |row| {
        let documents = row.number(1)?;
        total += documents;
        if counted.len() < LANGUAGES_MAX {
            let name = if row.text(0).is_empty() { "unknown" } else { row.text(0) };
            counted.push((name.to_owned(), documents));
        } else {
            others += documents;
            other_languages += 1;
        }
        Ok(())
    })?;
    let most = counted.first().map_or(0, |(_, documents)| *documents);
    if other_languages > 0 {
        counted.push((format!("{other_languages} others"), others));
    }
    Ok(bars(&counted, total, most))
}

/// Rows of a bar chart, their widths relative to `most`.
fn bars(rows: &[(String, u64)], total: u64, most: u64) -> Vec<Value> {
    let row = |(name, documents): &(String, u64)| {
        context! {
            name,
            documents => *documents,
            share => share(*documents, total),
            width => width(share(*documents, most)),
        }
    };
    rows.iter().map(row).collect()
}

/// The lengths of the kept documents in bytes; `None` where there are no documents.
pub(super) fn lengths(ask: &Ask) -> Result<Option<Value>> {
    // The shards' index has the lengths, so the texts need not be read.
    let from = if ask.has("shard_docs") {
        "SELECT n_bytes AS length FROM shard_docs"
    } else if ask.has_text("docs", "text") {
        "SELECT octet_length(text) AS length FROM docs WHERE text IS NOT NULL"
    } else {
        return Ok(None);
    };
    let sql = format!("SELECT length, count(*) FROM ({from}) GROUP BY length ORDER BY length");
    let mut lengths: Vec<(u64, u64)> = Vec::new();
    ask.each(&sql, |row| {
        lengths.push((row.number(0)?, row.number(1)?));
        Ok(())
    })?;
    let (Some((shortest, _)), Some((longest, _))) = (lengths.first(), lengths.last()) else {
        return Ok(None);
    };
    let (shortest, longest) = (*shortest, *longest);
    let documents: u64 = lengths.iter().map(|(_, documents)| documents).sum();
    let bytes: u64 = lengths.iter().map(|(length, documents)| length * documents).sum();
    let buckets = buckets(&lengths);
    Ok(Some(context! {
        shortest,
        median => median(&lengths, documents),
        mean => bytes / documents.max(1),
        longest,
        wide => Value::from_safe_string(chart::lengths(&buckets, chart::WIDE)?),
        narrow => Value::from_safe_string(chart::lengths(&buckets, chart::NARROW)?),
    }))
}

/// Number of documents with lengths in [2^k, 2^(k+1)), by k, without gaps.
fn buckets(lengths: &[(u64, u64)]) -> Vec<(u32, u64)> {
    let mut counted: BTreeMap<u32, u64> = BTreeMap::new();
    for (length, documents) in lengths {
        *counted.entry(length.max(&1).ilog2()).or_default() += documents;
    }
    let first = counted.keys().next().copied().unwrap_or(0);
    let last = counted.keys().next_back().copied().unwrap_or(0);
    (first..=last).map(|k| (k, counted.get(&k).copied().unwrap_or(0))).collect()
}

/// The smallest length that at least half of the documents do not exceed; `lengths` is ascending.
fn median(lengths: &[(u64, u64)], documents: u64) -> u64 {
    let mut seen = 0;
    for (length, here) in lengths {
        seen += here;
        if seen * 2 >= documents {
            return *length;
        }
    }
    0
}

/// Clusters of duplicates: their number by size, and the largest ones.
pub(super) fn clusters(ask: &Ask) -> Result<Option<Value>> {
    if !ask.has("clusters") {
        return Ok(None);
    }
    let sql = "SELECT size, count(*) FROM clusters WHERE survivor GROUP BY size ORDER BY size";
    let mut sizes: Vec<(u64, u64)> = Vec::new();
    ask.each(sql, |row| {
        sizes.push((row.number(0)?, row.number(1)?));
        Ok(())
    })?;
    if sizes.is_empty() {
        return Ok(None);
    }
    let clusters: u64 = sizes.iter().map(|(_, clusters)| clusters).sum();
    let documents: u64 = sizes.iter().map(|(size, clusters)| size * clusters).sum();
    let counted = by_size(&sizes);
    let most = counted.iter().map(|(_, clusters)| *clusters).max().unwrap_or(0);
    Ok(Some(context! {
        clusters,
        documents,
        sizes => bars(&counted, clusters, most),
        largest => largest(ask)?,
    }))
}

fn by_size(sizes: &[(u64, u64)]) -> Vec<(String, u64)> {
    let mut counted = Vec::new();
    for (index, (from, name)) in CLUSTER_SIZES.iter().enumerate() {
        let to = CLUSTER_SIZES.get(index + 1).map_or(u64::MAX, |(next, _)| *next);
        let here = sizes.iter().filter(|(size, _)| (*from..to).contains(size));
        counted.push(((*name).to_owned(), here.map(|(_, clusters)| clusters).sum()));
    }
    // Ranges above the largest cluster are empty, so they are not shown.
    let used = counted.iter().rposition(|(_, clusters)| *clusters > 0).map_or(0, |last| last + 1);
    counted.truncate(used);
    counted
}

/// The largest clusters, each with its survivor. A later stage may have dropped the survivor, so it
/// is looked up among the dropped documents too.
fn largest(ask: &Ask) -> Result<Vec<Value>> {
    let sql = format!(
        "SELECT stage, size, \"cluster\" FROM clusters WHERE survivor \
         ORDER BY size DESC, stage, \"cluster\" LIMIT {CLUSTERS_MAX}"
    );
    let mut found: Vec<(String, u64, u64)> = Vec::new();
    ask.each(&sql, |row| {
        found.push((row.text(0).to_owned(), row.number(1)?, row.number(2)?));
        Ok(())
    })?;
    let ids: Vec<u64> = found.iter().map(|(_, _, doc_id)| *doc_id).collect();
    let mut specimens = ask.specimens("dropped", &ids)?;
    specimens.append(&mut ask.specimens("docs", &ids)?);
    let lines = shared_lines(ask)?;
    let rows = found.iter().map(|(stage, size, doc_id)| {
        let survivor = specimens.get(doc_id);
        context! {
            stage,
            size => *size,
            doc_id => *doc_id,
            name => survivor.map(|s| &s.name),
            text => survivor.map(|s| &s.excerpt),
            lines => lines.get(&(stage.clone(), *doc_id)),
        }
    });
    Ok(rows.collect())
}

/// The lines that most members of a large cluster share, by stage and cluster.
fn shared_lines(ask: &Ask) -> Result<BTreeMap<(String, u64), Vec<Value>>> {
    let mut lines: BTreeMap<(String, u64), Vec<Value>> = BTreeMap::new();
    if !ask.has("large_clusters") {
        return Ok(lines);
    }
    let sql = "SELECT stage, \"cluster\", line, documents, sampled FROM large_clusters \
               ORDER BY stage, \"cluster\", documents DESC, line";
    ask.each(sql, |row| {
        let (documents, sampled) = (row.number(3)?, row.number(4)?);
        let line = context! { line => row.text(2), documents, sampled };
        lines.entry((row.text(0).to_owned(), row.number(1)?)).or_default().push(line);
        Ok(())
    })?;
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_fall_into_powers_of_two() {
        let lengths = [(0, 1), (1, 1), (7, 2), (8, 3), (16, 4)];
        assert_eq!(buckets(&lengths), [(0, 2), (1, 0), (2, 2), (3, 3), (4, 4)]);
        assert_eq!(median(&lengths, 11), 8);
    }

    #[test]
    fn every_cluster_has_its_size() {
        let sizes = [(2, 5), (3, 4), (4, 1), (9, 1), (10, 1), (99, 1), (5000, 1)];
        let counted: Vec<u64> = by_size(&sizes).into_iter().map(|(_, clusters)| clusters).collect();
        assert_eq!(counted, [5, 4, 2, 2, 0, 1]);
    }
}
