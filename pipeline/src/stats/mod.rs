//! The distribution of every signal, by source and language, so that thresholds can be chosen by
//! looking.

mod measures;
mod page;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::AsArray as _;
use rayon::prelude::*;
use serde::Serialize;
use sketches_ddsketch::{Config, DDSketch};
use text::signals::Scratch;

pub use measures::{MEASURES, Measure};
pub use page::{number, page};

use crate::documents::{Losses, PartDocuments};
use crate::error::Result;
use crate::inputs::Inputs;
use crate::observer::{Event, Observer};
use crate::recipe::Recipe;
use measures::{Wanted, measure};

/// Quantiles are off by this share of their value at most (`DDSketch`, Masson et al. 2019).
const RELATIVE_ERROR: f64 = 0.01;

/// Bins of a sketch at most; beyond it the smallest values share one.
const BINS_MAX: u32 = 2048;

/// Values below this one count as 0.
const ZERO_BELOW: f64 = 1e-9;

/// Groups that are kept apart; documents of further languages count as [`OTHER`].
const GROUPS_MAX: usize = 128;

/// The language of documents of too many languages.
const OTHER: &str = "other";

/// The language of documents without one.
const UNKNOWN: &str = "unknown";

/// The distributions of the measures of some documents.
#[derive(Clone)]
pub struct Distribution {
    sketches: Vec<DDSketch>,
    /// Documents.
    pub documents: u64,
    /// Bytes of text.
    pub bytes: u64,
}

/// What is grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// All documents together.
    All,
    /// By source.
    Source,
    /// By language.
    Language,
    /// By both.
    SourceAndLanguage,
}

/// Distributions by source and language.
#[derive(Clone, Default)]
pub struct Stats {
    groups: BTreeMap<(String, String), Distribution>,
    /// Damaged records, which are in no distribution.
    pub damaged: u64,
}

/// One line of the table of distributions.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// The group, such as `en`.
    pub group: String,
    /// The measure's name.
    pub measure: &'static str,
    /// Documents in the group.
    pub documents: u64,
    /// The least value.
    pub min: f64,
    /// The values that this share of documents do not exceed.
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
    /// The greatest value.
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
    fn add(&mut self, bytes: u64, values: &[Option<f64>]) {
        for (sketch, value) in self.sketches.iter_mut().zip(values) {
            if let Some(value) = value {
                sketch.add(*value);
            }
        }
        self.documents += 1;
        self.bytes += bytes;
    }

    fn merge(&mut self, other: &Self) {
        for (sketch, other) in self.sketches.iter_mut().zip(&other.sketches) {
            // Sketches of one configuration always merge.
            let _ = sketch.merge(other);
        }
        self.documents += other.documents;
        self.bytes += other.bytes;
    }

    /// The value of measure `index` that the share `q` of documents do not exceed; `None` where no
    /// document has one.
    pub fn quantile(&self, index: usize, q: f64) -> Option<f64> {
        let sketch = self.sketches.get(index)?;
        match q {
            0.0 => sketch.min(),
            1.0 => sketch.max(),
            // The estimate of a quantile near an end may lie beyond it.
            _ => Some(sketch.quantile(q).ok()??.clamp(sketch.min()?, sketch.max()?)),
        }
    }

    fn row(&self, group: &str, index: usize) -> Option<Row> {
        let sketch = &self.sketches[index];
        let q = |q| self.quantile(index, q).unwrap_or_default();
        (sketch.count() > 0).then(|| Row {
            group: group.to_owned(),
            measure: MEASURES[index].name,
            documents: self.documents,
            min: q(0.0),
            p1: q(0.01),
            p5: q(0.05),
            p25: q(0.25),
            p50: q(0.5),
            p75: q(0.75),
            p95: q(0.95),
            p99: q(0.99),
            max: q(1.0),
            mean: sketch.sum().unwrap_or_default() / sketch.count() as f64,
        })
    }
}

impl Stats {
    /// Measures all documents of a recipe's sources; its stages are not run. Of the measures those of
    /// `names` are made, or all where none is named.
    pub fn of(recipe: &Recipe, names: &[String], observer: &dyn Observer) -> Result<Self> {
        let wanted = Wanted::of(names);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(recipe.run.threads.unwrap_or(0))
            .build()
            .map_err(|error| crate::PipelineError::Empty(format!("no worker threads: {error}")))?;
        pool.install(|| {
            Self::of_inputs(&Arc::new(Inputs::survey(recipe, false)?), wanted, observer)
        })
    }

    fn of_inputs(inputs: &Arc<Inputs>, wanted: Wanted, observer: &dyn Observer) -> Result<Self> {
        observer.event(&Event::Begin {
            step: "measure".into(),
            unit: "bytes",
            total: inputs.bytes(),
            done: 0,
        });
        let mut all = Self::default();
        let parts: Vec<usize> = (0..inputs.parts.len()).collect();
        // A few parts at once bound the memory. Sums of numbers depend on the order of adding, so
        // that parts are put together in theirs.
        for parts in parts.chunks(2 * rayon::current_num_threads()) {
            let measured: Vec<Self> = parts
                .par_iter()
                .map(|part| {
                    let stats = Self::of_part(inputs, *part, wanted);
                    observer.event(&Event::Advance { units: inputs.parts[*part].bytes() });
                    stats
                })
                .collect::<Result<_>>()?;
            measured.into_iter().for_each(|part| all.merge(part));
        }
        Ok(all)
    }

    fn of_part(inputs: &Arc<Inputs>, part: usize, wanted: Wanted) -> Result<Self> {
        let losses = Arc::new(Mutex::new(Losses::default()));
        let mut stats = Self::default();
        let mut scratch = Scratch::default();
        for documents in PartDocuments::new(inputs.clone(), part, losses.clone()) {
            let batch = documents?.batch;
            let (Some(sources), Some(texts)) = (
                batch.column_by_name("source").and_then(|column| column.as_string_opt::<i32>()),
                batch.column_by_name(sql::TEXT).and_then(|column| column.as_string_opt::<i64>()),
            ) else {
                continue;
            };
            for (source, text) in sources.iter().zip(texts).filter_map(|(s, t)| Some((s?, t?))) {
                let (language, values) = measure(text, wanted, &mut scratch);
                stats.group(source, language.unwrap_or(UNKNOWN)).add(text.len() as u64, &values);
            }
        }
        let losses = losses.lock().unwrap_or_else(PoisonError::into_inner);
        stats.damaged = losses.faults.len() as u64;
        Ok(stats)
    }

    fn group(&mut self, source: &str, language: &str) -> &mut Distribution {
        let key = (source.to_owned(), language.to_owned());
        let full = self.groups.len() >= GROUPS_MAX && !self.groups.contains_key(&key);
        let key = if full { (source.to_owned(), OTHER.to_owned()) } else { key };
        self.groups.entry(key).or_default()
    }

    fn merge(&mut self, other: Self) {
        for ((source, language), distribution) in other.groups {
            self.group(&source, &language).merge(&distribution);
        }
        self.damaged += other.damaged;
    }

    /// The groups, the largest first.
    pub fn groups(&self, by: By) -> Vec<(String, Distribution)> {
        let mut groups: BTreeMap<String, Distribution> = BTreeMap::new();
        for ((source, language), distribution) in &self.groups {
            let name = match by {
                By::All => "all".to_owned(),
                By::Source => source.clone(),
                By::Language => language.clone(),
                By::SourceAndLanguage => format!("{source}/{language}"),
            };
            groups.entry(name).or_default().merge(distribution);
        }
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_by_key(|(_, distribution)| std::cmp::Reverse(distribution.documents));
        groups
    }

    /// The table: for each group, largest first, a line for each measure that has values.
    pub fn rows(&self, by: By) -> Vec<Row> {
        let groups = self.groups(by);
        let rows = groups.iter().flat_map(|(name, distribution)| {
            (0..MEASURES.len()).filter_map(|index| distribution.row(name, index))
        });
        rows.collect()
    }
}
