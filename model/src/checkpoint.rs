//! What a checkpoint holds, and how a model and a run come back from one.
//!
//! | file | content |
//! |---|---|
//! | `model.safetensors` | the weights, named as Hugging Face's Llama names them |
//! | `config.json` | the shape for `transformers` |
//! | `optimizer.safetensors` | both AdamW moments of every parameter |
//! | `state.json` | [`State`]: step, settings, curve, digests of the other files |
//!
//! The same run gives the same bytes at the same step.

use candle_core::Device;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use crate::optimizer::AdamW;
use crate::parameters::Parameters;
use crate::train::{Curve, TrainConfig};
use crate::{Llama, ModelConfig, ModelError, TokenSource};

const MODEL: &str = "model.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";
const CONFIG: &str = "config.json";
const STATE: &str = "state.json";

/// Version of the layout of `state.json`.
const STATE_VERSION: u32 = 1;

/// A stream of tokens as a checkpoint remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamId {
    /// Its number of tokens.
    pub tokens: u64,
    /// [`TokenSource::identity`].
    pub identity: String,
}

impl StreamId {
    /// Describes `source`.
    pub fn of(source: &dyn TokenSource) -> Self {
        Self { tokens: source.n_tokens(), identity: source.identity() }
    }
}

/// The content of `state.json`: everything of a run but its tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Version of this layout.
    pub version: u32,
    /// Finished steps, which is also the state of the loader and of the schedule.
    pub step: usize,
    /// The shape of the model.
    pub model: ModelConfig,
    /// The settings of the run.
    pub train: TrainConfig,
    /// The training split.
    pub training_tokens: StreamId,
    /// The validation split.
    pub validation_tokens: StreamId,
    /// XXH3-128 of `model.safetensors` and `optimizer.safetensors`, in hexadecimal.
    pub digests: [String; 2],
    /// All points so far.
    pub curve: Curve,
}

impl State {
    /// A state at `step`, digests still empty.
    pub(crate) fn new(
        model: &ModelConfig,
        train: &TrainConfig,
        [training, validation]: [&dyn TokenSource; 2],
    ) -> Self {
        Self {
            version: STATE_VERSION,
            step: 0,
            model: model.clone(),
            train: train.clone(),
            training_tokens: StreamId::of(training),
            validation_tokens: StreamId::of(validation),
            digests: [String::new(), String::new()],
            curve: Curve::default(),
        }
    }

    /// Refuses to go on from `self` with other settings than `now`, where they would change the result.
    pub(crate) fn check_same_run(&self, now: &Self) -> Result<(), ModelError> {
        let differs = |what, theirs: String, ours: String| {
            if theirs == ours {
                return Ok(());
            }
            Err(ModelError::ResumeMismatch { step: self.step, what, theirs, ours })
        };
        let (theirs, ours) = (&self.train, &now.train);
        differs("model", format!("{:?}", self.model), format!("{:?}", now.model))?;
        differs("seed", theirs.seed.to_string(), ours.seed.to_string())?;
        differs("steps", theirs.steps.to_string(), ours.steps.to_string())?;
        differs("batch_size", theirs.batch_size.to_string(), ours.batch_size.to_string())?;
        differs("learning_rate", theirs.learning_rate.to_string(), ours.learning_rate.to_string())?;
        differs("warmup_steps", theirs.warmup_steps.to_string(), ours.warmup_steps.to_string())?;
        differs("weight_decay", theirs.weight_decay.to_string(), ours.weight_decay.to_string())?;
        differs("clip_norm", theirs.clip_norm.to_string(), ours.clip_norm.to_string())?;
        differs("eval_every", theirs.eval_every.to_string(), ours.eval_every.to_string())?;
        differs("eval_batches", theirs.eval_batches.to_string(), ours.eval_batches.to_string())?;
        let tokens = [&self.training_tokens, &now.training_tokens].map(|id| format!("{id:?}"));
        let [theirs, ours] = tokens;
        differs("training tokens", theirs, ours)?;
        let tokens = [&self.validation_tokens, &now.validation_tokens].map(|id| format!("{id:?}"));
        let [theirs, ours] = tokens;
        differs("validation tokens", theirs, ours)
    }
}

/// The files of a checkpoint: name and content.
pub fn to_files(
    model: &Llama,
    optimizer: &AdamW,
    state: &State,
) -> Result<Vec<(&'static str, Vec<u8>)>, ModelError> {
    let weights = model.parameters().to_safetensors()?;
    let moments = optimizer.to_safetensors(model.parameters())?;
    let state = State { digests: [digest(&weights), digest(&moments)], ..state.clone() };
    let json =
        serde_json::to_string_pretty(&state).map_err(|error| bad(STATE, error.to_string()))?;
    Ok(vec![
        (MODEL, weights),
        (OPTIMIZER, moments),
        (CONFIG, model.config().hf_config_json().into_bytes()),
        (STATE, (json + "\n").into_bytes()),
    ])
}

/// Loads the model of a checkpoint.
///
/// # Errors
/// A file is missing, or damaged: its digest is not the one in `state.json`.
pub fn load_model(files: &[(String, Vec<u8>)], device: &Device) -> Result<Llama, ModelError> {
    let state = load_state(files)?;
    let weights = checked(files, MODEL, &state.digests[0])?;
    Llama::new(&state.model, Parameters::from_safetensors(&state.model, weights, device)?, device)
}

/// Loads the optimiser that goes with `model`.
pub(crate) fn load_optimizer(
    files: &[(String, Vec<u8>)],
    model: &Llama,
    state: &State,
) -> Result<AdamW, ModelError> {
    let moments = checked(files, OPTIMIZER, &state.digests[1])?;
    AdamW::from_safetensors(model.parameters(), state.train.weight_decay, moments)
}

/// Reads `state.json`.
///
/// # Errors
/// It is missing, not what this version writes, or describes an invalid model.
pub fn load_state(files: &[(String, Vec<u8>)]) -> Result<State, ModelError> {
    let state: State = serde_json::from_slice(find(files, STATE)?)
        .map_err(|error| bad(STATE, error.to_string()))?;
    if state.version != STATE_VERSION {
        return Err(bad(STATE, format!("version {} is not {STATE_VERSION}", state.version)));
    }
    state.model.validate()?;
    Ok(state)
}

fn checked<'a>(
    files: &'a [(String, Vec<u8>)],
    name: &'static str,
    expected: &str,
) -> Result<&'a [u8], ModelError> {
    let content = find(files, name)?;
    let found = digest(content);
    if found == expected {
        return Ok(content);
    }
    Err(bad(name, format!("its digest is {found}, `{STATE}` says {expected}")))
}

fn find<'a>(files: &'a [(String, Vec<u8>)], name: &'static str) -> Result<&'a [u8], ModelError> {
    let found = files.iter().find(|(candidate, _)| candidate == name);
    found.map(|(_, content)| content.as_slice()).ok_or_else(|| bad(name, "it is missing".into()))
}

fn digest(content: &[u8]) -> String {
    format!("{:032x}", xxh3_128(content))
}

fn bad(file: &str, reason: String) -> ModelError {
    ModelError::BadCheckpoint { file: file.to_owned(), reason }
}
