//! Order as a function: which row is read at which position of which step.
//!
//! No order is stored and no random number is drawn: the row of sample `g` is computed from the
//! dataset's root, the plan, the seed and the stages. A source's rows are read in epochs. Each epoch
//! is another permutation, keyed by (root, seed, epoch, source), and holds every row once. The number
//! of processes does not matter: rank `r` of `w` takes the rows `r`, `r + w`, `r + 2w` … of the global
//! batch.

mod mixture;
mod permutation;
mod sequence;
mod stage;
mod state;
mod subject;
#[cfg(test)]
mod tests;

pub use mixture::{WEIGHT_SUM_MAX, weights_from_fractions};
pub use sequence::{Order, Sample};
pub use stage::{Stage, rows_for_tokens};
pub use state::State;
pub use subject::Subject;
