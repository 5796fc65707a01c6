//! The options of the stages `exact` and `minhash`.

use std::collections::BTreeMap;

use serde::Deserialize;
use text::minhash::{MinHashConfig, bands_for_threshold};
use toml::Value;

/// A deduplication stage.
#[derive(Debug, Clone, PartialEq)]
pub struct DedupStage {
    /// How documents are compared.
    pub method: Method,
    /// Which document of a cluster survives: the first in this ORDER BY list, then the smallest
    /// `doc_id`.
    pub keep: String,
}

/// How documents are compared.
#[derive(Debug, Clone, PartialEq)]
pub enum Method {
    /// Equal content.
    Exact(ExactOn),
    /// Similar content.
    MinHash(MinHashConfig),
}

/// What must be equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExactOn {
    /// The text, byte for byte.
    Text,
    /// The text without case, digits, punctuation and spacing.
    Normalised,
    /// The URL; documents without one are all different.
    Url,
}

/// A refused option: its key, what is wrong, the way out.
#[derive(Debug)]
pub struct OptionError {
    /// The option.
    pub key: String,
    /// What is wrong with it.
    pub message: String,
    /// The way out.
    pub help: String,
}

/// The longest text survives by default: of a page and its stub, the page.
const KEEP_LONGEST: &str = "length(text) DESC";

/// FineWeb's parameters (Penedo et al. 2024, section 3.4): 14 bands of 8 hashes over 5-grams.
const BANDS: usize = 14;
const ROWS: usize = 8;
const NGRAM_WORDS: usize = 5;

/// Hashes of a signature at most; each costs time for every word of every document.
const HASHES_MAX: usize = 4096;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ExactOptions {
    on: ExactOn,
    keep: String,
}

impl Default for ExactOptions {
    fn default() -> Self {
        Self { on: ExactOn::Text, keep: KEEP_LONGEST.into() }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct MinHashOptions {
    threshold: Option<f64>,
    bands: usize,
    rows: usize,
    ngram_words: usize,
    seed: u64,
    keep: String,
}

impl Default for MinHashOptions {
    fn default() -> Self {
        Self {
            threshold: None,
            bands: BANDS,
            rows: ROWS,
            ngram_words: NGRAM_WORDS,
            seed: 1,
            keep: KEEP_LONGEST.into(),
        }
    }
}

impl DedupStage {
    /// The names by which recipes use them.
    pub const NAMES: [&'static str; 2] = ["exact", "minhash"];

    /// The stage `name` with the options that a recipe gives.
    pub fn new(name: &str, with: &BTreeMap<String, Value>) -> Result<Self, OptionError> {
        if name == "exact" {
            let options: ExactOptions = options(with)?;
            return Ok(Self { method: Method::Exact(options.on), keep: options.keep });
        }
        let options: MinHashOptions = options(with)?;
        let refused = |key: &str, message: String, help: &str| {
            Err(OptionError { key: key.into(), message, help: help.into() })
        };
        let (mut bands, mut rows) = (options.bands, options.rows);
        if let Some(threshold) = options.threshold {
            if !(threshold > 0.0 && threshold < 1.0) {
                let message = format!("`threshold` is {threshold}, not a Jaccard similarity");
                return refused(
                    "threshold",
                    message,
                    "give a number between 0 and 1, such as 0.75",
                );
            }
            if with.contains_key("bands") || with.contains_key("rows") {
                let message = "`threshold` picks the bands and rows, and they are given too";
                return refused("threshold", message.into(), "keep either one");
            }
            (bands, rows) = bands_for_threshold(threshold, BANDS * ROWS);
        }
        for (key, value) in [("bands", bands), ("rows", rows), ("ngram_words", options.ngram_words)]
        {
            if value == 0 || value > HASHES_MAX {
                let message = format!("`{key}` is {value}");
                return refused(
                    key,
                    message,
                    "FineWeb's are bands = 14, rows = 8, ngram_words = 5",
                );
            }
        }
        if bands * rows > HASHES_MAX {
            let message = format!("{bands} × {rows} are more than {HASHES_MAX} hashes");
            return refused("bands", message, "FineWeb's are bands = 14, rows = 8");
        }
        let config =
            MinHashConfig { bands, rows, ngram_words: options.ngram_words, seed: options.seed };
        Ok(Self { method: Method::MinHash(config), keep: options.keep })
    }

    /// The reason in the ledger.
    pub fn reason(&self) -> &'static str {
        match self.method {
            Method::Exact(_) => "exact_duplicate",
            Method::MinHash(_) => "near_duplicate",
        }
    }
}

fn options<T: serde::de::DeserializeOwned>(
    with: &BTreeMap<String, Value>,
) -> Result<T, OptionError> {
    let table: toml::Table = with.clone().into_iter().collect();
    Value::Table(table).try_into().map_err(|error: toml::de::Error| {
        let message = error.message().to_owned();
        let (message, expected) = message
            .split_once(", expected")
            .map_or((message.clone(), String::new()), |(m, e)| (m.to_owned(), e.to_owned()));
        let refused = message.split('`').nth(1).unwrap_or_default().to_owned();
        let names = expected.split('`').skip(1).step_by(2);
        let help = match sql::nearest(&refused, names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("expected{expected}"),
        };
        // A wrong type names no key; the one whose value is of that kind is the best place.
        let key = with.keys().find(|key| **key == refused).or_else(|| with.keys().next());
        OptionError {
            key: key.cloned().unwrap_or_default(),
            message: message.replace("unknown field", "unknown option"),
            help,
        }
    })
}
