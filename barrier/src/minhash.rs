//! `minhash`: drops documents with similar content.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::Field;
use bug::{Bug, OrBug as _};
use dedup::datatrove::HASHES_PER_BUCKET;
use dedup::leaders::Verify;
use serde::{Deserialize, Serialize};
use text::minhash::{
    DatatroveHash, MinHashConfig, MinHasher, Precision, Scheme, Scratch, Signature,
    bands_for_threshold,
};
use toml::Table;

use crate::columns::cluster_size_field;
use crate::cost::{Cost, PairCost};
use crate::decision::Decision;
use crate::duplicates::datatrove::Datatrove;
use crate::duplicates::{Comparison, Duplicates, KEEP_LONGEST, Near, index};
use crate::error::Result;
use crate::input::BarrierInput;
use crate::keys::{KeyLayout, KeyMaker, Keys};
use crate::known::{Known, Unusable};
use crate::option::{OptionError, Options, options};
use crate::stage::BarrierStage;

/// The name by which recipes use the stage.
pub(super) const KIND: &str = "minhash";

/// Bytes of a band's row in the sort: a key of 8 bytes and an ordinal.
const ROW_BYTES: f64 = 16.0;

/// FineWeb's parameters (Penedo et al. 2024, section 3.4): 14 bands of 8 hashes over 5-grams.
const FINEWEB: (usize, usize) = (14, 8);

/// The bands and rows of `fast`. With these, 98 % of the pairs at the threshold become candidates;
/// with FineWeb's it is 77 %. Verification removes the additional false candidates.
const FAST: (usize, usize) = (20, 6);

/// The default similarity from which documents are near duplicates.
const THRESHOLD: f64 = 0.75;

/// The most hashes that are divided into bands and rows if a threshold is given.
const THRESHOLD_HASHES: usize = 128;

/// The most hashes of a signature. Each costs time for every word of every document.
const HASHES_MAX: usize = 4096;

/// Ready-made settings of `minhash`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Preset {
    /// Our own scheme: one pass over the bytes, one hash per shingle, more bands, verified.
    #[serde(rename = "fast")]
    Fast,
    /// FineWeb's bands over simplified words, 64-bit hashes, verified.
    #[serde(rename = "fineweb")]
    FineWeb,
    /// Exactly as datatrove 0.10: the same signatures, clusters and survivors.
    #[serde(rename = "datatrove-0.10")]
    Datatrove,
}

/// Options of `minhash`. Defaults come from the preset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MinHashOptions {
    /// The source of the other options' defaults.
    preset: Preset,
    /// The similarity from which documents are near duplicates. If it is given, bands and rows
    /// follow from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold: Option<f64>,
    /// Number of bands, which are groups of minima.
    #[serde(skip_serializing_if = "Option::is_none")]
    bands: Option<usize>,
    /// Minima per band.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<usize>,
    /// Words per shingle.
    ngram_words: usize,
    /// Bits of a hash: 32 or 64.
    precision_bits: Precision,
    /// The hash function of `datatrove-0.10`: `xxhash` or `sha1`.
    hash: DatatroveHash,
    /// The seed that selects the hash functions.
    seed: u64,
    /// How candidates are verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    verify: Option<Verify>,
    /// The SQL ORDER BY list that picks the survivor of a cluster: its first document. Ties go to
    /// the smallest id. Without it, `datatrove-0.10` keeps the document that datatrove keeps.
    #[serde(skip_serializing_if = "Option::is_none")]
    keep: Option<String>,
    /// Clusters with more documents than this are reported with the lines that their members share.
    report_size: u32,
    /// Whether to write datatrove's files, too (`datatrove-0.10` only).
    datatrove_files: bool,
    /// Directories of earlier runs. Copies of their documents are dropped.
    against: Vec<String>,
    /// Whether to write an index, so that later runs can name this run in `against`.
    index: bool,
}

impl Default for MinHashOptions {
    fn default() -> Self {
        Self {
            preset: Preset::Fast,
            threshold: None,
            bands: None,
            rows: None,
            ngram_words: 5,
            precision_bits: Precision::Bits64,
            hash: DatatroveHash::Xxhash,
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

/// Reads and checks the options of `minhash`.
///
/// # Errors
/// An option is unknown, has the wrong type or is out of range.
pub(super) fn load(with: &Options) -> std::result::Result<Arc<dyn BarrierStage>, OptionError> {
    options::<MinHashOptions>(with)?.resolved().map(|options| Arc::new(options) as _)
}

impl Preset {
    fn bands_and_rows(self) -> (usize, usize) {
        match self {
            Self::Fast => FAST,
            Self::FineWeb | Self::Datatrove => FINEWEB,
        }
    }
}

impl MinHashOptions {
    /// Fills in the values that follow from the preset and the threshold.
    fn resolved(mut self) -> std::result::Result<Self, OptionError> {
        let (mut bands, mut rows) = self.preset.bands_and_rows();
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
            let message = format!("{bands} bands × {rows} rows are more than {HASHES_MAX} hashes");
            return Err(OptionError::new("bands", message, "FineWeb's are bands = 14, rows = 8"));
        }
        if self.preset == Preset::Datatrove && rows != HASHES_PER_BUCKET {
            let help = "the preset `datatrove-0.10` has 8 rows; change the number of bands instead";
            return Err(OptionError::new("rows", format!("`rows` is {rows}"), help));
        }
        if self.preset != Preset::Datatrove {
            if self.hash != DatatroveHash::Xxhash || self.datatrove_files {
                let key = if self.datatrove_files { "datatrove_files" } else { "hash" };
                let message = format!("`{key}` belongs to the preset `datatrove-0.10`");
                return Err(OptionError::new(
                    key,
                    message,
                    "add preset = \"datatrove-0.10\", or remove this option",
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
            let message = "this preset keeps the survivors of datatrove, which has no `against`";
            let help = "add keep = \"length(text) DESC\", or remove `against`";
            return Err(OptionError::new("against", message, help));
        }
        Ok(self)
    }

    /// The configuration of the signatures.
    fn config(&self) -> MinHashConfig {
        let (bands, rows) = self.preset.bands_and_rows();
        MinHashConfig {
            scheme: match self.preset {
                Preset::Fast => Scheme::Fast,
                Preset::FineWeb => Scheme::FineWeb,
                Preset::Datatrove => Scheme::Datatrove { hash: self.hash },
            },
            bands: self.bands.unwrap_or(bands),
            rows: self.rows.unwrap_or(rows),
            ngram_words: self.ngram_words,
            precision: self.precision_bits,
            seed: self.seed,
        }
    }

    /// Whether the minima themselves are needed, for datatrove's files or its survivors.
    fn needs_minima(&self) -> bool {
        self.keeps_as_datatrove() || self.datatrove_files
    }

    /// Whether the survivors are those that datatrove would keep.
    fn keeps_as_datatrove(&self) -> bool {
        self.preset == Preset::Datatrove && self.keep.is_none() && self.verify == Some(Verify::Off)
    }

    /// How candidates are compared.
    fn near(&self) -> Near {
        Near {
            verify: self.verify.unwrap_or(Verify::Jaccard),
            threshold: self.threshold.unwrap_or(THRESHOLD) as f32,
            config: self.config(),
        }
    }

    /// The settings for datatrove's files and survivors, if either is wanted.
    fn datatrove(&self) -> Option<Datatrove> {
        self.needs_minima().then(|| Datatrove {
            precision: self.precision_bits,
            buckets: self.config().bands,
            writes_files: self.datatrove_files,
            chooses_survivors: self.keeps_as_datatrove(),
        })
    }
}

impl BarrierStage for MinHashOptions {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn options(&self) -> std::result::Result<Table, Bug> {
        Table::try_from(self).or_bug("options of `minhash` as TOML")
    }

    fn keep(&self) -> Option<&str> {
        self.keep.as_deref()
    }

    fn against(&self) -> &[String] {
        &self.against
    }

    fn known(&self, stage: &str, folder: &Path) -> std::result::Result<Vec<Known>, Unusable> {
        index::find(self, stage, folder)
    }

    fn has_clusters(&self) -> bool {
        true
    }

    fn key_layout(&self) -> KeyLayout {
        KeyLayout::Bands { bands: self.config().bands, minima: self.needs_minima() }
    }

    fn key_maker(&self) -> Box<dyn KeyMaker> {
        Box::new(SignatureMaker {
            hasher: MinHasher::new(self.config()),
            scratch: Scratch::default(),
            signature: Signature::default(),
            minima: self.needs_minima(),
        })
    }

    fn columns(&self) -> Vec<Field> {
        vec![cluster_size_field()]
    }

    fn cost(&self, documents: u64, memory_bytes: u64) -> Option<Cost> {
        let config = self.config();
        let (bands, rows) = (config.bands as f64, config.rows as f64);
        let minima_bytes = if self.needs_minima() { 8.0 * bands * rows } else { 0.0 };
        let pairs = PairCost {
            keys: bands,
            row_bytes: ROW_BYTES,
            key_bytes: bands * (8.0 + rows) + minima_bytes,
            minima_bytes,
            gathers_keys: self.verify != Some(Verify::Off),
        };
        Some(pairs.of(documents, memory_bytes))
    }

    fn decide(&self, input: BarrierInput<'_>) -> Result<(Arc<dyn Decision>, String)> {
        let duplicates = Duplicates {
            reason: "near_duplicate",
            layout: self.key_layout(),
            comparison: Comparison::Near(self.near()),
            report_size: self.report_size,
            index: self.index.then_some(self),
            datatrove: self.datatrove(),
        };
        duplicates.decide(input)
    }
}

/// Makes MinHash signatures.
struct SignatureMaker {
    hasher: MinHasher,
    scratch: Scratch,
    signature: Signature,
    /// Whether to store the minima, too.
    minima: bool,
}

impl KeyMaker for SignatureMaker {
    fn make(&mut self, text: &str, _: Option<&[u8]>, keys: &mut Keys) {
        self.hasher.sign(text, &mut self.scratch, &mut self.signature);
        keys.set_signature(&self.signature);
        if self.minima {
            let minima = self.hasher.minima(text, &mut self.scratch);
            keys.minima.extend(minima.iter().flat_map(|minimum| minimum.to_be_bytes()));
        }
    }
}

#[cfg(test)]
mod tests {
    use toml::Value;

    use super::*;

    fn loaded(pairs: &[(&str, Value)]) -> std::result::Result<MinHashOptions, OptionError> {
        let with: Options = pairs.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
        options::<MinHashOptions>(&with)?.resolved()
    }

    #[test]
    fn a_preset_brings_its_bands_and_its_check() {
        let fast = loaded(&[]).unwrap();
        assert_eq!(
            (fast.bands, fast.rows, fast.verify),
            (Some(20), Some(6), Some(Verify::Jaccard))
        );
        let datatrove = loaded(&[("preset", "datatrove-0.10".into())]).unwrap();
        assert_eq!((datatrove.bands, datatrove.rows), (Some(14), Some(8)));
        assert_eq!(datatrove.verify, Some(Verify::Off));
        assert!(datatrove.keeps_as_datatrove() && datatrove.keep.is_none());
        assert!(fast.keep.is_some() && !fast.needs_minima());
    }

    #[test]
    fn a_threshold_picks_the_bands_unless_they_are_given() {
        let low = loaded(&[("threshold", 0.5.into())]).unwrap();
        let high = loaded(&[("threshold", 0.9.into())]).unwrap();
        assert!(low.rows < high.rows, "{low:?} {high:?}");
        let given = loaded(&[("threshold", 0.9.into()), ("bands", 3.into())]).unwrap();
        assert_eq!(given.bands, Some(3));
    }

    #[test]
    fn options_that_do_not_go_together_are_refused_by_name() {
        let datatrove = ("preset", Value::from("datatrove-0.10"));
        for (pairs, key) in [
            (vec![("threshold", Value::from(75))], "threshold"),
            (vec![("threshold", Value::from(1.5))], "threshold"),
            (vec![("bands", Value::from(0))], "bands"),
            (vec![("bands", Value::from(4096)), ("rows", Value::from(2))], "bands"),
            (vec![("precision_bits", Value::from(16))], "precision_bits"),
            (vec![("hash", Value::from("sha1"))], "hash"),
            (vec![("datatrove_files", Value::from(true))], "datatrove_files"),
            (vec![datatrove.clone(), ("rows", Value::from(4))], "rows"),
            (vec![datatrove, ("against", Value::Array(vec!["a".into()]))], "against"),
        ] {
            assert_eq!(loaded(&pairs).unwrap_err().key, key, "{pairs:?}");
        }
    }

    #[test]
    fn precision_is_written_as_its_bits() {
        let table = Table::try_from(loaded(&[]).unwrap()).unwrap();
        assert_eq!(table["precision_bits"], Value::from(64));
        assert_eq!(table["hash"], Value::from("xxhash"));
    }
}
