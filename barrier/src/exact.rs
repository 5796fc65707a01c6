//! `exact`: drops documents with equal content.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::Field;
use bug::{Bug, OrBug as _};
use serde::{Deserialize, Serialize};
use toml::Table;

use crate::columns::cluster_size_field;
use crate::cost::{Cost, PairCost};
use crate::decision::Decision;
use crate::duplicates::{Comparison, Duplicates, KEEP_LONGEST, index};
use crate::error::Result;
use crate::input::BarrierInput;
use crate::keys::{Content, KeyLayout, KeyMaker};
use crate::known::{Known, Unusable};
use crate::option::{OptionError, Options, options};
use crate::stage::BarrierStage;

/// The name by which recipes use the stage.
pub(super) const KIND: &str = "exact";

/// Bytes of a row in the sort: a key of 16 bytes and an ordinal.
const ROW_BYTES: f64 = 24.0;

/// Bytes of a key in a key file.
const KEY_BYTES: f64 = 16.0;

/// Options of `exact`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ExactOptions {
    /// The content that is compared: `text`; `normalised`, which ignores case, punctuation, spacing
    /// and the values of numbers; `url`; or any SQL expression over the columns. A document whose
    /// value is NULL is never a duplicate.
    on: String,
    /// The SQL ORDER BY list that picks the survivor of a cluster: its first document. Ties go to
    /// the smallest id.
    keep: String,
    /// Directories of earlier runs. Copies of their documents are dropped.
    against: Vec<String>,
    /// Whether to write an index, so that later runs can name this run in `against`.
    index: bool,
}

impl Default for ExactOptions {
    fn default() -> Self {
        Self { on: "text".into(), keep: KEEP_LONGEST.into(), against: Vec::new(), index: false }
    }
}

/// Reads the options of `exact`.
///
/// # Errors
/// An option is unknown or has the wrong type.
pub(super) fn load(with: &Options) -> std::result::Result<Arc<dyn BarrierStage>, OptionError> {
    Ok(Arc::new(options::<ExactOptions>(with)?))
}

impl BarrierStage for ExactOptions {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn options(&self) -> std::result::Result<Table, Bug> {
        Table::try_from(self).or_bug("options of `exact` as TOML")
    }

    fn keep(&self) -> Option<&str> {
        Some(&self.keep)
    }

    fn expression(&self) -> Option<&str> {
        Content::expression(&self.on)
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

    fn key_maker(&self) -> Box<dyn KeyMaker> {
        Box::new(Content::named(&self.on))
    }

    fn columns(&self) -> Vec<Field> {
        vec![cluster_size_field()]
    }

    fn cost(&self, documents: u64, memory_bytes: u64) -> Option<Cost> {
        let pairs = PairCost {
            keys: 1.0,
            row_bytes: ROW_BYTES,
            key_bytes: KEY_BYTES,
            minima_bytes: 0.0,
            gathers_keys: false,
        };
        Some(pairs.of(documents, memory_bytes))
    }

    fn decide(&self, input: BarrierInput<'_>) -> Result<(Arc<dyn Decision>, String)> {
        let duplicates = Duplicates {
            reason: "exact_duplicate",
            layout: KeyLayout::Keys,
            comparison: Comparison::Equal,
            report_size: u32::MAX,
            index: self.index.then_some(self),
            datatrove: None,
        };
        duplicates.decide(input)
    }
}
