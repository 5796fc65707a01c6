//! The distribution of each measure over some documents.

use bug::OrBug as _;
use serde::Serialize;
use sketches_ddsketch::{Config, DDSketch};

use super::measures::MEASURES;
use crate::error::Result;

/// Maximum relative error of quantiles (`DDSketch`, Masson et al. 2019).
const RELATIVE_ERROR: f64 = 0.01;

/// Maximum number of bins per sketch; beyond it the smallest values share one bin.
const BINS_MAX: u32 = 2048;

/// Values below this one count as 0.
const ZERO_BELOW: f64 = 1e-9;

/// The distributions of the measures of some documents.
#[derive(Clone)]
pub struct Distribution {
    sketches: Vec<DDSketch>,
    /// Number of documents.
    pub documents: u64,
    /// Bytes of text.
    pub bytes: u64,
}

/// One row of the table of distributions.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// The group, such as `en`.
    pub group: String,
    /// The measure's name.
    pub measure: &'static str,
    /// Number of documents in the group.
    pub documents: u64,
    /// The smallest value.
    pub min: f64,
    /// The 1 % quantile: the value that this fraction of the documents do not exceed.
    pub p1: f64,
    /// See `p1`.
    pub p5: f64,
    /// See `p1`.
    pub p25: f64,
    /// See `p1`.
    pub p50: f64,
    /// See `p1`.
    pub p75: f64,
    /// See `p1`.
    pub p95: f64,
    /// See `p1`.
    pub p99: f64,
    /// The largest value.
    pub max: f64,
    /// The mean.
    pub mean: f64,
}

impl Default for Distribution {
    fn default() -> Self {
        let config = Config::new(RELATIVE_ERROR, BINS_MAX, ZERO_BELOW);
        let sketches = vec![DDSketch::new(config); MEASURES.len()];
        Self { sketches, documents: 0, bytes: 0 }
    }
}

impl Distribution {
    pub(super) fn add(&mut self, bytes: u64, values: &[Option<f64>]) {
        for (sketch, value) in self.sketches.iter_mut().zip(values) {
            if let Some(value) = value {
                sketch.add(*value);
            }
        }
        self.documents += 1;
        self.bytes += bytes;
    }

    pub(super) fn merge(&mut self, other: &Self) -> Result<()> {
        for (sketch, other) in self.sketches.iter_mut().zip(&other.sketches) {
            sketch.merge(other).or_bug("sketches of one configuration merge")?;
        }
        self.documents += other.documents;
        self.bytes += other.bytes;
        Ok(())
    }

    /// The quantile `q` (0 to 1) of measure `index`; `None` if no document has a value.
    pub fn quantile(&self, index: usize, q: f64) -> Option<f64> {
        let sketch = self.sketches.get(index)?;
        match q {
            0.0 => sketch.min(),
            1.0 => sketch.max(),
            // An estimate near an end may lie beyond the smallest or largest value.
            // The sketch refuses only quantiles outside 0..=1, which have no value.
            _ => Some(sketch.quantile(q).ok()??.clamp(sketch.min()?, sketch.max()?)),
        }
    }

    pub(super) fn row(&self, group: &str, index: usize) -> Option<Row> {
        let sketch = &self.sketches[index];
        let q = |q| self.quantile(index, q);
        Some(Row {
            group: group.to_owned(),
            measure: MEASURES[index].name,
            documents: self.documents,
            min: q(0.0)?,
            p1: q(0.01)?,
            p5: q(0.05)?,
            p25: q(0.25)?,
            p50: q(0.5)?,
            p75: q(0.75)?,
            p95: q(0.95)?,
            p99: q(0.99)?,
            max: q(1.0)?,
            mean: sketch.sum()? / sketch.count() as f64,
        })
    }
}
