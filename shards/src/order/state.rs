//! Where a run stands: a few integers, enough to go on from.

use serde::{Deserialize, Serialize};

use super::Stage;

/// What an order is over, and how far a run has gone in it.
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
    /// Samples of the whole run, when it has a budget.
    pub samples_total: Option<u64>,
    /// The next step to take; the steps before it are done.
    pub step: u64,
    /// The stage that `step` is in.
    pub stage: usize,
    /// The samples that each source has given before `step`.
    pub samples: Vec<u64>,
    /// The stages up to that one, and those already arranged after it.
    pub stages: Vec<Stage>,
}

impl State {
    /// The format's name and version.
    pub const SCHEMA: &str = "gristmill/order/1";
}
