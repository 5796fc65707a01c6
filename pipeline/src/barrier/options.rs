//! The options of stages over all documents, as a recipe gives them.

use std::collections::BTreeMap;

use dedup::datatrove::HASHES_PER_BUCKET;
use dedup::lines::{Lines, Unit};
use serde::{Deserialize, Serialize};
use text::minhash::{DatatroveHash, MinHashConfig, Precision, Scheme, bands_for_threshold};
use toml::Value;

use super::option_error::OptionError;

/// The longest text survives by default: of a page and its stub, the page.
const KEEP_LONGEST: &str = "length(text) DESC";

/// FineWeb's parameters (Penedo et al. 2024, section 3.4): 14 bands of 8 hashes over 5-grams.
const FINEWEB: (usize, usize) = (14, 8);

/// The bands and rows of `fast`: 98 % of pairs at its threshold become candidates, where FineWeb's
/// find 77 %. Verification takes out what it finds too much.
const FAST: (usize, usize) = (20, 6);

/// The similarity from which documents are near duplicates, where none is given.
const THRESHOLD: f64 = 0.75;

/// Hashes of a signature that a threshold may spend.
const THRESHOLD_HASHES: usize = 128;

/// Words of the shortest run that `substrings` looks for.
const TOKENS_MIN: usize = 8;

/// Hashes of a signature at most; each costs time for every word of every document.
const HASHES_MAX: usize = 4096;

/// Options of `exact`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExactOptions {
    /// What must be equal: `text`; `normalised`, the text without case, punctuation, spacing and the
    /// values of numbers; `url`; or any SQL expression over the columns. Documents whose value is
    /// NULL are all different.
    pub on: String,
    /// Which document of a cluster survives: the first in this ORDER BY list, then the smallest id.
    pub keep: String,
    /// Directories of earlier runs whose documents count as known.
    pub against: Vec<String>,
    /// Whether later runs can name this one in `against`.
    pub index: bool,
}

impl Default for ExactOptions {
    fn default() -> Self {
        Self { on: "text".into(), keep: KEEP_LONGEST.into(), against: Vec::new(), index: false }
    }
}

/// Options of `bloom`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BloomOptions {
    /// What must be equal, as for `exact`.
    pub on: String,
    /// Distinct documents that the filter is made for.
    pub capacity: u64,
    /// The chance that a new document is taken for a known one when the filter is full.
    pub false_positive_rate: f64,
    /// Directories of earlier runs whose filters are taken over; they must be of the same size.
    pub against: Vec<String>,
}

impl Default for BloomOptions {
    fn default() -> Self {
        Self {
            on: "text".into(),
            capacity: 100_000_000,
            false_positive_rate: 1e-6,
            against: Vec::new(),
        }
    }
}

/// Ready-made settings of `minhash`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Preset {
    /// Our own: one pass over the bytes, one hash a shingle, more bands, verified.
    #[serde(rename = "fast")]
    Fast,
    /// FineWeb's bands over simplified words, 64-bit hashes, verified.
    #[serde(rename = "fineweb")]
    FineWeb,
    /// datatrove 0.10 to the byte: its signatures, its clusters, its survivors.
    #[serde(rename = "datatrove-0.10")]
    Datatrove,
}

/// How candidates are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verify {
    /// By the estimate of their signatures, and by the true Jaccard similarity near the threshold.
    Jaccard,
    /// By the share of the smaller document's shingles that the other has.
    Containment,
    /// By the estimate of their signatures alone.
    Signature,
    /// Not at all: candidates of candidates are one cluster.
    Off,
}

/// The hash functions of datatrove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hash {
    /// xxHash, datatrove's default.
    Xxhash,
    /// SHA-1.
    Sha1,
}

/// Options of `minhash`; what is not given is the preset's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MinHashOptions {
    /// Where the other options come from.
    pub preset: Preset,
    /// The similarity from which documents are near duplicates. Given, it picks bands and rows too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Groups of minima.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bands: Option<usize>,
    /// Minima in a group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<usize>,
    /// Words in a shingle.
    pub ngram_words: usize,
    /// Bits of a hash: 32 or 64.
    pub precision_bits: u32,
    /// The hash function of `datatrove-0.10`: `xxhash` or `sha1`.
    pub hash: Hash,
    /// Chooses the hash functions.
    pub seed: u64,
    /// How candidates are checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verify>,
    /// Which document of a cluster survives: the first in this ORDER BY list, then the smallest id.
    /// `datatrove-0.10` without it keeps the document that datatrove keeps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<String>,
    /// Clusters of more documents are reported with the lines that their members share.
    pub report_size: u32,
    /// Whether datatrove's files are written too (`datatrove-0.10` only).
    pub datatrove_files: bool,
    /// Directories of earlier runs whose documents count as known.
    pub against: Vec<String>,
    /// Whether later runs can name this one in `against`.
    pub index: bool,
}

impl Default for MinHashOptions {
    fn default() -> Self {
        Self {
            preset: Preset::Fast,
            threshold: None,
            bands: None,
            rows: None,
            ngram_words: 5,
            precision_bits: 64,
            hash: Hash::Xxhash,
            seed: 1,
            verify: None,
            keep: None,
            report_size: 1000,
            datatrove_files: false,
            against: Vec::new(),
            index: false,
        }
    }
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineUnit {
    /// What stands between line ends.
    Line,
    /// What stands between blank lines.
    Paragraph,
    /// A sentence.
    Sentence,
}

/// Options of `lines`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "a recipe sets each on its own")]
pub struct LineOptions {
    /// What is compared.
    pub unit: LineUnit,
    /// In more documents than this a line is repeated.
    pub max_documents: u64,
    /// Shorter lines are not looked at.
    pub min_characters: usize,
    /// Whether lines are compared without case, punctuation and the values of numbers.
    pub simplified: bool,
    /// Successive lines that are compared as one: 3 sentences make the spans of C4.
    pub run_units: usize,
    /// Whether the first document with a repeated line keeps it.
    pub keep_first: bool,
    /// Whether lines that stand in the same document before are repeated too.
    pub within: bool,
    /// Whether repeated lines are taken out; they are counted in any case.
    pub remove: bool,
}

impl Default for LineOptions {
    fn default() -> Self {
        Self {
            unit: LineUnit::Line,
            max_documents: 10,
            min_characters: 10,
            simplified: false,
            run_units: 1,
            keep_first: false,
            within: false,
            remove: true,
        }
    }
}

/// Options of `substrings`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SubstringOptions {
    /// Words that a repeated run has at least (Lee et al. 2022 use 50 tokens).
    pub min_tokens: usize,
    /// Whether the first place of a repeated run stays as it is.
    pub keep_first: bool,
    /// Whether repeated runs are taken out; where they stand is reported in any case.
    pub remove: bool,
}

impl Default for SubstringOptions {
    fn default() -> Self {
        Self { min_tokens: 50, keep_first: true, remove: true }
    }
}

impl BloomOptions {
    pub(super) fn checked(self) -> Result<Self, OptionError> {
        if self.capacity == 0 {
            return Err(OptionError::new(
                "capacity",
                "`capacity` is 0",
                "how many documents will the stream have at most?",
            ));
        }
        if !(self.false_positive_rate > 0.0 && self.false_positive_rate < 1.0) {
            let message = format!("`false_positive_rate` is {}", self.false_positive_rate);
            return Err(OptionError::new(
                "false_positive_rate",
                message,
                "give a chance between 0 and 1, such as 1e-6",
            ));
        }
        Ok(self)
    }
}

impl LineOptions {
    pub(super) fn checked(self) -> Result<Self, OptionError> {
        if self.max_documents == 0 {
            let help = "1 takes out what a second document repeats";
            return Err(OptionError::new(
                "max_documents",
                "`max_documents` is 0: every line is in one",
                help,
            ));
        }
        Ok(self)
    }
}

impl LineOptions {
    /// What is compared.
    pub fn lines(&self) -> Lines {
        Lines::new(dedup::lines::LineOptions {
            unit: match self.unit {
                LineUnit::Line => Unit::Line,
                LineUnit::Paragraph => Unit::Paragraph,
                LineUnit::Sentence => Unit::Sentence,
            },
            simplified: self.simplified,
            min_characters: self.min_characters,
            run_units: self.run_units,
        })
    }
}

impl SubstringOptions {
    pub(super) fn checked(self) -> Result<Self, OptionError> {
        if self.min_tokens < TOKENS_MIN {
            let message = format!("`min_tokens` is {}", self.min_tokens);
            let help = format!("language repeats short runs; give at least {TOKENS_MIN}");
            return Err(OptionError::new("min_tokens", message, help));
        }
        Ok(self)
    }
}

impl MinHashOptions {
    /// With the preset's and the threshold's choices filled in.
    pub(super) fn resolved(mut self, with: &BTreeMap<String, Value>) -> Result<Self, OptionError> {
        let preset_bands = match self.preset {
            Preset::Fast => FAST,
            Preset::FineWeb | Preset::Datatrove => FINEWEB,
        };
        let (mut bands, mut rows) = preset_bands;
        if let Some(threshold) = self.threshold {
            if !(threshold > 0.0 && threshold < 1.0) {
                let message = format!("`threshold` is {threshold}, not a Jaccard similarity");
                let help = "give a number between 0 and 1, such as 0.75";
                return Err(OptionError::new("threshold", message, help));
            }
            if self.preset != Preset::Datatrove {
                (bands, rows) = bands_for_threshold(threshold, THRESHOLD_HASHES);
            }
        }
        let (bands, rows) = (self.bands.unwrap_or(bands), self.rows.unwrap_or(rows));
        for (key, value) in [("bands", bands), ("rows", rows), ("ngram_words", self.ngram_words)] {
            if value == 0 || value > HASHES_MAX {
                let help = "FineWeb's are bands = 14, rows = 8, ngram_words = 5";
                return Err(OptionError::new(key, format!("`{key}` is {value}"), help));
            }
        }
        if bands * rows > HASHES_MAX {
            let message = format!("{bands} × {rows} are more than {HASHES_MAX} hashes");
            return Err(OptionError::new("bands", message, "FineWeb's are bands = 14, rows = 8"));
        }
        if !matches!(self.precision_bits, 32 | 64) {
            let message = format!("`precision_bits` is {}", self.precision_bits);
            return Err(OptionError::new("precision_bits", message, "give 32 or 64"));
        }
        if self.preset == Preset::Datatrove && rows != HASHES_PER_BUCKET {
            let help = "datatrove's files are written with 8 rows here; choose the number of bands";
            return Err(OptionError::new("rows", format!("`rows` is {rows}"), help));
        }
        if self.preset != Preset::Datatrove {
            if with.contains_key("hash") || self.datatrove_files {
                let key = if self.datatrove_files { "datatrove_files" } else { "hash" };
                let message = format!("`{key}` belongs to the preset `datatrove-0.10`");
                return Err(OptionError::new(
                    key,
                    message,
                    "add preset = \"datatrove-0.10\", or leave it out",
                ));
            }
            self.keep.get_or_insert_with(|| KEEP_LONGEST.into());
        }
        (self.bands, self.rows) = (Some(bands), Some(rows));
        self.threshold.get_or_insert(THRESHOLD);
        self.verify.get_or_insert(match self.preset {
            Preset::Datatrove => Verify::Off,
            Preset::Fast | Preset::FineWeb => Verify::Jaccard,
        });
        if self.keeps_as_datatrove() && !self.against.is_empty() {
            let message = "`against` is not what datatrove does, whose survivors this preset keeps";
            let help = "add keep = \"length(text) DESC\", or leave `against` out";
            return Err(OptionError::new("against", message, help));
        }
        Ok(self)
    }

    /// The configuration of the signatures.
    pub fn config(&self) -> MinHashConfig {
        let (bands, rows) = match self.preset {
            Preset::Fast => FAST,
            Preset::FineWeb | Preset::Datatrove => FINEWEB,
        };
        MinHashConfig {
            scheme: match self.preset {
                Preset::Fast => Scheme::Fast,
                Preset::FineWeb => Scheme::FineWeb,
                Preset::Datatrove => Scheme::Datatrove {
                    hash: match self.hash {
                        Hash::Xxhash => DatatroveHash::Xxhash,
                        Hash::Sha1 => DatatroveHash::Sha1,
                    },
                },
            },
            bands: self.bands.unwrap_or(bands),
            rows: self.rows.unwrap_or(rows),
            ngram_words: self.ngram_words,
            precision: if self.precision_bits == 32 {
                Precision::Bits32
            } else {
                Precision::Bits64
            },
            seed: self.seed,
        }
    }

    /// Whether the minima themselves are needed, for datatrove's files or its survivors.
    pub fn needs_minima(&self) -> bool {
        self.keeps_as_datatrove() || self.datatrove_files
    }

    /// Whether documents survive as datatrove has it.
    pub fn keeps_as_datatrove(&self) -> bool {
        self.preset == Preset::Datatrove && self.keep.is_none() && self.verify == Some(Verify::Off)
    }
}
