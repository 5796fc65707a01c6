//! `bloom`: drops documents with content that was seen before, in a stream without end.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bug::{Bug, OrBug as _};
use bytesize::ByteSize;
use dedup::bloom::{Bloom, bytes_for};
use roaring::RoaringTreemap;
use serde::{Deserialize, Serialize};
use serde_json::json;
use toml::Table;

use crate::cost::{Cost, SECONDS_PER_MILLION_ROWS, key_file_bytes};
use crate::decision::{Decision, DropDocuments, Verdict};
use crate::error::{BarrierError, Result};
use crate::input::BarrierInput;
use crate::keys::{Content, KeyMaker};
use crate::known::{EarlierRun, Known, Unusable, no_index};
use crate::option::{OptionError, Options, options};
use crate::stage::BarrierStage;

/// The name by which recipes use the stage.
pub(super) const KIND: &str = "bloom";

/// Bytes of a key in a key file.
const KEY_BYTES: f64 = 16.0;

/// Options of `bloom`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct BloomOptions {
    /// The content that is compared, as for `exact`.
    on: String,
    /// The number of distinct documents that the filter is sized for.
    capacity: u64,
    /// The probability that a full filter mistakes a new document for a known one.
    false_positive_rate: f64,
    /// Directories of earlier runs whose filters are merged into this one. All must have the same
    /// size.
    against: Vec<String>,
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

/// The file of a stage's filter.
fn filter_path(stage: &str) -> String {
    format!("index/{stage}.bloom")
}

/// Reads and checks the options of `bloom`.
///
/// # Errors
/// An option is unknown, has the wrong type or is out of range.
pub(super) fn load(with: &Options) -> std::result::Result<Arc<dyn BarrierStage>, OptionError> {
    options::<BloomOptions>(with)?.checked().map(|options| Arc::new(options) as _)
}

impl BloomOptions {
    fn checked(self) -> std::result::Result<Self, OptionError> {
        if self.capacity == 0 {
            return Err(OptionError::new(
                "capacity",
                "`capacity` is 0",
                "give the largest number of documents that you expect",
            ));
        }
        if !(self.false_positive_rate > 0.0 && self.false_positive_rate < 1.0) {
            let message = format!("`false_positive_rate` is {}", self.false_positive_rate);
            return Err(OptionError::new(
                "false_positive_rate",
                message,
                "give a probability between 0 and 1, such as 1e-6",
            ));
        }
        Ok(self)
    }

    /// Merges the filter of an earlier run into `bloom`.
    fn merge(bloom: &mut Bloom, file: &PathBuf, run: &str) -> Result<()> {
        let refused = |message: String| Unusable { run: run.to_owned(), message };
        let bytes = std::fs::read(file).map_err(|error| refused(error.to_string()))?;
        let theirs = Bloom::from_bytes(&bytes).map_err(|error| refused(error.to_string()))?;
        Ok(bloom.merge(&theirs).map_err(|error| {
            refused(format!("{error}; use that run's `capacity` and `false_positive_rate`"))
        })?)
    }
}

impl BarrierStage for BloomOptions {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn options(&self) -> std::result::Result<Table, Bug> {
        Table::try_from(self).or_bug("options of `bloom` as TOML")
    }

    fn check(&self, memory: ByteSize) -> std::result::Result<(), OptionError> {
        let message = match bytes_for(self.capacity, self.false_positive_rate) {
            Ok(bytes) if bytes <= memory.as_u64() => return Ok(()),
            Ok(bytes) => {
                format!("the filter needs {}, but `memory` is {memory}", ByteSize::b(bytes))
            }
            Err(error) => error.to_string(),
        };
        let help = "give a smaller `capacity`, a larger `false_positive_rate`, or more `memory`";
        Err(OptionError::new("capacity", message, help))
    }

    fn expression(&self) -> Option<&str> {
        Content::expression(&self.on)
    }

    fn against(&self) -> &[String] {
        &self.against
    }

    fn known(&self, stage: &str, folder: &Path) -> std::result::Result<Vec<Known>, Unusable> {
        let find = |run: &EarlierRun| {
            let file = run.root.join(filter_path(stage));
            if file.is_file() { Ok(run.known(file, 0)) } else { Err(no_index(stage)) }
        };
        EarlierRun::each(&self.against, folder, find)
    }

    fn key_maker(&self) -> Box<dyn KeyMaker> {
        Box::new(Content::named(&self.on))
    }

    fn cost(&self, documents: u64, _: u64) -> Option<Cost> {
        let n = documents as f64;
        Some(Cost {
            documents,
            disk_bytes: key_file_bytes(n, KEY_BYTES) as u64,
            // `check` has refused options for which there is no filter.
            memory_bytes: bytes_for(self.capacity, self.false_positive_rate).ok()?,
            seconds: n / 1e6 * SECONDS_PER_MILLION_ROWS,
        })
    }

    fn decide(&self, input: BarrierInput<'_>) -> Result<(Arc<dyn Decision>, String)> {
        let made = Bloom::new(self.capacity, self.false_positive_rate);
        let mut bloom = made.map_err(|error| BarrierError::Stage {
            stage: input.name.to_owned(),
            message: error.to_string(),
        })?;
        for known in &input.known {
            Self::merge(&mut bloom, &known.file, &known.name)?;
        }
        let mut dropped = RoaringTreemap::new();
        input.files.each(&["keys"], |row| {
            let Some(key) = row.keys.first_chunk().filter(|_| !input.is_gone(&row)) else {
                return Ok(());
            };
            if bloom.insert(u128::from_be_bytes(*key)) {
                dropped.insert(row.doc_id);
            }
            Ok(())
        })?;
        let task = format!("bloom-{}-{}", input.place.0, input.place.1);
        if input.run.done(&task).is_none() {
            let file = input.run.publish_bytes(&filter_path(input.name), &bloom.to_bytes())?;
            input.run.complete(&task, vec![file], json!(null))?;
        }
        let over = if bloom.len() > self.capacity { ", more than its `capacity`" } else { "" };
        let outcome = format!(
            "{} seen before; the filter holds {}{over}; false positive rate {:.1e}",
            dropped.len(),
            bloom.len(),
            bloom.expected_false_positive_rate()
        );
        let verdict = Verdict { stage: input.name.to_owned(), reason: "seen_before" };
        let dropped = Arc::new(dropped);
        Ok((Arc::new(DropDocuments { verdict, dropped, sizes: None }), outcome))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_does_not_fit_into_the_memory_is_refused() {
        let options = BloomOptions { capacity: 1 << 40, ..BloomOptions::default() };
        let error = options.check(ByteSize::gib(4)).unwrap_err();
        assert_eq!(error.key, "capacity");
        assert!(error.message.contains("4.0 GiB"), "{}", error.message);
        BloomOptions::default().check(ByteSize::gib(4)).unwrap();
    }

    #[test]
    fn impossible_filters_are_refused() {
        let checked = |capacity, false_positive_rate| {
            let options = BloomOptions { capacity, false_positive_rate, ..BloomOptions::default() };
            options.checked().err().map(|error| error.key)
        };
        assert_eq!(checked(0, 1e-6).as_deref(), Some("capacity"));
        for rate in [0.0, 1.0, -1.0, f64::NAN] {
            assert_eq!(checked(10, rate).as_deref(), Some("false_positive_rate"), "{rate}");
        }
        assert_eq!(checked(10, 0.5), None);
    }
}
