//! The distribution of every signal by source and language, to help choose thresholds.

mod distribution;
mod measures;
mod page;

use std::collections::BTreeMap;

pub use distribution::{Distribution, Row};
pub use measures::{MEASURES, Measure, Measurer};
pub use page::page;

use crate::error::Result;

/// Maximum number of groups; documents of further languages count as [`OTHER`].
const GROUPS_MAX: usize = 128;

/// The name that further languages share.
const OTHER: &str = "other";

/// The name for documents without a language.
const UNKNOWN: &str = "unknown";

/// How documents are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// All documents together.
    All,
    /// By source.
    Source,
    /// By language.
    Language,
    /// By source and language.
    SourceAndLanguage,
}

/// Distributions by source and language.
#[derive(Clone, Default)]
pub struct Stats {
    groups: BTreeMap<(String, String), Distribution>,
    /// Number of damaged records, which no distribution includes.
    pub damaged: u64,
}

impl Stats {
    /// Adds a document of `source` with a text of `bytes` bytes.
    pub fn add(
        &mut self,
        source: &str,
        language: Option<&str>,
        bytes: u64,
        values: &[Option<f64>],
    ) {
        self.group(source, language.unwrap_or(UNKNOWN)).add(bytes, values);
    }

    fn group(&mut self, source: &str, language: &str) -> &mut Distribution {
        let key = (source.to_owned(), language.to_owned());
        let full = self.groups.len() >= GROUPS_MAX && !self.groups.contains_key(&key);
        let key = if full { (source.to_owned(), OTHER.to_owned()) } else { key };
        self.groups.entry(key).or_default()
    }

    /// Adds all of `other`. Sums of floating-point numbers depend on their order, so parts must be
    /// merged in order.
    ///
    /// # Errors
    /// A [`bug::Bug`] if the sketches have different configurations.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        for ((source, language), distribution) in &other.groups {
            self.group(source, language).merge(distribution)?;
        }
        self.damaged += other.damaged;
        Ok(())
    }

    /// The groups, the largest first.
    ///
    /// # Errors
    /// A [`bug::Bug`] if the sketches have different configurations.
    pub fn groups(&self, by: By) -> Result<Vec<(String, Distribution)>> {
        let mut groups: BTreeMap<String, Distribution> = BTreeMap::new();
        for ((source, language), distribution) in &self.groups {
            let name = match by {
                By::All => "all".to_owned(),
                By::Source => source.clone(),
                By::Language => language.clone(),
                By::SourceAndLanguage => format!("{source}/{language}"),
            };
            groups.entry(name).or_default().merge(distribution)?;
        }
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_by_key(|(_, distribution)| std::cmp::Reverse(distribution.documents));
        Ok(groups)
    }

    /// The table: for each group, largest first, one row per measure that has values.
    ///
    /// # Errors
    /// As for [`Stats::groups`].
    pub fn rows(&self, by: By) -> Result<Vec<Row>> {
        let groups = self.groups(by)?;
        let rows = groups.iter().flat_map(|(name, distribution)| {
            (0..MEASURES.len()).filter_map(|index| distribution.row(name, index))
        });
        Ok(rows.collect())
    }
}
