//! The stages that look at all documents at once.

use std::collections::BTreeMap;

use toml::Value;

use super::option_error::{OptionError, options};
use super::options::{BloomOptions, ExactOptions, LineOptions, MinHashOptions, SubstringOptions};

/// A stage over all documents.
#[derive(Debug, Clone, PartialEq)]
pub enum DedupStage {
    /// `exact`: documents with equal content.
    Exact(ExactOptions),
    /// `bloom`: documents with equal content, in a stream without end.
    Bloom(BloomOptions),
    /// `minhash`: documents with similar content.
    MinHash(MinHashOptions),
    /// `lines`: lines, paragraphs or sentences that many documents share.
    Lines(LineOptions),
    /// `substrings`: long runs of words that stand in more than one place.
    Substrings(SubstringOptions),
}

impl DedupStage {
    /// The names by which recipes use them.
    pub const NAMES: [&'static str; 5] = ["exact", "bloom", "minhash", "lines", "substrings"];

    /// The stage `name` with the options that a recipe gives.
    pub fn new(name: &str, with: &BTreeMap<String, Value>) -> Result<Self, OptionError> {
        match name {
            "exact" => Ok(Self::Exact(options(with)?)),
            "bloom" => options(with).and_then(BloomOptions::checked).map(Self::Bloom),
            "lines" => options(with).and_then(LineOptions::checked).map(Self::Lines),
            "substrings" => options(with).and_then(SubstringOptions::checked).map(Self::Substrings),
            _ => options(with).and_then(|o: MinHashOptions| o.resolved(with)).map(Self::MinHash),
        }
    }

    /// The name under which it is used, and its options with every default filled in.
    pub fn resolved(&self) -> (&'static str, Option<Value>) {
        match self {
            Self::Exact(options) => ("exact", Value::try_from(options).ok()),
            Self::Bloom(options) => ("bloom", Value::try_from(options).ok()),
            Self::MinHash(options) => ("minhash", Value::try_from(options).ok()),
            Self::Lines(options) => ("lines", Value::try_from(options).ok()),
            Self::Substrings(options) => ("substrings", Value::try_from(options).ok()),
        }
    }

    /// The reason in the ledger of documents that it drops.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Exact(_) => "exact_duplicate",
            Self::Bloom(_) => "seen_before",
            Self::MinHash(_) => "near_duplicate",
            Self::Lines(_) | Self::Substrings(_) => "nothing_left",
        }
    }

    /// The ORDER BY list of survivors, where the stage chooses by one.
    pub fn keep(&self) -> Option<&str> {
        match self {
            Self::Exact(options) => Some(&options.keep),
            Self::MinHash(options) => options.keep.as_deref(),
            Self::Bloom(_) | Self::Lines(_) | Self::Substrings(_) => None,
        }
    }

    /// The SQL expression whose values are compared, where there is one.
    pub fn expression(&self) -> Option<&str> {
        let on = match self {
            Self::Exact(options) => options.on.as_str(),
            Self::Bloom(options) => options.on.as_str(),
            _ => return None,
        };
        match on {
            "text" | "normalised" => None,
            expression => Some(expression),
        }
    }

    /// Directories of earlier runs.
    pub fn against(&self) -> &[String] {
        match self {
            Self::Exact(options) => &options.against,
            Self::Bloom(options) => &options.against,
            Self::MinHash(options) => &options.against,
            Self::Lines(_) | Self::Substrings(_) => &[],
        }
    }

    /// Clusters of more documents are reported.
    pub fn report_size(&self) -> u32 {
        match self {
            Self::MinHash(options) => options.report_size,
            _ => u32::MAX,
        }
    }

    /// Whether its keys stay for later runs.
    pub fn has_index(&self) -> bool {
        match self {
            Self::Exact(options) => options.index,
            Self::MinHash(options) => options.index,
            _ => false,
        }
    }

    /// Whether it says who is a duplicate of whom.
    pub fn has_clusters(&self) -> bool {
        matches!(self, Self::Exact(_) | Self::MinHash(_))
    }

    /// Whether it changes texts, so that what follows must see the documents anew.
    pub fn rewrites(&self) -> bool {
        matches!(self, Self::Lines(_) | Self::Substrings(_))
    }
}
