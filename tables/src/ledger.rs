//! The ledger: where every document and every byte went.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt64Type};
use arrow::record_batch::RecordBatch;
use bug::{Bug, OrBug as _};
use serde::{Deserialize, Serialize};

use crate::parquet::read_table;
use crate::{Result, TableError};

/// What happened to a document or record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Read: documents and damaged records.
    Read,
    /// A record that cannot be a document, such as a request or an image; not counted as `Read`.
    Skipped,
    /// Could not be turned into a document.
    Quarantined,
    /// Dropped by a stage.
    Dropped,
    /// Kept: the document is in `docs/`.
    Kept,
}

impl Outcome {
    /// All outcomes.
    const ALL: [Self; 5] =
        [Self::Read, Self::Skipped, Self::Quarantined, Self::Dropped, Self::Kept];

    fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == name)
    }

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
    /// What happened to its documents.
    pub outcome: Outcome,
    /// The place where it happened: `read`, a stage's name, or empty.
    pub stage: String,
    /// The reason, or empty.
    pub reason: String,
}

/// A number of documents and their bytes as read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Count {
    /// Documents or records.
    pub documents: u64,
    /// Bytes of text as read; for damaged records, the bytes that were lost.
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
    /// Adds documents to an account.
    pub fn add(&mut self, source: &str, outcome: Outcome, stage: &str, reason: &str, count: Count) {
        let account =
            Account { source: source.into(), outcome, stage: stage.into(), reason: reason.into() };
        let sum = self.0.entry(account).or_default();
        sum.documents += count.documents;
        sum.bytes += count.bytes;
    }

    /// Adds all counts of another ledger.
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

    /// The sum over the accounts that `of` selects.
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

    /// Checks that read = kept + dropped + quarantined for each source, in documents and in bytes.
    ///
    /// # Errors
    /// A [`Bug`] that names the first source that does not balance.
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
                return Err(Bug::new(format!(
                    "the ledger does not balance: source `{source}` read {} documents and {} bytes, \
                     but {documents} and {bytes} are accounted for",
                    read.documents, read.bytes
                ))
                .into());
            }
        }
        Ok(())
    }

    /// Reads the ledger of a run from its table.
    ///
    /// # Errors
    /// The table cannot be read, or has an outcome or columns that are not the ledger's.
    pub fn read(path: &Path) -> Result<Self> {
        let mut ledger = Self::default();
        let unreadable = || TableError::Parquet {
            path: path.display().to_string(),
            message: "these are not the columns of a ledger".into(),
        };
        for batch in read_table(path, None)? {
            let batch = batch?;
            let text = |name: &str| {
                let column = batch.column_by_name(name).and_then(|c| c.as_string_opt::<i32>());
                column.ok_or_else(unreadable)
            };
            let number = |name: &str| {
                let column = batch.column_by_name(name);
                column.and_then(|c| c.as_primitive_opt::<UInt64Type>()).ok_or_else(unreadable)
            };
            let (sources, outcomes) = (text("source")?, text("outcome")?);
            let (stages, reasons) = (text("stage")?, text("reason")?);
            let (documents, bytes) = (number("documents")?, number("bytes")?);
            for row in 0..batch.num_rows() {
                let account = Account {
                    source: sources.value(row).into(),
                    outcome: Outcome::of_name(outcomes.value(row)).ok_or_else(unreadable)?,
                    stage: stages.value(row).into(),
                    reason: reasons.value(row).into(),
                };
                let count = Count { documents: documents.value(row), bytes: bytes.value(row) };
                ledger.0.insert(account, count);
            }
        }
        Ok(ledger)
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

    /// The ledger as a table with [`Ledger::schema`].
    ///
    /// # Errors
    /// A [`Bug`] where the columns do not fit the schema.
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
        Ok(RecordBatch::try_new(Self::schema(), columns).or_bug("columns of the ledger")?)
    }
}
