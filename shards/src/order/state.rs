//! The position of a run in its order: a few integers from which it can continue.

use serde::{Deserialize, Serialize};

use super::stage::Stage;

/// An order, and how far a run has read in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Always [`State::SCHEMA`].
    pub schema: String,
    /// The dataset's id.
    pub root: String,
    /// The digest of the packing plan.
    pub plan: String,
    /// The seed of the shuffles.
    pub seed: u64,
    /// The samples of the whole run, when it has a budget.
    pub samples_total: Option<u64>,
    /// The next step; all earlier steps are done.
    pub step: u64,
    /// The stage that `step` is in.
    pub stage: usize,
    /// How many samples each source gave before `step`.
    pub samples: Vec<u64>,
    /// All stages, including those that begin later.
    pub stages: Vec<Stage>,
}

impl State {
    /// The format's name and version.
    pub const SCHEMA: &str = "gristmill/order/1";
}
