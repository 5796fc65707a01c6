//! Checkpoints in a run directory, one journal task each.

use model::{CheckpointFiles, CheckpointStore, Llama, load_model};
use serde_json::json;
use store::Run;

use crate::error::{Result, TrainingError};

/// Prefix of checkpoint tasks in the journal.
const CHECKPOINT_TASK: &str = "checkpoint/";

pub(crate) struct Checkpoints<'a> {
    run: &'a Run,
    every: usize,
    last: usize,
}

impl<'a> Checkpoints<'a> {
    /// Keeps a checkpoint every `every` steps and one of the last step.
    pub(crate) fn new(run: &'a Run, every: usize, last: usize) -> Self {
        Self { run, every, last }
    }

    /// Loads the model of the latest checkpoint.
    pub(crate) fn load_latest(&self, device: &str) -> Result<Llama> {
        let latest = self.latest().map_err(model::ModelError::Store)?;
        let Some((_, files)) = latest else {
            return Err(TrainingError::Refused("the run has no checkpoint".into()));
        };
        Ok(load_model(&files, &model::open_device(device)?)?)
    }
}

impl CheckpointStore for Checkpoints<'_> {
    fn save(
        &mut self,
        step: usize,
        files: &[(&str, Vec<u8>)],
    ) -> std::result::Result<(), model::StoreError> {
        // A checkpoint made because the run was stopped is only needed to resume it.
        let regular = step == self.last || (self.every > 0 && step.is_multiple_of(self.every));
        let folder = if regular { "checkpoints" } else { "work/checkpoints" };
        let mut entries = Vec::new();
        for (name, bytes) in files {
            let path = format!("{folder}/step-{step:08}/{name}");
            entries.push(self.run.publish_bytes(&path, bytes)?);
        }
        Ok(self.run.complete(&format!("{CHECKPOINT_TASK}{step:08}"), entries, json!(folder))?)
    }

    fn latest(&self) -> std::result::Result<Option<(usize, CheckpointFiles)>, model::StoreError> {
        let Some(entry) = self.run.last_with_prefix(CHECKPOINT_TASK) else { return Ok(None) };
        let step = entry.task[CHECKPOINT_TASK.len()..].parse()?;
        let mut files = Vec::new();
        for file in &entry.files {
            let name =
                file.path.rsplit_once('/').map_or(file.path.as_str(), |(_, name)| name).to_owned();
            files.push((name, std::fs::read(self.run.path(&file.path))?));
        }
        Ok(Some((step, files)))
    }
}
