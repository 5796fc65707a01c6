//! The interface of barrier stages: stages that need all documents at once.

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::Field;
use bug::Bug;
use bytesize::ByteSize;
use sql::Order;
use toml::Table;

use crate::cost::Cost;
use crate::decision::Decision;
use crate::error::Result;
use crate::input::BarrierInput;
use crate::keys::{KeyLayout, KeyMaker};
use crate::known::{Known, Unusable};
use crate::option::OptionError;

/// A stage over all documents.
///
/// While documents stream by, [`BarrierStage::key_maker`] makes the keys that the stage compares.
/// Between two segments [`BarrierStage::decide`] looks at the keys of all documents. The next
/// segment applies the [`Decision`] to each part. Every implementation has its own file and an
/// entry in `KINDS` (`kinds.rs`).
pub trait BarrierStage: Debug + Send + Sync {
    /// The name that recipes use.
    fn kind(&self) -> &'static str;

    /// Its options with every default filled in.
    ///
    /// # Errors
    /// It is a bug if the options cannot be written as TOML.
    fn options(&self) -> std::result::Result<Table, Bug>;

    /// Checks that the options fit the recipe's memory.
    ///
    /// # Errors
    /// They do not.
    fn check(&self, _memory: ByteSize) -> std::result::Result<(), OptionError> {
        Ok(())
    }

    /// The SQL ORDER BY list that picks survivors, if the stage uses one.
    fn keep(&self) -> Option<&str> {
        None
    }

    /// The SQL expression whose values are compared, if any.
    fn expression(&self) -> Option<&str> {
        None
    }

    /// Directories of earlier runs whose documents count as known.
    fn against(&self) -> &[String] {
        &[]
    }

    /// Finds the indexes or filters that earlier runs wrote for the stage named `stage`. Relative
    /// paths start from `folder`.
    ///
    /// # Errors
    /// An earlier run cannot be used.
    fn known(&self, _stage: &str, _folder: &Path) -> std::result::Result<Vec<Known>, Unusable> {
        Ok(Vec::new())
    }

    /// Whether it finds clusters, which say which document is a duplicate of which.
    fn has_clusters(&self) -> bool {
        false
    }

    /// Whether it changes texts. Later stages must then see the new texts, in another pass.
    fn rewrites(&self) -> bool {
        false
    }

    /// The columns of its key files.
    fn key_layout(&self) -> KeyLayout {
        KeyLayout::Keys
    }

    /// A maker of document keys, for one part.
    fn key_maker(&self) -> Box<dyn KeyMaker>;

    /// The columns that it adds to the documents.
    fn columns(&self) -> Vec<Field> {
        Vec::new()
    }

    /// Its cost for `documents` documents if sorting may use `memory_bytes`, or `None` if the cost
    /// depends on the texts.
    fn cost(&self, _documents: u64, _memory_bytes: u64) -> Option<Cost> {
        None
    }

    /// Decides from the keys of all documents. Returns the decision and a summary for the user.
    ///
    /// # Errors
    /// Keys or texts cannot be read, or a result cannot be written.
    fn decide(&self, input: BarrierInput<'_>) -> Result<(Arc<dyn Decision>, String)>;
}

/// A barrier stage that can be run.
#[derive(Debug, Clone)]
pub struct PlannedBarrier {
    /// Its name in the ledger.
    pub name: String,
    /// What it does.
    pub stage: Arc<dyn BarrierStage>,
    /// The order that picks the survivor of a cluster, if the stage uses one.
    pub order: Option<Order>,
    /// The expression whose values are compared, if any.
    pub values: Option<Order>,
}
