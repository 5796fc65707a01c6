//! The one interface of barrier stages: stages that look at all documents at once.

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::Field;
use bug::Bug;
use bytesize::ByteSize;
use sql::Order;
use toml::Table;

use super::cost::Cost;
use super::decision::Decision;
use super::input::BarrierInput;
use super::keys::{KeyLayout, KeyMaker};
use super::known::{Known, Unusable};
use super::option::OptionError;
use crate::error::Result;

/// A stage over all documents.
///
/// While documents stream by, [`BarrierStage::key_maker`] makes the keys that the stage compares.
/// Between two segments [`BarrierStage::decide`] looks at the keys of all documents. The next segment
/// applies the [`Decision`] to each part. Every implementation has a file of its own and a line in
/// `KINDS` of `kinds.rs`.
pub(crate) trait BarrierStage: Debug + Send + Sync {
    /// The name by which recipes use it.
    fn kind(&self) -> &'static str;

    /// Its options with every default filled in.
    fn options(&self) -> std::result::Result<Table, Bug>;

    /// Refuses options that do not fit the recipe's memory.
    fn check(&self, _memory: ByteSize) -> std::result::Result<(), OptionError> {
        Ok(())
    }

    /// The ORDER BY list of survivors, where the stage chooses by one.
    fn keep(&self) -> Option<&str> {
        None
    }

    /// The SQL expression whose values are compared, where there is one.
    fn expression(&self) -> Option<&str> {
        None
    }

    /// Directories of earlier runs whose documents count as known.
    fn against(&self) -> &[String] {
        &[]
    }

    /// Finds what earlier runs left of the stage with the name `stage`; relative paths start from
    /// `folder`.
    fn known(
        &self,
        _stage: &str,
        _folder: &Path,
    ) -> std::result::Result<Vec<Known>, Unusable> {
        Ok(Vec::new())
    }

    /// Whether it says who is a duplicate of whom.
    fn has_clusters(&self) -> bool {
        false
    }

    /// Whether it changes texts, so that what follows must see the documents anew.
    fn rewrites(&self) -> bool {
        false
    }

    /// The columns of its key files.
    fn key_layout(&self) -> KeyLayout {
        KeyLayout::Keys
    }

    /// Makes the keys of documents, for one part.
    fn key_maker(&self) -> Box<dyn KeyMaker>;

    /// The columns that it adds to the documents.
    fn columns(&self) -> Vec<Field> {
        Vec::new()
    }

    /// What it takes for `documents` documents when sorting may take `memory_bytes`; `None` where
    /// that depends on the texts.
    fn cost(&self, _documents: u64, _memory_bytes: u64) -> Option<Cost> {
        None
    }

    /// Decides over the keys of all documents; comes with the outcome in words.
    fn decide(&self, input: BarrierInput<'_>) -> Result<(Arc<dyn Decision>, String)>;
}

/// A barrier stage that can be run.
#[derive(Debug, Clone)]
pub(crate) struct PlannedBarrier {
    /// Its name in the ledger.
    pub(crate) name: String,
    /// What it does.
    pub(crate) stage: Arc<dyn BarrierStage>,
    /// Which document of a cluster survives, where that is by order.
    pub(crate) order: Option<Order>,
    /// What must be equal, where that is the value of an expression.
    pub(crate) values: Option<Order>,
}
