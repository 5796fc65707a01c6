//! Models in folders: of a run, of `pretrain`, or in Hugging Face's layout.

use std::path::{Path, PathBuf};

use candle_core::Device;
use encoder::AnyTokenizer;
use model::{Llama, from_hf_files, load_model, read_hf_folder};
use store::layout::TOKENIZER;

use crate::error::{Result, TrainingError};
use crate::token_bytes::token_bytes_table;

/// The file that marks a folder in Hugging Face's layout.
const CONFIG: &str = "config.json";

/// The folder of checkpoints in a run directory.
const CHECKPOINTS: &str = store::layout::CHECKPOINTS;

/// A model and the tokenizer beside it.
pub struct ModelFolder {
    /// The model.
    pub model: Llama,
    /// The model's tokenizer, if the folder has one.
    pub tokenizer: Option<AnyTokenizer>,
    /// The device that holds the model.
    pub(crate) device: Device,
}

impl ModelFolder {
    /// Checks that `shards` were encoded with the model's tokenizer, by comparing the number of
    /// bytes of each token. A model without a tokenizer passes.
    pub(crate) fn check_tokens(&self, token_bytes: &[u32], shards: &Path) -> Result<()> {
        let Some(tokenizer) = &self.tokenizer else { return Ok(()) };
        let own = token_bytes_table(tokenizer).into_iter().map(u32::from);
        let same = own.len() <= token_bytes.len()
            && own.zip(token_bytes).all(|(own, bytes)| own == *bytes);
        if same {
            return Ok(());
        }
        Err(TrainingError::Refused(format!(
            "{} was encoded with another tokenizer than the model's; encode the texts with the \
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

/// Loads a model: the latest checkpoint of a run directory or of `pretrain`, a checkpoint's folder,
/// or a folder with `config.json` and `model.safetensors`.
///
/// `context` is the context length in tokens, 0 for the model's own. It only applies to models in
/// Hugging Face's layout.
///
/// # Errors
/// The folder has no model, a file cannot be read, or the device is not usable.
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
            "{root} has no model: neither {CHECKPOINTS}/ nor {CONFIG}; add `[pretrain]` to the \
             run's recipe, or give the output folder of `gristmill pretrain`"
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

/// The names and contents of the files in a folder.
fn files(folder: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let failed = |source| TrainingError::Read { path: folder.display().to_string(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        files.push((name, std::fs::read(entry.path()).map_err(failed)?));
    }
    Ok(files)
}
