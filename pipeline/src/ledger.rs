//! The ledger: where every document and every byte went.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use serde::{Deserialize, Serialize};

use crate::error::{PipelineError, Result};

/// What became of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Came in: documents and damaged records.
    Read,
    /// Was no document by its nature (a request, an image); not part of `Read`.
    Skipped,
    /// Could not be made a document.
    Quarantined,
    /// Left at a stage.
    Dropped,
    /// Is in `docs/`.
    Kept,
}

impl Outcome {
    /// The name in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Skipped => "skipped",
            Self::Quarantined => "quarantined",
            Self::Dropped => "dropped",
            Self::Kept => "kept",
        }
    }
}

/// One account of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Account {
    /// The source.
    pub source: String,
    /// What became of them.
    pub outcome: Outcome,
    /// Where: `read`, a stage's name, or empty.
    pub stage: String,
    /// Why, or empty.
    pub reason: String,
}

/// Documents and their bytes as read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Count {
    /// Documents or records.
    pub documents: u64,
    /// Bytes of text as read; of a damaged record, the bytes that were lost.
    pub bytes: u64,
}

/// Counts by account.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<(Account, Count)>", into = "Vec<(Account, Count)>")]
pub struct Ledger(BTreeMap<Account, Count>);

impl From<Vec<(Account, Count)>> for Ledger {
    fn from(rows: Vec<(Account, Count)>) -> Self {
        Self(rows.into_iter().collect())
    }
}

impl From<Ledger> for Vec<(Account, Count)> {
    fn from(ledger: Ledger) -> Self {
        ledger.0.into_iter().collect()
    }
}

impl Ledger {
    /// Adds one document.
    pub fn add(&mut self, source: &str, outcome: Outcome, stage: &str, reason: &str, bytes: u64) {
        let account =
            Account { source: source.into(), outcome, stage: stage.into(), reason: reason.into() };
        let count = self.0.entry(account).or_default();
        count.documents += 1;
        count.bytes += bytes;
    }

    /// Adds all of another ledger.
    pub fn merge(&mut self, other: &Self) {
        for (account, count) in &other.0 {
            let sum = self.0.entry(account.clone()).or_default();
            sum.documents += count.documents;
            sum.bytes += count.bytes;
        }
    }

    /// The accounts in order.
    pub fn rows(&self) -> impl Iterator<Item = (&Account, &Count)> {
        self.0.iter()
    }

    /// The sum over the accounts that `of` picks.
    pub fn total(&self, of: impl Fn(&Account) -> bool) -> Count {
        let mut total = Count::default();
        for (_, count) in self.0.iter().filter(|(account, _)| of(account)) {
            total.documents += count.documents;
            total.bytes += count.bytes;
        }
        total
    }

    /// The sum of one outcome.
    pub fn outcome(&self, outcome: Outcome) -> Count {
        self.total(|account| account.outcome == outcome)
    }

    /// Checks read = kept + dropped + quarantined, for each source, by document and by byte.
    pub fn check(&self) -> Result<()> {
        let mut sources: Vec<&str> = self.0.keys().map(|a| a.source.as_str()).collect();
        sources.dedup();
        for source in sources {
            let of = |outcome| self.total(|a| a.source == source && a.outcome == outcome);
            let parts = [Outcome::Kept, Outcome::Dropped, Outcome::Quarantined].map(of);
            let documents: u64 = parts.iter().map(|c| c.documents).sum();
            let bytes: u64 = parts.iter().map(|c| c.bytes).sum();
            let read = of(Outcome::Read);
            if (read.documents, read.bytes) != (documents, bytes) {
                return Err(PipelineError::Unbalanced(format!(
                    "source `{source}` read {} documents and {} bytes, accounted for are {documents} and {bytes}",
                    read.documents, read.bytes
                )));
            }
        }
        Ok(())
    }

    /// The columns of `ledger.parquet`.
    pub fn schema() -> SchemaRef {
        let text = |name: &str| Field::new(name, DataType::Utf8, false);
        let number = |name: &str| Field::new(name, DataType::UInt64, false);
        Arc::new(Schema::new(vec![
            text("source"),
            text("outcome"),
            text("stage"),
            text("reason"),
            number("documents"),
            number("bytes"),
        ]))
    }

    /// The ledger as a table.
    pub fn batch(&self) -> Result<RecordBatch> {
        fn text<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
            Arc::new(StringArray::from_iter_values(values))
        }
        let columns: Vec<ArrayRef> = vec![
            text(self.0.keys().map(|a| a.source.as_str())),
            text(self.0.keys().map(|a| a.outcome.as_str())),
            text(self.0.keys().map(|a| a.stage.as_str())),
            text(self.0.keys().map(|a| a.reason.as_str())),
            Arc::new(self.0.values().map(|c| c.documents).collect::<UInt64Array>()),
            Arc::new(self.0.values().map(|c| c.bytes).collect::<UInt64Array>()),
        ];
        RecordBatch::try_new(Self::schema(), columns)
            .map_err(|e| PipelineError::Unbalanced(e.to_string()))
    }
}
