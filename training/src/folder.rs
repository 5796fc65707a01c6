//! Models in folders: a run's, a pretraining's, or one in Hugging Face's layout.

use std::path::{Path, PathBuf};

use candle_core::Device;
use encoder::AnyTokenizer;
use model::{Llama, from_hf_files, load_model, read_hf_folder};

use crate::error::{Result, TrainingError};
use crate::token_bytes::token_bytes_table;
use store::layout::TOKENIZER;

/// The file that a Hugging Face folder has.
const CONFIG: &str = "config.json";

/// The folder of checkpoints in a run.
const CHECKPOINTS: &str = store::layout::CHECKPOINTS;

/// A model, and the tokenizer that lies beside it.
pub struct ModelFolder {
    /// The model.
    pub model: Llama,
    /// The tokenizer of its tokens, if there is one.
    pub tokenizer: Option<AnyTokenizer>,
    /// Where it computes.
    pub(crate) device: Device,
}

impl ModelFolder {
    /// Checks that ids in `shards` mean to the model what they mean there, as far as the bytes that each
    /// stands for tell; one without a tokenizer has nothing to be checked.
    pub(crate) fn check_tokens(&self, token_bytes: &[u32], shards: &Path) -> Result<()> {
        let Some(tokenizer) = &self.tokenizer else { return Ok(()) };
        let own = token_bytes_table(tokenizer).into_iter().map(u32::from);
        let same = own.len() <= token_bytes.len()
            && own.zip(token_bytes).all(|(own, bytes)| own == *bytes);
        if same {
            return Ok(());
        }
        Err(TrainingError::Refused(format!(
            "the tokens of {} are those of another tokenizer than the model's; encode the texts with the \
             {TOKENIZER} beside the model",
            shards.display()
        )))
    }

    /// The tokenizer.
    ///
    /// # Errors
    /// There is none.
    pub fn tokenizer(&self) -> Result<&AnyTokenizer> {
        self.tokenizer.as_ref().ok_or_else(|| {
            TrainingError::Refused(format!(
                "there is no {TOKENIZER} beside the model; put it there"
            ))
        })
    }
}

/// Loads the model of a run directory or a pretraining (its latest checkpoint), of a checkpoint's folder,
/// or of a folder with `config.json` and `model.safetensors`. `context` 0 is the model's own; another is
/// only for a model of others.
pub fn load_model_folder(root: &Path, context: usize, device: &str) -> Result<ModelFolder> {
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |source| TrainingError::Read { path, source }
    };
    let device = model::open_device(device)?;
    let tokenizer = root.join(TOKENIZER);
    let tokenizer = tokenizer.is_file().then(|| AnyTokenizer::load(&tokenizer)).transpose()?;
    let model = if let Some(checkpoint) = latest_checkpoint(root)? {
        load_model(&files(&checkpoint)?, &device)?
    } else if root.join("state.json").is_file() {
        load_model(&files(root)?, &device)?
    } else if root.join(CONFIG).is_file() {
        from_hf_files(&read_hf_folder(root).map_err(failed(root))?, context, &device)?
    } else {
        let root = root.display();
        return Err(TrainingError::Refused(format!(
            "{root} has no model: no {CHECKPOINTS}/ and no {CONFIG}; add `[pretrain]` to the recipe of a \
             run, or name the folder that `gristmill pretrain` made"
        )));
    };
    Ok(ModelFolder { model, tokenizer, device })
}

fn latest_checkpoint(root: &Path) -> Result<Option<PathBuf>> {
    let folder = root.join(CHECKPOINTS);
    if !folder.is_dir() {
        return Ok(None);
    }
    let failed = |source| TrainingError::Read { path: folder.display().to_string(), source };
    let entries = std::fs::read_dir(&folder).map_err(failed)?;
    let mut steps = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .map_err(failed)?;
    steps.sort();
    Ok(steps.pop())
}

/// Names and contents of the files of a folder.
fn files(folder: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let failed = |source| TrainingError::Read { path: folder.display().to_string(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.push((name, std::fs::read(&path).map_err(failed)?));
    }
    Ok(files)
}
