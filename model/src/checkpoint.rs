//! What a checkpoint holds, and how a model and a run are restored from it.
//!
//! | file | content |
//! |---|---|
//! | `model.safetensors` | the weights, named as Hugging Face's Llama names them |
//! | `config.json` | the shape for `transformers`, if it has a name for it |
//! | `optimizer.safetensors` | the optimiser's moments of every parameter |
//! | `state.json` | [`State`]: step, settings, curve, digests of the other files |
//!
//! Equal runs have equal bytes at equal steps.

use bug::{Bug, OrBug as _};
use candle_core::Device;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use xxhash_rust::xxh3::xxh3_128;

use crate::config::ModelConfig;
use crate::error::ModelError;
use crate::export::hf::config_json;
use crate::export::{SpecialIds, architecture};
use crate::llama::Llama;
use crate::optimizer::Optimizer;
use crate::parameters::Parameters;
use crate::progress::Curve;
use crate::settings::{FREE_ON_RESUME, TrainConfig};
use crate::source::StreamId;
use crate::tensors::Precision;

const MODEL: &str = "model.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";
const CONFIG: &str = "config.json";
const STATE: &str = "state.json";

/// Version of the layout of `state.json`.
const STATE_VERSION: u32 = 2;

/// The content of `state.json`: everything of a run except its tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    /// Version of this layout.
    pub(crate) version: u32,
    /// Finished steps. Batches and learning rate are functions of it, so they need no other state.
    pub(crate) step: usize,
    /// The shape of the model.
    pub(crate) model: ModelConfig,
    /// The settings of the run.
    pub(crate) train: TrainConfig,
    /// The training split.
    pub(crate) training_tokens: StreamId,
    /// The validation split.
    pub(crate) validation_tokens: StreamId,
    /// The steps whose update was skipped because of a spike, ascending.
    pub(crate) skipped_steps: Vec<usize>,
    /// XXH3-128 of `model.safetensors` and `optimizer.safetensors`, in hexadecimal.
    pub(crate) digests: [String; 2],
    /// All points so far.
    pub(crate) curve: Curve,
}

impl State {
    /// The state before the first step. The digests are still empty.
    pub(crate) fn new(
        model: &ModelConfig,
        train: &TrainConfig,
        [training_tokens, validation_tokens]: [StreamId; 2],
    ) -> Self {
        Self {
            version: STATE_VERSION,
            step: 0,
            model: model.clone(),
            train: train.clone(),
            training_tokens,
            validation_tokens,
            skipped_steps: Vec::new(),
            digests: [String::new(), String::new()],
            curve: Curve::default(),
        }
    }

    /// Refuses to resume from `self` if a setting that changes the result differs in `now`.
    pub(crate) fn check_same_run(&self, now: &Self) -> Result<(), ModelError> {
        let differs = |what: &str, theirs: String, ours: String| {
            if theirs == ours {
                return Ok(());
            }
            let what = what.to_owned();
            Err(ModelError::ResumeMismatch { step: self.step, what, theirs, ours })
        };
        differs("model", format!("{:?}", self.model), format!("{:?}", now.model))?;
        // Both are of one type, so they have the same keys in the same order.
        for ((key, theirs), (_, ours)) in settings(&self.train)?.iter().zip(settings(&now.train)?) {
            if !FREE_ON_RESUME.contains(&key.as_str()) {
                differs(key, theirs.to_string(), ours.to_string())?;
            }
        }
        let streams = [
            ("training tokens", &self.training_tokens, &now.training_tokens),
            ("validation tokens", &self.validation_tokens, &now.validation_tokens),
        ];
        for (what, theirs, ours) in streams {
            differs(what, format!("{theirs:?}"), format!("{ours:?}"))?;
        }
        Ok(())
    }
}

fn settings(train: &TrainConfig) -> Result<Map<String, Value>, ModelError> {
    match serde_json::to_value(train).or_bug("settings that JSON cannot hold")? {
        Value::Object(settings) => Ok(settings),
        other => Err(Bug::new(format!("settings are {other}, not an object")).into()),
    }
}

/// The files of a checkpoint: name and content.
///
/// # Errors
/// Memory runs out.
pub(crate) fn to_files(
    model: &Llama,
    optimizer: &Optimizer,
    state: &State,
) -> Result<Vec<(&'static str, Vec<u8>)>, ModelError> {
    let weights = model.parameters().to_safetensors()?;
    let moments = optimizer.to_safetensors(model.parameters())?;
    let state = State { digests: [digest(&weights), digest(&moments)], ..state.clone() };
    let json = serde_json::to_string_pretty(&state).or_bug("a state that JSON cannot hold")?;
    let mut files = vec![(MODEL, weights), (OPTIMIZER, moments)];
    // Without a public format for its shape, the model has no `config.json`.
    if architecture(model.config()).is_ok() {
        let config = config_json(model.config(), SpecialIds::default(), Precision::F32)?;
        files.push((CONFIG, config.into_bytes()));
    }
    files.push((STATE, (json + "\n").into_bytes()));
    Ok(files)
}

/// Loads the model of a checkpoint, whose files are pairs of name and content.
///
/// # Errors
/// A file is missing or damaged: its digest is not the one in `state.json`.
pub fn load_model(files: &[(String, Vec<u8>)], device: &Device) -> Result<Llama, ModelError> {
    let state = load_state(files)?;
    let weights = checked(files, MODEL, &state.digests[0])?;
    Llama::new(&state.model, Parameters::from_safetensors(&state.model, weights, device)?, device)
}

/// Loads the state of the optimiser that trained `model`.
pub(crate) fn load_optimizer(
    files: &[(String, Vec<u8>)],
    model: &Llama,
    state: &State,
) -> Result<Optimizer, ModelError> {
    let moments = checked(files, OPTIMIZER, &state.digests[1])?;
    Optimizer::from_safetensors(model.parameters(), state.train.optimizer_settings(), moments)
}

/// Reads `state.json`.
///
/// # Errors
/// The file is missing, was written by another version, or describes an invalid model.
pub(crate) fn load_state(files: &[(String, Vec<u8>)]) -> Result<State, ModelError> {
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
