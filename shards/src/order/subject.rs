//! The facts about a plan that an order depends on.

/// The facts about a plan that an order depends on: its identity, and its rows by source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The dataset's id.
    pub root: String,
    /// The plan's digest.
    pub plan: String,
    /// Name and number of rows of each source. The rows of the sources follow each other in the plan.
    pub sources: Vec<(String, u64)>,
}
