//! Which rows a training run reads in which order: by flags, or by the run that holds the dataset.

use std::path::Path;

use serde::Deserialize;

use super::arguments::{RowArguments, RunArguments};

/// What determines the rows and their order, besides the dataset and the packing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowOrder {
    /// Predicted positions per row.
    pub(crate) sequence_length: u32,
    /// Rows per batch, over all ranks.
    pub(crate) batch: u64,
    /// The seed for shuffling.
    pub(crate) seed: u64,
}

/// For a dataset that no run has trained on.
const DEFAULT: RowOrder = RowOrder { sequence_length: 2048, batch: 32, seed: 17 };

/// The keys of a run's `recipe.toml` that determine the order.
#[derive(Deserialize)]
struct TrainedRecipe {
    run: Run,
    shards: Shards,
    pretrain: Pretrain,
}

#[derive(Deserialize)]
struct Run {
    seed: u64,
}

#[derive(Deserialize)]
struct Shards {
    sequence_length: u32,
}

#[derive(Deserialize)]
struct Pretrain {
    batch_size: u64,
    /// Absent if it is that of the run.
    seed: Option<u64>,
}

impl RowOrder {
    /// The order in which the run trained that holds the dataset in `folder`, if there is one that
    /// pretrained; a default otherwise.
    pub(crate) fn of_dataset(folder: &Path) -> Self {
        let recipe = training::dataset::run_of(folder).map(|root| root.join("recipe.toml"));
        // A recipe without these keys is of a run that did not train.
        let text = recipe.and_then(|recipe| std::fs::read_to_string(recipe).ok());
        let recipe = text.and_then(|text| toml::from_str::<TrainedRecipe>(&text).ok());
        recipe.map_or(DEFAULT, |recipe| Self {
            sequence_length: recipe.shards.sequence_length,
            batch: recipe.pretrain.batch_size,
            seed: recipe.pretrain.seed.unwrap_or(recipe.run.seed),
        })
    }

    /// The order with the flags that are given.
    pub(crate) fn with_rows(self, rows: &RowArguments) -> Self {
        let sequence_length = rows.sequence_length.unwrap_or(self.sequence_length);
        Self { sequence_length, ..self }
    }

    /// The order with the flags that are given.
    pub(crate) fn with_run(self, run: &RunArguments) -> Self {
        let (batch, seed) = (run.batch.unwrap_or(self.batch), run.seed.unwrap_or(self.seed));
        Self { batch, seed, ..self.with_rows(&run.rows) }
    }
}
