//! The stages that look at all documents at once.

use std::collections::BTreeMap;

use bug::{Bug, OrBug as _};
use toml::{Table, Value};

use super::option_error::{OptionError, options};
use super::options::{BloomOptions, ExactOptions, LineOptions, MinHashOptions, SubstringOptions};

/// A stage over all documents.
#[derive(Debug, Clone, PartialEq)]
pub enum BarrierStage {
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

impl BarrierStage {
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

    /// The name by which recipes use it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Exact(_) => "exact",
            Self::Bloom(_) => "bloom",
            Self::MinHash(_) => "minhash",
            Self::Lines(_) => "lines",
            Self::Substrings(_) => "substrings",
        }
    }

    /// Its options with every default filled in.
    pub fn options(&self) -> Result<Table, Bug> {
        match self {
            Self::Exact(options) => Table::try_from(options),
            Self::Bloom(options) => Table::try_from(options),
            Self::MinHash(options) => Table::try_from(options),
            Self::Lines(options) => Table::try_from(options),
            Self::Substrings(options) => Table::try_from(options),
        }
        .or_bug("the options of a stage as TOML")
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
